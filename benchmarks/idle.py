"""What an extension costs that has nothing to do: no exploration, no headers.

A request to a Flask app at WSGI level, and calls made with requests: over a socket to a server in
another process, and to an adapter that answers by itself, which leaves only the cost of requests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from flask import Flask
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter
from werkzeug.test import EnvironBuilder

from benchmarks.answering import answering
from benchmarks.measure import Case, Clock, arguments, compare
from flask_filibuster import Filibuster, instrument_requests

MOST_REQUEST = 1.08
MOST_CALL = 1.05


def hello() -> Flask:
    """The smallest app."""
    app = Flask(__name__)

    @app.get("/")
    def index() -> str:
        return "Hello, World!"

    return app


def requester(app: Flask) -> Callable[[], None]:
    """A function that sends one request to the app, as a WSGI server does."""
    environ = EnvironBuilder(path="/").get_environ()
    wsgi_app: Callable[..., Iterable[bytes]] = app.wsgi_app

    def start_response(status: str, headers: object, exc_info: object = None) -> None:
        assert status == "200 OK", (status, headers, exc_info)

    def request() -> None:
        body = wsgi_app(environ.copy(), start_response)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()

    return request


def with_filibuster() -> Flask:
    app = hello()
    Filibuster(app)
    return app


def opentelemetry_cases() -> list[Case]:
    """OpenTelemetry's instrumentation of Flask, where it is installed."""
    try:
        # By name, as neither is there to be type-checked in most environments.
        instrumentor: Any = import_module("opentelemetry.instrumentation.flask").FlaskInstrumentor()
        api: Any = import_module("opentelemetry.trace")
        sdk: Any = import_module("opentelemetry.sdk.trace")
    except ImportError as error:
        print(f"without OpenTelemetry ({error}): pip install -r benchmarks/requirements.txt")
        return []
    cases = []
    for name, provider in (
        ("OpenTelemetry, recording nothing", api.NoOpTracerProvider()),
        ("OpenTelemetry, exporting nothing", sdk.TracerProvider()),
    ):
        app = hello()
        instrumentor.instrument_app(app, tracer_provider=provider)
        cases.append(Case(name, requester(app)))
    return cases


def requests_to_flask(*, quick: bool) -> None:
    compare(
        "Hello-world request at WSGI level",
        [
            Case("bare Flask", requester(hello())),
            Case("bare Flask again", requester(hello())),
            Case("Filibuster(app), idle", requester(with_filibuster()), most=MOST_REQUEST),
            *opentelemetry_cases(),
        ],
        quick=quick,
        rounds=1000,
        seconds=0.005,
    )


class StubAdapter(BaseAdapter):
    """Answers by itself, so that only what requests does is measured."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        """The same answer each time."""
        response = Response()
        response.status_code = 200
        response.url = request.url or ""
        response.request = request
        response._content = b"{}"  # noqa: SLF001 - there is no public way to give one a body
        return response

    def close(self) -> None:
        """Nothing is held open."""


@contextmanager
def session_classes() -> Iterator[tuple[type[Session], type[Session]]]:
    """Sessions that are not instrumented, and sessions that are, for the time of the block.

    Two classes rather than one that is patched and put back for each measurement: each change to a
    class makes the interpreter forget what it has learned about it.
    """
    originals = {each: vars(each)["send"] for each in (HTTPAdapter, StubAdapter)}
    get_adapter = Session.get_adapter

    with instrument_requests():
        # Put there once the classes exist: it would be patched like any other.
        bare = {each: type(each.__name__, (each,), {}) for each in originals}
        for each, original in originals.items():
            bare[each].send = original  # type: ignore[attr-defined]

        class Bare(Session):
            def __init__(self) -> None:
                super().__init__()
                super().mount("http://", bare[HTTPAdapter]())

            def mount(self, prefix: str, adapter: BaseAdapter) -> None:
                kind: Any = bare.get(type(adapter))  # type: ignore[arg-type]
                super().mount(prefix, adapter if kind is None else kind())

        Bare.get_adapter = get_adapter  # type: ignore[method-assign]

        class Instrumented(Session):
            def mount(self, prefix: str, adapter: BaseAdapter) -> None:
                super().mount(prefix, adapter)

        assert vars(StubAdapter)["send"] is not originals[StubAdapter]
        yield Bare, Instrumented


def calls(
    what: str,
    call: Callable[[type[Session]], Callable[[], object]],
    *,
    quick: bool,
    most: float | None = MOST_CALL,
    clock: Clock = time.process_time,
) -> None:
    """Measure a call, bare and through instrumented requests.

    :param what: what is called, and how.
    :param call: makes the function that calls, with sessions of a class.
    :param quick: only see whether it works.
    :param most: target, the largest ratio.
    :param clock: what to measure time by.
    """
    with session_classes() as (bare_class, instrumented):
        bare, _, idle = compare(
            what,
            [
                Case("bare requests", call(bare_class)),
                Case("bare requests again", call(bare_class)),
                Case("instrument_requests(), idle", call(instrumented), most=most),
            ],
            quick=quick,
            clock=clock,
        )
    print(f"  costs {bare.us * (idle.ratio - 1):.2f} us a call")


def stubbed(session_class: type[Session]) -> Session:
    session = session_class()
    session.mount("http://", StubAdapter())
    return session


def requests_to_stub(*, quick: bool) -> None:
    def whole(session_class: type[Session]) -> Callable[[], object]:
        session = stubbed(session_class)
        return lambda: session.get("http://stub/")

    def replaced(session_class: type[Session]) -> Callable[[], object]:
        get_adapter = stubbed(session_class).get_adapter
        return lambda: get_adapter("http://stub/")

    calls("Call without a socket", whole, quick=quick)
    calls("Of it, Session.get_adapter", replaced, quick=quick, most=None)


def requests_to_server(*, quick: bool) -> None:
    # A proxy that the environment names must not come between.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    with answering() as url:

        def kept(session_class: type[Session]) -> Callable[[], object]:
            session = session_class()
            return lambda: session.get(url)

        def plain(session_class: type[Session]) -> Callable[[], object]:
            def get() -> Response:  # As requests.get does.
                with session_class() as session:
                    return session.request(method="get", url=url)

            return get

        what = "Call over a kept connection"
        calls(what, kept, quick=quick, clock=time.perf_counter)
        what = "requests.get, with a new connection each time"
        calls(what, plain, quick=quick, clock=time.perf_counter)


def main() -> None:
    quick = arguments(__doc__).quick
    requests_to_flask(quick=quick)
    requests_to_stub(quick=quick)
    requests_to_server(quick=quick)


if __name__ == "__main__":
    main()
