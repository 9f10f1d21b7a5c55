"""A service with a configured server: frames from its entrance to the end of its body, too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
import requests
from flask import Flask, Response

from flask_filibuster import Filibuster
from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.instrumentation.frames import current_frame
from flask_filibuster.protocol.headers import REQUEST_ID
from flask_filibuster.server.conductor import Verdict
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving


def call() -> None:
    frame = current_frame()
    assert frame is not None
    assert frame.service == "svc"
    with pytest.raises(requests.ConnectionError):
        requests.get("http://127.0.0.1:1/way", timeout=1)


def preprocessor(app: Flask) -> None:
    app.url_value_preprocessor(lambda *given: call())


def request_class(app: Flask) -> None:
    class Request(flask.Request):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            call()

    app.request_class = Request


def middleware(app: Flask) -> None:
    inner = app.wsgi_app

    def around(environ: Any, start_response: Any) -> Any:
        body = inner(environ, start_response)
        call()
        return body

    app.wsgi_app = around  # type: ignore[method-assign]


def stream(app: Flask) -> None:
    def pieces() -> Iterator[str]:
        call()
        yield "fine"

    app.view_functions["view"] = lambda: Response(pieces())


def closing(app: Flask) -> None:
    def view() -> Response:
        response = Response("fine")
        response.call_on_close(call)
        return response

    app.view_functions["view"] = view


@pytest.mark.parametrize("place", [preprocessor, request_class, middleware, stream, closing])
def test_calls_are_seen(place: Callable[[Flask], None]) -> None:
    coordinator = Coordinator(config=Config(timeout=1))
    exploration = coordinator.open("places", FaultSet())
    exploration.has_next(1)
    under_way = exploration.under_way
    assert under_way is not None
    app = Flask("svc")
    app.add_url_rule("/", "view", lambda: "fine")
    place(app)
    with Serving(create_app(coordinator, version="x"), port=0) as server:
        Filibuster(app, server_url=server.url)
        try:
            answers: list[str] = []

            def ask() -> None:
                headers = {REQUEST_ID: under_way.execution.new_request_id()}
                response = app.test_client().get("/", headers=headers)
                answers.append(response.text)
                response.close()

            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
            assert answers == ["fine"]
            assert current_frame() is None
            execution = exploration.complete(1, Verdict(failed=False))
            assert execution.verdict == "passed", execution.problems
            exploration.abandon()
        finally:
            app.extensions["filibuster"].disconnect()
    assert [each.source for each in execution.trace.invocations] == ["svc"]
