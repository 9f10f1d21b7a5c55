"""Tests that mock HTTP are explored: the mock is a network, and its books stay right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import httpx
import pytest
import requests
from flask import Flask, request

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.results.result import Result
from tests.support.callers import REFUSED, UNAVAILABLE, ended, ok, serving
from tests.support.cases import sample
from tests.support.mocked import PASSING, URL, WAYS, Mocked

every_way = pytest.mark.parametrize("name", list(WAYS))


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    """Before anything is explored: a skip within an execution is the test's own."""
    pytest.importorskip(request.getfixturevalue("name").partition("-")[0])


@contextmanager
def mocked(name: str, real: str = "http://real.test") -> Iterator[Mocked]:
    with WAYS[name](real) as mock:
        yield mock


def fragile() -> Flask:
    app = Flask("fragile")

    @app.get("/")
    def view() -> Any:
        return {"n": requests.get(request.args["url"], timeout=3).json()["n"]}

    return app


def robust() -> Flask:
    """It asks twice, and does without either answer."""
    app = Flask("robust")

    def asked(url: str) -> int | None:
        try:
            response = requests.get(url, timeout=3)
            response.raise_for_status()
            return int(response.json()["n"])
        except requests.RequestException:
            return None

    @app.get("/")
    def view() -> Any:
        return [asked(request.args["url"]) for _ in range(2)]

    return app


BODIES = FaultModel(
    exceptions=(),
    default_statuses=(),
    lost_answers=("Timeout", 503),
    faults=[Fault.of("body cut short", at=0.5)],
)


def explored(app: Flask, test: Any, faults: FaultModel | None = None) -> Result:
    return explore(lambda: test(app.test_client()), {f"http://{app.name}": app}, faults)


class TestMockedCalls:
    @every_way
    def test_bug_is_found(self, name: str) -> None:
        def test(client: Any) -> None:
            with mocked(name) as mock:
                response = client.get("/", query_string={"url": mock.url})
                assert (response.status_code, response.json) == (200, {"n": 1})

        result = explored(fragile(), test)
        assert result.bugs
        assert len(result.executions) == 6
        assert {len(each.trace.invocations) for each in result.executions} == {1}

    @every_way
    def test_bug_is_found_in_mock_begun_before(self, name: str) -> None:
        with mocked(name) as mock:

            def test(client: Any) -> None:
                assert client.get("/", query_string={"url": mock.url}).status_code == 200

            result = explored(fragile(), test)
        assert len(result.executions[0].trace.invocations) == 1
        assert result.bugs

    @pytest.mark.slow
    @every_way
    def test_robust_view_is_no_false_alarm(self, name: str) -> None:
        def test(client: Any) -> None:
            with mocked(name) as mock:
                answer = client.get("/", query_string={"url": mock.url}).json
                assert mock.taken() == 2
                # Each call has its own answer, or none: a fault does not shift them.
                assert answer[0] in (None, 1)
                assert answer[1] in (None, 2)

        result = explored(robust(), test)
        assert result.ok, result
        assert not result.inconclusive
        assert max(len(each.faults) for each in result.executions) == 2

    @every_way
    def test_lost_answers_and_broken_bodies(self, name: str) -> None:
        def test(client: Any) -> None:
            with mocked(name) as mock:
                assert client.get("/", query_string={"url": mock.url}).status_code == 200
                assert mock.taken() == 2

        result = explored(robust(), test, BODIES)
        kinds = {
            call.fault.kind.name
            for each in result.executions
            for call in each.trace.invocations
            if call.fault
        }
        assert kinds == {"answered", "raised", "body cut short"}
        assert result.ok, result
        assert not result.inconclusive

    @every_way
    def test_broken_body_is_met(self, name: str) -> None:
        def call() -> Any:
            with mocked(name) as mock:
                return requests.get(mock.url, timeout=3).content

        end, (seen,) = ended(call, {}, (0, Fault.of("body cut short", at=0.5)))
        assert isinstance(end, requests.exceptions.ChunkedEncodingError)
        assert seen.fault is not None

    @pytest.mark.slow
    @pytest.mark.parametrize("name", sample(WAYS))
    def test_mocks_may_be_stopped_within_exploration(self, name: str) -> None:
        seen: list[int] = []

        def test(client: Any) -> None:
            for _ in range(2):
                with mocked(name) as mock:
                    client.get("/", query_string={"url": mock.url})
                    seen.append(mock.taken())

        result = explored(robust(), test)
        assert set(seen) == {2}
        assert len(result.executions[0].trace.invocations) == 4


class TestMockedHttpx:
    """Mocks below the client do not depend on the client."""

    @pytest.mark.parametrize("begun", ["before", "within"])
    @pytest.mark.parametrize("name", ["httpretty", "mocket", "pook", "vcr", "pytest_httpserver"])
    def test_call_fails_and_is_counted(self, name: str, begun: str) -> None:
        taken: list[int] = []

        def get(mock: Mocked) -> httpx.Response:
            try:
                return httpx.get(mock.url, timeout=3)
            finally:
                taken.append(mock.taken())

        def call() -> httpx.Response:
            with mocked(name) as mock:
                return get(mock)

        if begun == "before":
            with mocked(name) as before:
                end, (seen,) = ended(lambda: get(before), {}, (0, REFUSED))
        else:
            end, (seen,) = ended(call, {}, (0, REFUSED))
        assert isinstance(end, httpx.ConnectError)
        assert seen.fault == REFUSED
        assert taken == ([1, 1] if begun == "within" else [1, 2])

    @pytest.mark.parametrize("name", ["httpretty", "mocket", "vcr"])
    def test_transport_alone_is_one_call(self, name: str) -> None:
        def call() -> Any:
            with mocked(name) as mock, httpx.HTTPTransport() as transport:
                answer = transport.handle_request(httpx.Request("GET", mock.url))
                return json.loads(answer.read())

        end, (seen,) = ended(call, {})
        assert (end, seen.url) == ({"n": 1}, URL)
        end, (seen,) = ended(call, {}, (0, REFUSED))
        assert isinstance(end, httpx.ConnectError)
        assert seen.fault == REFUSED


class TestMockedCallsOfNoClient:
    @pytest.mark.parametrize("name", ["httpretty", "mocket", "pook", "vcr"])
    def test_are_named(self, name: str) -> None:
        app = Flask("other")
        app.add_url_rule("/", "view", lambda: urlopen(request.args["url"], timeout=3).read())

        def test(client: Any) -> None:
            with mocked(name) as mock:
                assert client.get("/", query_string={"url": mock.url}).json == {"n": 1}

        (seen,) = explored(app, test).unexplored
        assert seen.callsite is not None
        assert seen.callsite.file == __file__
        assert seen.way == "replaced" or seen.target == "weather.test:80"

    @pytest.mark.parametrize("name", ["httpretty", "mocket", "pook", "vcr"])
    def test_asynchronous_ones_are_named(self, name: str) -> None:
        app = Flask("asynchronous")

        async def ask(url: str) -> Any:
            async with httpx.AsyncClient() as client:
                return (await client.get(url, timeout=3)).json()

        app.add_url_rule("/", "view", lambda: asyncio.run(ask(request.args["url"])))

        def test(client: Any) -> None:
            with mocked(name) as mock:
                assert client.get("/", query_string={"url": mock.url}).json == {"n": 1}

        (seen,) = explored(app, test).unexplored
        assert (seen.target, seen.url, seen.count) == ("weather.test:80", URL, 1)


class TestPassedOnCalls:
    @pytest.mark.parametrize("name", PASSING)
    def test_call_is_one_call(self, name: str) -> None:
        received: list[str] = []

        with serving(noting(received)) as real, mocked(name, real):
            end, calls = ended(lambda: requests.get(f"{real}/ok", timeout=2), {})
        assert end.text == "fine"
        assert [call.outcome and call.outcome.key for call in calls] == ["200"]
        assert received == ["/ok"]

    @pytest.mark.parametrize("name", PASSING)
    @pytest.mark.parametrize("fault", [REFUSED, UNAVAILABLE], ids=["refused", "status"])
    def test_aborted_call_is_not_sent(self, name: str, fault: Any) -> None:
        received: list[str] = []

        def call() -> Any:
            # Each execution has its own mock: one that records would play the next time.
            with mocked(name, real):
                return requests.get(f"{real}/ok", timeout=2)

        with serving(noting(received)) as real:
            end, calls = ended(call, {}, (0, fault))
        assert len(calls) == 1
        assert received == ["/ok"]
        if fault is REFUSED:
            assert isinstance(end, requests.ConnectionError)
        else:
            assert end.status_code == 503


def noting(received: list[str]) -> Flask:
    app = Flask("leaf")
    app.add_url_rule("/ok", "ok", ok)

    @app.before_request
    def note() -> None:
        received.append(request.path)

    return app
