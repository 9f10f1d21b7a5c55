"""Requests of a test whose URL or body has a value that differs in every execution."""

from __future__ import annotations

import itertools
import random
import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import pytest
import requests
from flask import Flask, request

from flask_filibuster import FaultModel, explore, replay
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.url_patterns import request_in_signature
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.result import Result
from flask_filibuster.server.embedded import EmbeddedServer
from tests.support.callers import service

MODEL = FaultModel(exceptions=("ConnectionError", "Timeout"), default_statuses=())
FRONT = "http://front:5000"
ORDERS = itertools.count(17)


def careful(**_values: object) -> str:
    with suppress(requests.RequestException):
        return requests.get("http://callee:1/way", timeout=1).text
    return "none"


def careless(**_values: object) -> str:
    return requests.get("http://callee:1/way", timeout=1).text


def app_of(view: Callable[..., str]) -> Flask:
    app = Flask("front")
    app.add_url_rule("/", "root", view, methods=["GET", "POST"])
    app.add_url_rule("/orders/<path:id>", "order", view)
    return app


def explored(app: Flask, test: Callable[[], object]) -> Result:
    return explore(test, {FRONT: app, "http://callee:1": service(way=lambda: "fine")}, MODEL)


VARYING: dict[str, Callable[[], str]] = {
    "a token in the query": lambda: f"/?state={secrets.token_urlsafe()}",
    "a number in the query": lambda: f"/?page=1&seed={random.random()}",
    "several values": lambda: f"/?a={random.random()}&b={uuid.uuid4()}&debug",
    "a UUID in the path": lambda: f"/orders/{uuid.uuid4()}",
    "a UUID without dashes": lambda: f"/orders/{uuid.uuid4().hex}/lines",
    "a row's number": lambda: f"/orders/{next(ORDERS)}",
    "a token in the path": lambda: f"/orders/{secrets.token_urlsafe(24)}",
    "a time": lambda: f"/orders/{time.time()}?at={time.time_ns()}",
}


@pytest.mark.parametrize("url", list(VARYING.values()), ids=list(VARYING))
class TestUrls:
    def test_of_a_test_client(self, url: Callable[[], str]) -> None:
        app = app_of(careful)
        result = explored(app, lambda: app.test_client().get(url()))
        assert result.ok, str(result)
        assert len(result.executions) == 3
        assert (result.findings, result.notes) == ((), ())

    def test_of_a_careless_view(self, url: Callable[[], str]) -> None:
        result = explored(app_of(careless), lambda: requests.get(FRONT + url(), timeout=5))
        assert not result.inconclusive
        assert len(result.bugs) == 2
        again = replay(
            lambda: requests.get(FRONT + url(), timeout=5),
            Counterexample("test", result.bugs[0].faults, seen=""),
            {FRONT: app_of(careless), "http://callee:1": service(way=lambda: "fine")},
        )
        assert again.verdict == "passed"
        assert [each.fault for each in again.trace.invocations] != [None]

    def test_after_another_request(self, url: Callable[[], str]) -> None:
        app = app_of(careful)

        def test() -> None:
            client = app.test_client()
            for path in ("/", url()):
                assert client.get(path).status_code == 200

        result = explored(app, test)
        assert result.ok, str(result)
        assert (result.findings, result.notes) == ((), ())


def test_body_may_differ() -> None:
    app = app_of(careful)

    def test() -> None:
        client = app.test_client()
        for _ in range(2):
            assert client.post("/", json={"id": str(uuid.uuid4())}).status_code == 200

    result = explored(app, test)
    assert result.ok, str(result)
    assert (result.findings, result.notes) == ((), ())


class TestDeterministicRequests:
    """Requests that differ in values alone may be different ones."""

    @pytest.mark.parametrize("urls", [("/?x=1", "/?x=2"), ("/orders/1", "/orders/2")])
    def test_that_depend_on_an_answer(self, urls: tuple[str, str]) -> None:
        app = Flask("front")
        app.add_url_rule("/first", "first", careful)

        def view(**values: str) -> str:
            wanted = values.get("id") or request.args["x"]
            return careful() if wanted == "1" else "nothing to do"

        app.add_url_rule("/", "root", view)
        app.add_url_rule("/orders/<id>", "order", view)

        def test() -> None:
            client = app.test_client()
            first = client.get("/first").text
            assert client.get(urls[0] if first == "fine" else urls[1]).status_code == 200

        result = explored(app, test)
        assert result.ok, str(result)
        assert result.notes == ()
        assert len(result.executions) == 5

    def test_that_are_equal_are_pruned_as_before(self) -> None:
        counts = []
        for urls in (("/first", "/second"), ("/?x=1", "/?x=2"), ("/orders/1", "/orders/2")):
            app = app_of(careful)
            app.add_url_rule("/first", "first", careful)
            app.add_url_rule("/second", "second", careful)

            def test(app: Flask = app, urls: tuple[str, ...] = urls) -> None:
                for url in urls:
                    app.test_client().get(url)

            result = explored(app, test)
            assert result.ok, str(result)
            counts.append((len(result.executions), result.pruned_count))
        assert len(set(counts)) == 1, counts


def test_services_elsewhere_are_asked_alike() -> None:
    """A server gives a request of a test the same place, whatever its values are."""
    server = EmbeddedServer()
    indexes = set()
    for state in ("one", "two"):
        execution = server.begin(FaultSet(), {})
        place = execution.admit("front", "GET", f"http://front:5000/orders/7?state={state}", "")
        assert place is not None
        indexes.add(place.index)
        server.forget(execution)
    assert indexes == {'[["GET 5000/orders/<id>?state=<varies>", 1]]'}


@pytest.mark.parametrize(
    "path", ["/", "/v1/users", "/orders/new", "/my-article-2024", "/item-7", "/deadbeef", "/a.json"]
)
def test_words_are_told_apart(path: str) -> None:
    assert request_in_signature(f"http://shop{path}") == f"80{path}"
