"""Headers from outside change nothing."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from flask import Flask, g, jsonify, request
from flask.typing import ResponseReturnValue
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_filibuster import Filibuster, explore
from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.protocol import headers as wire
from tests.support.callers import LEAF, service, serving
from tests.support.cases import cases
from tests.support.extended import told
from tests.support.models import NO_FAULTS

LONG = 65_536

LONG_LINE = LONG - 100

PROTOCOL = (
    wire.REQUEST_ID,
    wire.EXECUTION_INDEX,
    wire.GENERATED_ID,
    wire.VCLOCK,
    wire.ORIGIN_VCLOCK,
    wire.FORCED_SLEEP,
    wire.INSTRUMENTATION,
)

PLAUSIBLE = {
    wire.REQUEST_ID: "3f0c8f3e-6f37-4d3c-8d3c-0c2a4b6d8e0f",
    wire.EXECUTION_INDEX: '[["68ae", 1]]',
    wire.GENERATED_ID: "0",
    wire.VCLOCK: '{"users": 1}',
    wire.ORIGIN_VCLOCK: '{"users": 1}',
    wire.FORCED_SLEEP: "3600",
    wire.INSTRUMENTATION: "true",
}

HOSTILE = {
    "empty": "",
    "space": " ",
    "huge": "x" * LONG,
    "huge-digits": "9" * LONG,
    "latin": "caf\xe9\xff",
    "wrong-json": '[["68ae", ',
    "wrong-type": '{"68ae": [1]}',
    "number": "3600",
    "negative": "-1",
    "infinite": "inf",
    "nan": "NaN",
    "null": "null",
    "deep-list": "[" * (LONG // 2) + "]" * (LONG // 2),
    "deep-object": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "true": "true",
    "injection": "0; import os",
}


@pytest.fixture(scope="module")
def idle() -> Flask:
    """An app with the extension, as it is left in production."""
    app = Flask("idle")
    Filibuster(app)

    @app.post("/<path:path>")
    @app.get("/<path:path>")
    def view(path: str) -> ResponseReturnValue:
        assert g.filibuster is None
        assert current_scope() is None
        own = {name: value for name, value in request.headers if "Filibuster" not in name}
        own.pop("Host")
        response = jsonify(path=path, own=own, body=request.get_data(as_text=True))
        response.headers["X-Own"] = "1"
        return response, 201

    return app


def combinations() -> Iterator[Any]:
    for name in PROTOCOL:
        yield pytest.param({name: PLAUSIBLE[name]}, id=f"{name}-alone")
        rest = {key: value for key, value in PLAUSIBLE.items() if key != name}
        yield pytest.param(rest, id=f"all-but-{name}")
        for kind, value in HOSTILE.items():
            yield pytest.param({**PLAUSIBLE, name: value}, id=f"{name}-{kind}")
    yield pytest.param(PLAUSIBLE, id="all")
    for kind, value in HOSTILE.items():
        yield pytest.param(dict.fromkeys(PROTOCOL, value), id=f"all-{kind}")


some_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300)

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | some_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(some_text, inner, max_size=4),
    max_leaves=12,
).map(json.dumps)

headers_of_any_kind = st.dictionaries(
    st.sampled_from(PROTOCOL),
    some_text | json_like | st.sampled_from([*HOSTILE.values(), *PLAUSIBLE.values()]),
)


class TestHostileHeaders:
    @pytest.mark.parametrize("headers", list(combinations()))
    def test_change_nothing_where_nothing_is_explored(
        self, idle: Flask, headers: dict[str, str]
    ) -> None:
        assert told(idle, headers) == told(idle, {})

    @pytest.mark.slow
    @settings(max_examples=cases(150), deadline=None)
    @given(headers=headers_of_any_kind)
    def test_of_any_kind_change_nothing(self, idle: Flask, headers: dict[str, str]) -> None:
        """Where nothing is explored."""
        assert told(idle, headers) == told(idle, {})

    def test_given_twice_change_nothing(self, idle: Flask) -> None:
        """Where nothing is explored."""
        twice = [*PLAUSIBLE.items(), *PLAUSIBLE.items()]
        assert told(idle, twice) == told(idle, {})

    @pytest.mark.slow
    def test_change_nothing_over_a_real_socket(self, idle: Flask) -> None:
        def ask(url: str, headers: Mapping[str, str]) -> tuple[Any, ...]:
            begun = time.monotonic()
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            response = requests.post(f"{url}/path", headers=raw, data="body", timeout=5)
            assert time.monotonic() - begun < 5
            return (
                response.status_code,
                sorted(each for each in response.headers if each != "Date"),
                response.text,
            )

        with serving(idle) as url:
            plain = ask(url, {})
            assert plain[0] == 201
            assert ask(url, PLAUSIBLE) == plain
            for name, (kind, hostile) in itertools.product(PROTOCOL, HOSTILE.items()):
                # A line of 64 KiB is as much as Python's own server takes.
                value = hostile.strip()[:LONG_LINE]
                assert ask(url, {**PLAUSIBLE, name: value}) == plain, (name, kind)

    def test_of_strange_bytes_change_nothing(self, idle: Flask) -> None:
        with serving(idle) as url:
            answers = []
            for line in (
                b"X-Own: 1",
                *(name.encode() + b": \xff\xfe\x80\t\x01" for name in PROTOCOL),
            ):
                host, port = url.removeprefix("http://").split(":")
                with socket.create_connection((host, int(port)), timeout=5) as connection:
                    request_line = b"GET /path HTTP/1.0\r\nHost: x\r\n" + line + b"\r\n\r\n"
                    connection.sendall(request_line)
                    answer = b""
                    while piece := connection.recv(65_536):
                        answer += piece
                answers.append(answer.split(b"\r\n")[0])
            assert set(answers) == {b"HTTP/1.1 201 CREATED"}

    @pytest.mark.slow
    def test_from_outside_are_ordinary_traffic(self) -> None:
        """An outside client's requests are neither seen nor slept for, and touch no execution."""
        sniffed: list[dict[str, str]] = []
        outside: list[tuple[int, float, str]] = []

        def view() -> ResponseReturnValue:
            ours = {name: value for name, value in request.headers if "Filibuster" in name}
            if "outside" not in request.args:
                sniffed.append(ours)
                for headers in (ours, PLAUSIBLE, {**ours, wire.FORCED_SLEEP: "3600"}):
                    ask(headers)
                requests.get("http://leaf/ok", timeout=1)
            return f"{g.filibuster}" if "outside" in request.args else "done"

        def ask(headers: Mapping[str, str]) -> None:
            host, port = url.removeprefix("http://").split(":")
            begun = time.monotonic()
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                text = f"GET /view?outside=1 HTTP/1.0\r\nHost: x\r\n{lines}\r\n"
                connection.sendall(text.encode())
                answer = b""
                while piece := connection.recv(65_536):
                    answer += piece
            outside.append(
                (int(answer.split()[1]), time.monotonic() - begun, answer.split()[-1].decode())
            )

        app = service(view=view)
        with serving(app) as url:
            result = explore(
                lambda: requests.get("http://svc/view", timeout=5).raise_for_status(),
                {"http://svc": app, **LEAF},
                NO_FAULTS,
                check_determinism=False,
            )
        assert {each.verdict for each in result.executions} == {"passed"}, result.executions[
            0
        ].error
        (execution,) = result.executions
        assert execution.problems == ()
        assert len(execution.trace.requests) == 1
        assert len(execution.trace.invocations) == 1
        assert sniffed[0]
        assert len(outside) == 3
        for status, seconds, text in outside:
            assert status == 200
            assert seconds < 5
            assert text == "None"

    @pytest.mark.parametrize("kind", [*HOSTILE, "plausible"])
    def test_of_the_test_change_nothing(self, kind: str) -> None:
        value = HOSTILE.get(kind)
        sent = dict(PLAUSIBLE) if value is None else dict.fromkeys(PROTOCOL, value)
        del sent[wire.INSTRUMENTATION]  # By which it asks to be left alone.
        raw = {name: each.strip().encode("latin-1") for name, each in sent.items()}
        app = service(view=lambda: requests.get("http://leaf/ok", timeout=1).text)
        services = {"http://svc": app, **LEAF}

        def test() -> None:
            requests.get("http://svc/view", headers=raw, timeout=1).raise_for_status()
            app.test_client().get("/view", headers=sent)

        begun = time.monotonic()
        (execution,) = explore(test, services, NO_FAULTS).executions
        assert time.monotonic() - begun < 5
        assert execution.verdict == "passed", (execution.problems, execution.error)
        assert [call.index for call in execution.trace.requests] == [
            '[["GET 80/view", 1]]',
            '[["GET 80/view", 2]]',
        ]
        assert len(execution.trace.invocations) == 2


class TestReading:
    """Headers of a service that is called in this process, for which its caller vouches."""

    @pytest.mark.parametrize("name", [wire.VCLOCK, wire.GENERATED_ID, wire.FORCED_SLEEP])
    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
    def test_nonsense_counts_as_missing(self, name: str, value: str) -> None:
        place = {key: PLAUSIBLE[key] for key in (wire.REQUEST_ID, wire.EXECUTION_INDEX)}
        propagated = wire.read_headers({**place, name: value})
        assert propagated is not None
        assert propagated.index == PLAUSIBLE[wire.EXECUTION_INDEX]
        if value not in ("3600",):
            assert propagated.forced_sleep == 0.0
            assert propagated.generated_id is None
        assert dict(propagated.vclock) == {}

    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
    def test_no_index_is_no_place(self, value: str) -> None:
        assert wire.read_headers({**PLAUSIBLE, wire.EXECUTION_INDEX: value}) is None

    @pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
    def test_generated_id_marks_a_caller(self, value: str) -> None:
        """Where there is no request id."""
        fits = value in ("3600", "-1", "inf", "NaN", "null", "true")
        propagated = wire.read_headers({**PLAUSIBLE, wire.REQUEST_ID: value})
        assert propagated is not None
        assert propagated.request_id == (value if fits else "")
        unnumbered = {**PLAUSIBLE, wire.REQUEST_ID: value, wire.GENERATED_ID: ""}
        assert (wire.read_headers(unnumbered) is not None) is fits
