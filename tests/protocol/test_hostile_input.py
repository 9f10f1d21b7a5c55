"""Whatever is sent to the server and to services, nothing breaks, nobody sleeps, no state grows.

``FILIBUSTER_HOSTILE_CASES`` in the environment says how many cases to try in all; ``.ci/run``
tries many.
"""

from __future__ import annotations

import copy
import gc
import json
import logging
import os
import re
import socket
import sys
import time
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask, request
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flask_filibuster import Filibuster
from flask_filibuster.config import Config
from flask_filibuster.errors import InjectionError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.protocol import headers as wire
from flask_filibuster.protocol.reading import OURS
from flask_filibuster.server import embedded, execution
from flask_filibuster.server.http.app import LARGEST_BODY, create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import Seal, seal_of
from tests.support.callers import dead_url, serving
from tests.support.foreign import ForeignServer, Sent, foreign_server

CASES = int(os.environ.get("FILIBUSTER_HOSTILE_CASES", "400"))
TOKEN = "correct horse"

# Some of what is sent is large on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


def part(percent: int) -> settings:
    """Settings for a test that has this part of all cases."""
    return settings(
        max_examples=max(1, CASES * percent // 100),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class Errors(logging.Handler):
    """What is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@contextmanager
def no_errors() -> Iterator[None]:
    """Nothing is logged as an error in the block."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(errors)
    assert errors.messages == []


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


def without(value: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return changed


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A message of the protocol in which something may be replaced, or left out."""
    method, path, content = draw(st.sampled_from(MESSAGES))
    places = list(places_in(content))
    if draw(st.integers(0, 5)) == 0:
        return method, path, without(content, draw(st.sampled_from(places[1:])))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        content = replaced(content, draw(st.sampled_from(places)), draw(HOSTILE))
    return method, path, content


def as_json(content: Any) -> bytes:
    if content is None:
        return b""
    deep = "[" * 20_000 + "]" * 20_000
    return json.dumps(content).replace(json.dumps(DEEP), deep).encode()


class Target:
    """A new server, some way into an exploration."""

    def __init__(self, *, begun: bool = True) -> None:
        self.coordinator = Coordinator(config=Config(timeout=0.005))
        app = create_app(self.coordinator, version="x")
        self.client: FlaskClient = app.test_client()
        self.exploration = ""
        if begun:
            self.exploration = self.client.post(
                "/filibuster/explorations", json={"name": "x", "analysis": ANALYSIS}
            ).get_json()["exploration"]
            self.client.get(f"/filibuster/has-next-iteration/1?exploration={self.exploration}")

    def send(self, message: Message) -> int:
        """Send a message; the answer is checked, and its status returned."""
        method, path, content = message
        path = path.replace("EXPLORATION", self.exploration)
        body = content if isinstance(content, bytes) else as_json(content)
        response = self.client.open(path, method=method, data=body)
        check_status(path, response.status_code, response.data)
        return response.status_code


def check_status(path: str, status: int, answer: bytes) -> None:
    away = status == 503 and path.startswith("/ready")
    assert status < 500 or away, (path, status, answer)


class TestTheServer:
    @pytest.mark.slow
    @part(35)
    @given(st.booleans(), st.lists(messages() | st.sampled_from(QUESTIONS), min_size=1, max_size=6))
    def test_takes_any_values_in_messages(self, begun: bool, sent: list[Message]) -> None:
        with no_errors():
            target = Target(begun=begun)
            for message in sent:
                target.send(message)
            assert target.client.get("/health-check").status_code == 200
            check_status("/", target.client.get("/").status_code, b"")

    @pytest.mark.slow
    @part(10)
    @given(
        st.sampled_from([(method, path) for method, path, _ in (*MESSAGES, *QUESTIONS)]),
        st.binary() | st.sampled_from([b"\xff\xfe", b"\x00" * 100, b"[" * 100_000, b'"\\ud800"']),
    )
    def test_takes_any_bytes_as_bodies(self, where: tuple[str, str], body: bytes) -> None:
        with no_errors():
            Target().send((*where, body))

    @pytest.mark.slow
    @part(10)
    @given(
        st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"]),
        st.sampled_from(sorted({path.partition("?")[0] for _, path, _ in (*MESSAGES, *QUESTIONS)})),
        st.lists(
            st.text(st.characters(exclude_characters="?#", exclude_categories=["Cs"]), max_size=9)
            | st.sampled_from(["9" * 5000, "-1", "..", "%", "%ff", "", "EXPLORATION", "a" * 5000]),
            max_size=3,
        ),
        st.dictionaries(
            st.sampled_from(["request_id", "exploration", "method", "url", "other"]),
            SCALARS.map(str),
            max_size=4,
        ),
    )
    @example("GET", "/filibuster/has-next-iteration", ["9" * 5000], {})
    @example("GET", "/filibuster/new-test-execution/a", [], {"method": "", "url": "http://a:99999"})
    @example("GET", "/filibuster/new-test-execution/a", [], {"method": "", "url": "http://["})
    def test_takes_any_method_path_and_query(
        self, method: str, path: str, more: list[str], query: dict[str, str]
    ) -> None:
        with no_errors():
            target = Target()
            path = "/".join((path, *more)).replace("EXPLORATION", target.exploration)
            # Past what a client makes of them.
            environ = {
                "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
                "QUERY_STRING": urlencode(query, errors="surrogatepass"),
            }
            response = target.client.open("/", method=method, environ_overrides=environ)
            check_status(path, response.status_code, response.data)

    @pytest.mark.parametrize("url", ["http://[", "//[", "http://a:99999/", "http://a:b/", "//℀"])
    @pytest.mark.parametrize(
        ("message", "place"),
        [
            (MESSAGES[0], (OURS, "url")),
            (MESSAGES[6], ("faults", 0, "url")),
            *((each, ("url",)) for each in MESSAGES if each[2].get("note") == "request"),
        ],
        ids=["create", "explorations", "note", "note of an exploration"],
    )
    def test_refuses_what_is_no_url(
        self, message: Message, place: tuple[Any, ...], url: str
    ) -> None:
        method, path, content = message
        with no_errors():
            assert Target().send((method, path, replaced(content, place, url))) == 400

    @pytest.mark.parametrize("length", [LARGEST_BODY + 1, 10**11])
    def test_refuses_bodies_over_the_limit(self, length: int) -> None:
        with Serving(create_app(Coordinator(), version="x"), port=0) as serving:
            head = f"PUT /filibuster/create HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
            assert raw(serving, head.encode()).startswith(b"HTTP/1.1 413 ")
        response = Target().client.put("/filibuster/create", data=b"x" * (LARGEST_BODY + 1))
        assert response.status_code == 413

    def test_takes_deeply_nested_calls(self) -> None:
        target = Target()
        method, path, content = MESSAGES[0]
        end: Message = ("POST", "/filibuster/complete-iteration/1?exploration=EXPLORATION", None)
        with no_errors():
            for depth in range(1, 1500):
                index = json.dumps([["", 1]] * depth)
                if target.send((method, path, {**content, "execution_index": index})) != 200:
                    break
            assert target.send(end) == 200

    @pytest.mark.slow
    def test_refuses_too_many_explorations(self) -> None:
        target = Target()
        statuses = [target.send(MESSAGES[5]) for _ in range(1100)]
        assert set(statuses) == {200, 409}
        assert len(target.coordinator.describe()["explorations"]) == statuses.count(200) + 1


def raw(serving: Serving, sent: bytes) -> bytes:
    """Send bytes, and nothing more; everything that comes back."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
        received = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                received += piece
        except OSError:
            pass  # The server need not read all of it, nor wait for our end.
        return received


STATUS = re.compile(rb"HTTP/1\.[01] (\d+) ")
PLAIN = b"GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"PUT /filibuster/create HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1", b"GET /", b"GET", b"", b" ", b"GET / HTTP/9.9", b"GET / HTTP/1.x"),
        *(b"PRI * HTTP/2.0", b"GET //a HTTP/1.1", b"GET http://[ HTTP/1.1", b"GET * HTTP/1.1"),
        *(b"PUT /filibuster/create HTTP/1.1", b"HEAD / HTTP/1.0", b"OPTIONS * HTTP/1.1"),
        *(
            b"GET /\xff\xfe HTTP/1.1",
            b"GET /%00%ff HTTP/1.1",
            b"\x16\x03\x01\x02\x00",
            b"GET / " * 20,
        ),
        b"GET /<long> HTTP/1.1",
    ]
)
FIELDS = st.sampled_from(
    [
        *(b"Host: a", b"Host: [", b"Host: \xff", b"Host:", b"Host: a:99999", b"Host: a:b", b": x"),
        *(b"Content-Length: -1", b"Content-Length: x", b"Content-Length: \xb2", b"Content-Length:"),
        *(b"Content-Length: 10", b"Content-Length: 1e3", b"Content-Length: 99999999999999999999"),
        *(b"Content-Length: 4", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
        *(b"Expect: 100-continue", b"Connection: upgrade", b"Connection: close", b" folded"),
        *(
            b"X-Filibuster-Signature: \xff",
            b"no colon",
            b"X: <long>",
            b"Content_Length: 5",
        ),
        *(b"Content-Type: \xff; charset=\x00", b"Cookie: \xff=;=;", b"Range: bytes=a-"),
    ]
)
CHUNKS = st.sampled_from(
    [
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n",
        b"-1\r\n",
        b"\r\n",
        b"zz\r\n",
        b"fffffffff\r\n",
        b"5;a=b\r\nab",
    ]
)
REQUESTS = st.one_of(
    st.binary(max_size=200),
    st.lists(LINES | FIELDS | st.binary(max_size=20), max_size=8).map(b"\r\n".join),
    st.tuples(LINES, st.lists(FIELDS, max_size=4), st.binary(max_size=30)).map(
        lambda parts: b"\r\n".join((parts[0], *parts[1], b"", parts[2]))
    ),
    st.lists(CHUNKS | st.binary(max_size=9), max_size=5).map(lambda some: CHUNKED + b"".join(some)),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    coordinator = Coordinator(config=Config(timeout=0.005))
    with Serving(create_app(coordinator, version="x"), port=0) as serving:
        yield serving


class TestTheSocket:
    @pytest.mark.slow
    @part(15)
    @given(sent=REQUESTS)
    @example(sent=CHUNKED + b"fffffffff\r\n")
    @example(sent=b"GET / HTTP/1.1\r\nHost: [\r\n\r\n")
    def test_takes_any_bytes(self, served: Serving, sent: bytes) -> None:
        with no_errors():
            answer = raw(served, sent.replace(b"<long>", b"a" * 70_000))
            statuses = [int(each) for each in STATUS.findall(answer)]
            # Of the unknown it says so: 501 of a method, 505 of a version.
            assert [each for each in statuses if each >= 500 and each not in (501, 505)] == []
            assert raw(served, PLAIN).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize(
        "field", [b"-1", b"x", b"1e3", b"+5", b"5_0", b"\xb2", b"0x10"], ids=repr
    )
    def test_bad_content_length_is_refused(self, served: Serving, field: bytes) -> None:
        head = b"PUT /filibuster/create HTTP/1.1\r\nContent-Length: " + field + b"\r\n\r\n"
        assert raw(served, head).startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize(
        ("chunks", "status"),
        [
            (b"zz\r\n", b"400"),
            (b"-5\r\nabcde\r\n0\r\n\r\n", b"400"),
            (b"", b"400"),
            (b"fffffffff\r\n", b"413"),
            (b"2\r\n{}\r\n0\r\n\r\n", b"400"),  # Which is read, but no message.
        ],
        ids=["no number", "negative", "nothing", "too large", "no message"],
    )
    def test_chunks_that_are_none_are_refused(
        self, served: Serving, chunks: bytes, status: bytes
    ) -> None:
        assert raw(served, CHUNKED + chunks).startswith(b"HTTP/1.1 " + status)

    def test_a_request_after_trailers_is_answered(self, served: Serving) -> None:
        answer = raw(served, CHUNKED + b"2\r\n{}\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n" + PLAIN)
        assert STATUS.findall(answer) == [b"400", b"200"]


def held_by(*roots: object) -> int:
    """Bytes held by what is reachable from objects, without modules, classes and functions."""
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    size = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | types.ModuleType | types.FunctionType):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each)
        waiting.extend(gc.get_referents(each))
    return size


def numbered(text: str, number: int) -> str:
    return text.replace("68ae", f"{number:08x}").replace("3f0c", f"id-{number}")


class TestState:
    @pytest.fixture(autouse=True)
    def _low_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (embedded, execution):
            for name in vars(module):
                if name.startswith("MOST_"):
                    monkeypatch.setattr(module, name, 50)

    @pytest.mark.parametrize(
        "message",
        [each for each in MESSAGES if not each[1].endswith(("analysis-file", "explorations"))],
        ids=lambda each: f"{each[1]} {list(each[2])}"[:80],
    )
    @pytest.mark.parametrize("begun", [True, False], ids=["in an execution", "outside"])
    def test_is_bounded_whatever_is_told(self, message: Message, begun: bool) -> None:
        target = Target(begun=begun)
        sizes = []
        for rounds in range(3):
            for number in range(100):
                each = rounds * 100 + number + 1000
                told = numbered(json.dumps(message[2]), each)
                told = told.replace("bookings", f"bookings{each}")
                told = told.replace("was away", f"was away {each}")
                # What was lost before the execution began is kept elsewhere, for half a second.
                told = told.replace('"age": 0.5', '"age": 0')
                target.send((message[0], message[1], json.loads(told)))
            sizes.append(held_by(target.coordinator))
        assert sizes[2] < sizes[1] + 1000

    @pytest.mark.parametrize(
        "path",
        [
            "/filibuster/new-test-execution/users{0}",
            "/filibuster/new-test-execution/users?method=GET&url=http://a/{0}&request_id=id-{0}",
            "/filibuster/new-test-execution/users?method=GET&url=http://a/{0}",
            "/filibuster/fault-injected/bookings{0}?request_id=id-{0}",
            "/filibuster/fault-injected/method/bookings{0}/get",
        ],
    )
    def test_is_bounded_whatever_is_asked(self, path: str) -> None:
        target = Target()
        sizes = []
        for rounds in range(3):
            for number in range(100):
                target.send(("GET", path.format(rounds * 100 + number + 1000), None))
            sizes.append(held_by(target.coordinator))
        assert sizes[2] < sizes[1] + 1000

    def test_overlong_execution_proves_nothing(self) -> None:
        target = Target()
        path = "/filibuster/complete-iteration/1/exception/0?exploration="
        for number in range(60):
            for message in (MESSAGES[0], MESSAGES[2]):
                told = json.loads(numbered(json.dumps(message[2]), number))
                told["request_id"] = "3f0c"
                told["generated_id"] = number
                target.send((*message[:2], told))
        seen = target.client.post(path + target.exploration).get_json()[OURS]
        assert seen["verdict"] == "inconclusive"
        assert "more than 50 calls" in " ".join(seen["problems"])


class Service:
    """An instrumented service that makes a call when it handles a request, and its server.

    :ivar arrived: the protocol's headers of the requests that its callee received.
    """

    def __init__(self, stack: ExitStack, server_url: str, **config: Any) -> None:
        self.arrived: list[dict[str, str]] = []
        leaf = Flask("leaf")
        front = Flask("front")

        @leaf.get("/ok")
        def ok() -> str:
            names = (*NAMES, wire.ORIGIN_VCLOCK)
            self.arrived.append({k: request.headers[k] for k in names if k in request.headers})
            return "fine"

        at = stack.enter_context(serving(leaf))

        def index() -> str:
            with session.get(f"{at}/ok", timeout=5) as response:
                return f"answer {response.text}"

        session = stack.enter_context(requests.Session())
        bare = Flask("front")
        for app in (front, bare):
            app.add_url_rule("/", "index", index)
        self.bare = bare.test_client()
        front.config.update(config)
        Filibuster(front, server_url=server_url)
        stack.callback(front.extensions["filibuster"].disconnect)
        self.client = front.test_client()

    def request(self, headers: dict[str, str]) -> tuple[int, bytes, list[tuple[str, str]]]:
        """Let it handle a request; the whole of its answer."""
        environ = {f"HTTP_{name.upper().replace('-', '_')}": v for name, v in headers.items()}
        response = self.client.get("/", environ_overrides=environ)
        return response.status_code, response.data, list(response.headers)


@pytest.fixture(scope="module")
def awake() -> Iterator[list[float]]:
    """How long anybody has slept; nobody really does."""
    slept: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", slept.append)
        yield slept


@pytest.fixture(
    scope="module", params=["ours, idle", "ours, in an execution", "another project's", "nobody"]
)
def service(request: pytest.FixtureRequest, awake: list[float]) -> Iterator[Service]:
    """A service with one server or another, none of which knows the requests that it gets."""
    with ExitStack() as stack:
        if request.param == "another project's":
            foreign = stack.enter_context(foreign_server())
            foreign.answers = refuse_updates
            url = foreign.url
        elif request.param == "nobody":
            url = dead_url()
        else:
            coordinator = Coordinator()
            if request.param == "ours, in an execution":
                coordinator.has_next(1, "")
            app = create_app(coordinator, version="x")
            url = stack.enter_context(Serving(app, port=0)).url
        yield Service(stack, url)


def refuse_updates(sent: Sent) -> tuple[int, bytes] | None:
    """Of an invocation that it did not number, another project's server knows nothing."""
    if sent.what == "request_received":
        return 404, b'{"error": "no such invocation"}'
    return None


NAMES = [*wire.READ, wire.ORIGIN_VCLOCK]
PLAUSIBLE = {
    wire.REQUEST_ID: "3f0c",
    wire.EXECUTION_INDEX: INDEX,
    wire.GENERATED_ID: "7",
    wire.VCLOCK: '{"users": 1}',
    wire.ORIGIN_VCLOCK: '{"users": 1}',
    wire.FORCED_SLEEP: "3600",
}
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40)
VALUES = (
    LATIN
    | st.sampled_from(
        [each for each in NASTY if isinstance(each, str) and max(each, default="") < "Ā"]
    )
    | st.sampled_from(["[" * 16_000, "[" * 100_000, "{" * 100_000, '[["a", 1]]' * 3, '[["", 9]]'])
    | st.sampled_from(['[["a", 0]]', '[["a", 1e400]]', '[["a", ' + "9" * 4000 + "]]", '{"a": -1}'])
    | st.sampled_from(
        ['[["\\ud800", 1]]', '{"\\ud800": 1}', "3600", "1.5", "0", "Infinity", "²", "1" * 18]
    )
)


class TestTheService:
    @pytest.mark.slow
    @part(4)
    @given(headers=st.dictionaries(st.sampled_from(NAMES), VALUES), plausible=st.booleans())
    @example(headers={}, plausible=True)
    @example(headers={wire.EXECUTION_INDEX: '[["\\ud800", 1]]'}, plausible=True)
    @example(headers={wire.VCLOCK: '{"\\ud800": 1}'}, plausible=True)
    def test_answers_at_once_whatever_the_headers(
        self, service: Service, awake: list[float], headers: dict[str, str], plausible: bool
    ) -> None:
        awake.clear()
        began = time.monotonic()
        answer = service.request({**(PLAUSIBLE if plausible else {}), **headers})
        assert answer == service.request({})
        assert answer[:2] == (200, b"answer fine")
        # That a server cannot be reached is tried again after a moment, by the service.
        assert [each for each in awake if each > 0.1] == []
        assert time.monotonic() - began < 5

    @part(1)
    @given(sleep=VALUES, with_id=st.booleans())
    @example(sleep="3600", with_id=True)
    @example(sleep="3600", with_id=False)
    def test_never_sleeps_for_unknown_calls(
        self, service: Service, awake: list[float], sleep: str, with_id: bool
    ) -> None:
        awake.clear()
        headers = {**PLAUSIBLE, wire.FORCED_SLEEP: sleep}
        if not with_id:
            del headers[wire.GENERATED_ID]
        assert service.request(headers)[:2] == (200, b"answer fine")
        assert [each for each in awake if each > 0.1] == []

    @pytest.mark.parametrize("host", ["a:99999", "[", "a:b", "\xff", "", "a" * 300, "[::1]:x"])
    @pytest.mark.parametrize("place", [{}, PLAUSIBLE], ids=["without a place", "with a place"])
    def test_answers_whatever_the_host(
        self, service: Service, host: str, place: dict[str, str]
    ) -> None:
        try:
            bare = service.bare.get("/", environ_overrides={"HTTP_HOST": host})
        except ValueError:
            pytest.skip("the test client of this Werkzeug sends no such host")
        assert service.request({**place, "Host": host})[:2] == (bare.status_code, bare.data)


def decided(sent: Sent, content: bytes) -> tuple[int, bytes] | None:
    return (200, content) if sent.what in ("invocation", "invocation_complete") else None


@pytest.fixture(scope="module")
def world(awake: list[float]) -> Iterator[tuple[Service, ForeignServer]]:
    with ExitStack() as stack:
        foreign = stack.enter_context(foreign_server())
        yield Service(stack, foreign.url), foreign


class TestAServiceWithAHostileServer:
    """What a server answers can make a call fail, as that is what it is for, and no more."""

    @pytest.mark.slow
    @part(10)
    @given(data=st.data())
    def test_meets_its_faults_or_answers(
        self, world: tuple[Service, ForeignServer], awake: list[float], data: st.DataObject
    ) -> None:
        service, foreign = world
        awake.clear()
        decision = {
            "generated_id": 0,
            "execution_index": INDEX,
            "forced_exception": {
                "name": "requests.exceptions.Timeout",
                "metadata": {"sleep": 1, "abort": False},
            },
            "failure_metadata": {"return_value": {"status_code": "503"}, "metadata": {}},
        }
        keep = data.draw(st.sampled_from(["forced_exception", "failure_metadata", "neither"]))
        decision = {k: v for k, v in decision.items() if k == keep or not k.startswith("f")}
        place = data.draw(st.sampled_from(list(places_in(decision))))
        content = as_json(replaced(decision, place, data.draw(HOSTILE)))
        foreign.answers = lambda sent: decided(sent, content)
        try:
            status, answer, _ = service.request({})
        except (requests.RequestException, InjectionError):
            pass
        else:
            assert status in (200, 500)
            assert answer.startswith((b"answer", b"<!doctype html>"))
        # No longer than the settings allow.
        assert [each for each in awake if not 0 <= each <= 10] == []


class TestAToken:
    @pytest.fixture(autouse=True)
    def _token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FILIBUSTER_TOKEN", TOKEN)

    @pytest.mark.parametrize(
        "signature",
        [
            None,
            "",
            "\xff",
            "a" * 5000,
            Seal("another secret").sign("GET", "/filibuster/iterations-remaining", b""),
            Seal(TOKEN).sign("GET", "/filibuster/terminate", b""),
            Seal(TOKEN).sign("GET", "/filibuster/iterations-remaining", b"x"),
        ],
        ids=["none", "empty", "latin", "long", "another secret", "another path", "another body"],
    )
    def test_is_asked_for_by_the_server(self, signature: str | None) -> None:
        client = create_app(Coordinator(), version="x", seal=seal_of(TOKEN)).test_client()
        path = "/filibuster/iterations-remaining"
        headers = {} if signature is None else {wire.SIGNATURE: signature}
        response = client.get(path, headers=headers, environ_overrides={"REQUEST_URI": path})
        assert response.status_code == 403
        assert "FILIBUSTER_TOKEN" in response.get_json()["error"]
        assert client.get("/health-check").status_code == 200

    @pytest.mark.parametrize("message", [*MESSAGES, *QUESTIONS], ids=lambda each: each[1][-60:])
    def test_is_not_needed_for_health_checks(self, message: Message) -> None:
        client = create_app(Coordinator(), version="x", seal=seal_of(TOKEN)).test_client()
        method, path, content = message
        response = client.open(path, method=method, data=as_json(content))
        assert response.status_code == (200 if path == "/health-check" else 403)

    def test_lets_signed_calls_pass(self) -> None:
        client = create_app(Coordinator(), version="x", seal=seal_of(TOKEN)).test_client()
        path, body = "/filibuster/analysis-file", json.dumps(ANALYSIS).encode()
        headers = {wire.SIGNATURE: Seal(TOKEN).sign("POST", path, body)}
        response = client.post(
            path, data=body, headers=headers, environ_overrides={"REQUEST_URI": path}
        )
        assert response.status_code == 200

    def sent_for(self, headers: dict[str, str]) -> tuple[list[Sent], list[dict[str, str]]]:
        """What a service with a token tells its server, and its callee, of a request."""
        with ExitStack() as stack:
            foreign = stack.enter_context(foreign_server())
            service = Service(stack, foreign.url)
            assert service.request(headers)[:2] == (200, b"answer fine")
            return list(foreign.sent), service.arrived

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {name: PLAUSIBLE[name] for name in (wire.REQUEST_ID, wire.EXECUTION_INDEX)},
            PLAUSIBLE,
            {**PLAUSIBLE, wire.SIGNATURE: "\xff"},
            {**PLAUSIBLE, wire.SIGNATURE: Seal(TOKEN).sign("another")},
            {**PLAUSIBLE, wire.SIGNATURE: Seal("other one").sign(*wire.signed_parts(PLAUSIBLE))},
        ],
        ids=["no place", "a place", "a call", "nonsense", "another signature", "another secret"],
    )
    def test_makes_unsigned_requests_ordinary_traffic(self, headers: dict[str, str]) -> None:
        sent, arrived = self.sent_for(headers)
        assert sent == []
        assert arrived == [{}]

    def test_lets_signed_requests_pass(self) -> None:
        """And signs what they cause."""
        headers = {**PLAUSIBLE, wire.FORCED_SLEEP: "0"}
        headers[wire.SIGNATURE] = Seal(TOKEN).sign(*wire.signed_parts(headers))
        sent, (arrived,) = self.sent_for(headers)
        assert [each.what for each in sent] == [
            "/health-check",
            "request_received",
            "invocation",
            "invocation_complete",
        ]
        for each in sent:
            signature = each.headers[wire.SIGNATURE]
            content = b"" if each.content is None else json.dumps(each.content).encode()
            assert Seal(TOKEN).fits(signature, each.method, each.path, content)
        assert Seal(TOKEN).fits(arrived[wire.SIGNATURE], *wire.signed_parts(arrived))
