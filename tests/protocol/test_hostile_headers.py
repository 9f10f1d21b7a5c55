"""Whatever is sent to services, nothing breaks, nobody sleeps; and a token keeps others out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from flask import Flask, request
from hypothesis import example, given
from hypothesis import strategies as st

from flask_filibuster import Filibuster
from flask_filibuster.errors import InjectionError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.protocol import headers as wire
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import Seal, seal_of
from tests.support.callers import dead_url, serving
from tests.support.foreign import ForeignServer, Sent, foreign_server
from tests.support.hostile import (
    ANALYSIS,
    HOSTILE,
    INDEX,
    MESSAGES,
    NASTY,
    QUESTIONS,
    Message,
    as_json,
    part,
    places_in,
    replaced,
)

# Some of what is sent is large on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

TOKEN = "correct horse"


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
