"""Whether an exploration says that something is not deterministic, and when it must not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
import requests
import responses
from flask import Flask

from flask_filibuster import FaultModel, explore
from flask_filibuster.results.result import Result
from tests.support.callers import service

MODEL = FaultModel(exceptions=("ConnectionError", "Timeout"), default_statuses=())
CALLEE = {"http://callee:1": service(a=lambda: "a", b=lambda: "b")}


def get(name: str) -> requests.Response:
    return requests.get(f"http://callee:1/{name}", timeout=1)


def both() -> str:
    get("a")
    get("b")
    return "both"


def in_pool() -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(both).result()


def deeper(depth: int = 3) -> str:
    return deeper(depth - 1) if depth else both()


def explored(test: Callable[[], object], **options: Any) -> Result:
    return explore(test, CALLEE, MODEL, **options)


def said(result: Result) -> list[str]:
    return [each for each in result.notes if each.startswith("not deterministic")]


def propagating(view: Callable[[], str] = lambda: "fine") -> Flask:
    app = Flask("front")
    app.testing = True
    app.add_url_rule("/", "view", view)
    return app


class TestExceptionsThatPropagate:
    """With ``app.testing``, an exception that nothing caught has lines of the test and the app."""

    @pytest.mark.parametrize("view", [both, in_pool, deeper])
    def test_of_two_calls_in_a_view(self, view: Callable[[], str]) -> None:
        app = propagating(view)

        def test() -> None:
            assert app.test_client().get("/").status_code == 200

        result = explored(test)
        assert said(result) == []
        assert len(result.bugs) == 2  # One for each exception.

    def test_of_a_hook(self) -> None:
        app = propagating()
        app.before_request(lambda: both() and None)
        result = explored(lambda: app.test_client().get("/"))
        assert said(result) == []
        assert len(result.bugs) == 2  # One for each exception.

    def test_of_middleware(self) -> None:
        app = propagating()
        inner = app.wsgi_app

        def middleware(*args: Any) -> Any:
            both()
            return inner(*args)

        app.wsgi_app = middleware  # type: ignore[assignment]
        result = explored(lambda: app.test_client().get("/"))
        assert said(result) == []
        assert len(result.executions) == 5

    def test_of_a_request_by_hand(self) -> None:
        app = propagating(both)

        def test() -> None:
            with app.test_request_context("/"):
                app.full_dispatch_request()

        result = explored(test)
        assert said(result) == []
        assert len(result.bugs) == 2  # One for each exception.

    def test_in_other_processes(self) -> None:
        with ThreadPoolExecutor(1) as executor:
            result = explored(client_of_both, executor=executor, workers=1)
        assert said(result) == []
        assert len(result.executions) == 5

    def test_faults_that_end_alike_are_pruned(self) -> None:
        app = propagating(both)
        app.add_url_rule("/again", "again", deeper)

        def test() -> None:
            client = app.test_client()
            for path in ("/", "/again"):
                with suppress(requests.RequestException):
                    client.get(path)

        result = explored(test)
        assert said(result) == []
        assert result.pruned_count == 12


def tries() -> str:
    """Gives up after two attempts, with an answer that shows nothing of them."""
    for _ in range(2):
        with suppress(requests.RequestException):
            return requests.get("http://callee:1/a", timeout=1).text
    return "a"


class TestAssertionsOnMore:
    """A test that looks at more than answers fails under some faults, and passes under others."""

    def test_calls_of_a_mocked_function(self) -> None:
        app = propagating(tries)

        def test() -> None:
            with mock.patch("requests.get") as get:
                get.return_value.text = "a"
                assert app.test_client().get("/").status_code == 200
                assert get.call_count == 1

        check_one_bug(explored(test))

    def test_calls_of_a_mocked_network(self) -> None:
        app = propagating(tries)

        def test() -> None:
            with responses.RequestsMock() as mocked:
                mocked.get("http://callee:1/a", body="a")
                assert app.test_client().get("/").status_code == 200
                assert len(mocked.calls) == 1

        check_one_bug(explore(test, {}, MODEL))

    def test_what_the_app_wrote(self) -> None:
        rows: list[str] = []

        def view() -> str:
            with suppress(requests.RequestException):
                rows.append(get("a").text)
            return "fine"

        app = propagating(view)

        def test() -> None:
            rows.clear()
            app.test_client().get("/")
            assert rows == ["a"]

        check_one_bug(explored(test))

    @pytest.mark.slow
    def test_requests_that_depend_on_it(self) -> None:
        app = propagating(tries)
        app.add_url_rule("/again", "again", tries)

        def test() -> None:
            with mock.patch("requests.get") as get:
                get.return_value.text = "a"
                app.test_client().get("/")
                if get.call_count == 2:
                    app.test_client().get("/again")

        result = explored(test)
        assert said(result) == []
        assert result.ok, str(result)


def check_one_bug(result: Result) -> None:
    assert said(result) == []
    assert result.ambiguities == ()
    assert not result.inconclusive
    (bug,) = result.bugs
    assert len(bug.faults) == 1


class TestChance:
    def test_mocks_that_outlive_the_test(self) -> None:
        app = propagating(tries)
        stub = mock.Mock(return_value=mock.Mock(text="a"))

        def test() -> None:
            with mock.patch("requests.get", stub):
                app.test_client().get("/")
            assert stub.call_count == 1

        result = explored(test, check_determinism=True)
        (problem,) = result.problems
        assert "mocks that count their calls" in problem
        assert not result.bugs

    def test_requests_of_the_test(self) -> None:
        app = propagating(tries)
        app.add_url_rule("/again", "again", tries)
        paths = itertools.cycle(["/", "/again"])
        result = explored(lambda: app.test_client().get(next(paths)), check_determinism=True)
        assert "mocks that count their calls" in said(result)[0]


def test_circuit_breakers_are_not_chance() -> None:
    """Their state spans the requests of one test."""
    failures: list[str] = []

    def view() -> str:
        if len(failures) == 2:
            return "open"
        with suppress(requests.RequestException):
            return get("a").text
        failures.append("a")
        return "fallback"

    app = propagating(view)

    def test() -> None:
        failures.clear()
        for _ in range(3):
            app.test_client().get("/")

    result = explored(test, check_determinism=True)
    (note,) = result.notes
    assert note.startswith("front, GET / acted differently after other outcomes earlier")
    assert result.ok


def client_of_both() -> None:
    propagating(both).test_client().get("/")
