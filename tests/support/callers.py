"""A service that makes calls, run once under faults, and real sockets for it to call."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import requests
from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.serving import WSGIRequestHandler, make_server

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.exploring.subjects.function import run_once
from flask_filibuster.results.execution import Execution, judged

View = Callable[..., ResponseReturnValue]
MakeCall = Callable[[], Any]
Services = Mapping[str, Any]

REFUSED = Fault(exception="ConnectionError")
UNAVAILABLE = Fault(status=503)
PLACE = ("X-Filibuster-Request-Id", "X-Filibuster-Execution-Index")
MARKS = (*PLACE, "X-Filibuster-Generated-Id", "X-Filibuster-VClock", "X-Filibuster-Origin-VClock")
# Before version 2, urllib3 left much of what its errors came from to chance.
CHAINED = int(version("urllib3").partition(".")[0]) >= 2
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def service(**views: View) -> Flask:
    """A service with each view under its name, for every method."""
    app = Flask("service")
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=METHODS)
    return app


def ok() -> ResponseReturnValue:
    return "fine"


LEAF = {"http://leaf": service(ok=ok)}


def unavailable() -> ResponseReturnValue:
    return "later", 503


def to_front() -> None:
    response = requests.get("http://front/", timeout=5)
    assert response.status_code == 200, response.text


def run(
    view: View, services: Services, *faults: tuple[int, Fault], config: Mapping[str, Any] = {}
) -> Execution:
    """A service calls; the faults are for the n-th calls of its fault-free execution."""
    app = Flask("front")
    app.config.update(config)
    app.add_url_rule("/", "view", view)
    services = {"http://front": app, **services}
    with surroundings(services) as around:
        session = Session(timeout=2)
        execution = judged(FaultSet(), run_once(to_front, session, FaultSet(), around))
        if faults:
            calls = execution.trace.invocations
            planned = FaultSet(tuple(PlannedFault(calls[n], fault) for n, fault in faults))
            execution = judged(planned, run_once(to_front, session, planned, around))
    return execution


def ended(
    call: MakeCall, services: Services, *faults: tuple[int, Fault], config: Mapping[str, Any] = {}
) -> tuple[Any, tuple[Call, ...]]:
    """What a call of the front service ended in, a response or an exception, and its calls."""
    ends: list[Any] = []

    def view() -> ResponseReturnValue:
        ends.append(end_of(call))
        return "done"

    execution = run(view, services, *faults, config=config)
    assert execution.verdict == "passed", (execution.problems, execution.error)
    return ends[-1], execution.trace.invocations


def end_of(call: MakeCall) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - some policies let errors of urllib3 out
        return error


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - its own name
        pass


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The app on a real socket, in a thread of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A socket that treats each connection in a way no HTTP server does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        open_ones: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.recv(65_536)
                answer(connection)
                open_ones.append(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for each in open_ones:
            each.close()


def dead_url() -> str:
    """The base URL of a loopback port where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def story(end: Any) -> list[str]:
    """An exception and what it came from, without addresses; or a response and its retries."""
    if isinstance(end, requests.Response):
        past = [(each.method, each.url, each.status) for each in end.raw.retries.history]
        return [f"{end.status_code} {end.text}", str(past)]
    told: list[str] = []
    # Whether urllib3 had raised what it retried, and not only made it, shows below that.
    while end is not None and not isinstance(end, http.client.HTTPException):
        told.append(f"{type(end).__module__}.{type(end).__name__}: {end}")
        if not CHAINED:
            told.append(type(end.args[0]).__name__)
            break
        told.append("cause" if end.__cause__ is not None else "context")
        end = end.__cause__ or end.__context__
    return [re.sub("0x[0-9a-f]+", "0x", each) for each in told]
