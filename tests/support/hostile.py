"""Input that no well-meaning client sends, and the messages that it is put into."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from flask_filibuster.protocol.reading import OURS

CASES = int(os.environ.get("FILIBUSTER_HOSTILE_CASES", "200"))


def part(percent: int) -> settings:
    """Settings for a test that has this part of all cases."""
    return settings(
        max_examples=max(1, CASES * percent // 100),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# What others would stumble over. A marker stands for what json cannot write.
DEEP = "<deep>"
NASTY: list[Any] = [
    *(None, True, False, 0, -1, 10**15, 2**63, 10**400, -(10**400), 1e308, -0.0, 0.5),
    *(float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "0",
        "-1",
        "NaN",
        "inf",
        "1e999",
        "1_0",
        "9" * 5000,
        "\x00",
        "\ud800",
        "\udfff\ud83d",
    ),
    *("é" * 17_000, "a" * 16_384, "[" * 500, "{}", "[]", "null", '[["a", 1]]', '[["a", 1]' * 50),
    *("http://[", "http://a:99999/", "http://a:b/", "//[", "http://[::1]:0/", "http://\ud800/"),
    *("@expr(metadata['timeout'])+1", "@expr(1)", "__import__('os').abort()", "os.system"),
    *("(", "a{99999999999}", "(?i)x", "[[a]", "request_received", "invocation", "GET", "200"),
    *({}, [], [[]], [{}], {"": None}, {OURS: OURS}, [["a"]], [[1, 2, 3]], [[0], [10**14, 1]], DEEP),
]
SCALARS = (
    st.sampled_from(NASTY)
    | st.integers()
    | st.floats()
    | st.text(st.characters(categories=["L", "N", "P", "S", "Z", "C"]), max_size=30)
)
HOSTILE = SCALARS | st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)

INDEX = '[["GET 5000/", 1], ["68ae", 1]]'
CALL = {"execution_index": INDEX, "request_id": "3f0c"}
OUTCOME = {"status": 200, "exception": None, "digest": "5373923a", "variant": ""}
SITE = {"file": "app.py", "line": 3, "function": "view"}
PLANNED = {
    "execution_index": INDEX,
    "source": "users",
    "service": "bookings",
    "method": "GET",
    "url": "http://bookings:5003/bookings/chris",
    "callsite": SITE,
    "fault": {"exception": "Timeout", "status": None, "abort": False, "sleep": 0.1},
}
ANALYSIS = {
    "python.requests": {
        "pattern": "requests\\.(get|put|post|head)",
        "exceptions": [
            {"name": "requests.exceptions.ConnectionError"},
            {
                "name": "requests.exceptions.Timeout",
                "restrictions": "timeout",
                "metadata": {"sleep": "@expr(metadata['timeout'])+0.001", "abort": False},
            },
        ],
    },
    "http": {
        "pattern": "requests\\.get",
        "errors": [
            {"service_name": "book.*", "types": [{"return_value": {"status_code": "500"}}]},
        ],
    },
}
Message = tuple[str, str, Any]
MESSAGES: list[Message] = [
    (
        "PUT",
        "/filibuster/create",
        {
            **CALL,
            "instrumentation_type": "invocation",
            "source_service_name": "users",
            "module": "requests",
            "method": "get",
            "args": ["5003/bookings/chris"],
            "kwargs": {},
            "callsite_file": "users/app.py",
            "callsite_line": "113",
            "full_traceback": "436928f8",
            "metadata": {"timeout": 10, "ssl": True},
            "vclock": {"users": 1},
            "origin_vclock": {"front": 1},
            OURS: {
                "url": "http://bookings:5003/bookings/chris",
                "function": "view",
                "timeouts": [1, 10],
                "position": [[2, 1], [1]],
            },
        },
    ),
    (
        "POST",
        "/filibuster/update",
        {
            **CALL,
            "instrumentation_type": "request_received",
            "generated_id": "0",
            "target_service_name": "bookings",
            OURS: {"method": "GET", "path": "/bookings/chris"},
        },
    ),
    (
        "POST",
        "/filibuster/update",
        {
            **CALL,
            "instrumentation_type": "invocation_complete",
            "generated_id": 0,
            "vclock": {"users": 1},
            "return_value": {"__class__": "Response", "status_code": "200", "text": "5373923a"},
            OURS: {"read": True, "lost": OUTCOME},
        },
    ),
    (
        "POST",
        "/filibuster/update",
        {
            **CALL,
            "instrumentation_type": "invocation_complete",
            "generated_id": 0,
            "vclock": {"users": 1},
            "exception": {"name": "requests.exceptions.Timeout", "metadata": {"abort": False}},
        },
    ),
    ("POST", "/filibuster/analysis-file", ANALYSIS),
    (
        "POST",
        "/filibuster/explorations",
        {
            "name": "test_purchase",
            "analysis": ANALYSIS,
            "reduction": "exact",
            "max_faults": 2,
            "max_executions": 5,
        },
    ),
    ("POST", "/filibuster/explorations", {"name": "replay", "faults": [PLANNED]}),
    ("POST", "/filibuster/explorations/EXPLORATION/requests", {"request_id": "3f0c"}),
    (
        "POST",
        "/filibuster/complete-iteration/1/exception/1?exploration=EXPLORATION",
        {OURS: {"error": "AssertionError", "signature": "a", "problem": None}},
    ),
    *(
        ("POST", f"/filibuster/note{query}", {**CALL, "note": name, **content})
        for query in ("", "?exploration=EXPLORATION")
        for name, content in (
            ("received", {"service": "bookings", "method": "GET", "path": "/bookings/chris"}),
            ("answered", {"answer": OUTCOME, "crash": {"error": "KeyError: 1", "site": SITE}}),
            ("answered", {"answer": OUTCOME, "crash": None}),
            (
                "request",
                {
                    "execution_index": '[["GET 5000/", 1]]',
                    "method": "GET",
                    "url": "http://front:5000/",
                    "timeout": [None, 1],
                    "position": [[1]],
                },
            ),
            ("request_ended", {"execution_index": '[["GET 5000/", 1]]', "outcome": OUTCOME}),
            ("injection_failed", {"reason": "no such exception"}),
            ("reports_lost", {"reason": "the server was away", "age": 0.5}),
        )
    ),
]
QUESTIONS: list[Message] = [
    (method, path, None)
    for method, path in (
        ("GET", "/filibuster/has-next-iteration/1"),
        ("GET", "/filibuster/has-next-iteration/1/driver"),
        ("GET", "/filibuster/has-next-iteration/2"),
        ("GET", "/filibuster/has-next-iteration/1?exploration=EXPLORATION"),
        ("GET", "/filibuster/has-next-iteration/2?exploration=EXPLORATION"),
        ("POST", "/filibuster/complete-iteration/1"),
        ("POST", "/filibuster/complete-iteration/1/exception/0?exploration=EXPLORATION"),
        ("GET", "/filibuster/teardowns-completed/1"),
        ("GET", "/filibuster/iterations-remaining"),
        ("GET", "/filibuster/terminate"),
        ("GET", "/filibuster/explorations/EXPLORATION"),
        ("DELETE", "/filibuster/explorations/EXPLORATION"),
        ("GET", "/filibuster/new-test-execution/users"),
        (
            "GET",
            "/filibuster/new-test-execution/users?method=GET&url=http://users:5000/&request_id=1",
        ),
        ("GET", "/filibuster/fault-injected?request_id=3f0c"),
        ("GET", "/filibuster/fault-injected/bookings"),
        ("GET", "/filibuster/fault-injected/service/bookings"),
        ("GET", "/filibuster/fault-injected/method/bookings/requests.get"),
        ("GET", "/health-check"),
        ("GET", "/filibuster/status"),
        ("GET", "/"),
    )
]


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that is in some JSON, with that to the whole of it."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from places_in(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The JSON with something else at a path, if there still is such a path."""
    if not path:
        return new
    changed = copy.copy(value)
    try:
        changed[path[0]] = replaced(changed[path[0]], path[1:], new)
    except (LookupError, TypeError):
        return value
    return changed


def as_json(content: Any) -> bytes:
    if content is None:
        return b""
    deep = "[" * 20_000 + "]" * 20_000
    return json.dumps(content).replace(json.dumps(DEEP), deep).encode()
