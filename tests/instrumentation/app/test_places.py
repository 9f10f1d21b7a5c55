"""Every place in an app from which a call can be made: seen, failed, and a call of that app."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import flask
import pytest
import requests
from flask import Blueprint, Flask, Response, after_this_request, stream_with_context
from flask.sessions import SecureCookieSessionInterface
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter
from werkzeug.serving import make_server

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.results.result import Result
from tests.support.callers import service

REFUSALS = FaultModel(exceptions=("ConnectionError",), default_statuses=())
CALLEE = {"http://callee:1": service(way=lambda: "fine", other=lambda: "fine")}

Call = Callable[[], Any]


class Place:
    """An app that makes a call somewhere while it handles a request.

    :ivar app: the app, or what is in front of it.
    :ivar path: the path of the request.
    :ivar source: name of the app that makes the call.
    """

    def __init__(self, app: Any, path: str = "/", source: str = "caller") -> None:
        self.app = app
        self.path = path
        self.source = source


Make = Callable[[Flask, Call], "Place | None"]
PLACES: dict[str, Make] = {}


def place(make: Make) -> Make:
    PLACES[make.__name__] = make
    return make


def _none(call: Call) -> Callable[..., None]:
    def ignore(*_args: Any, **_kwargs: Any) -> None:
        call()

    return ignore


@place
def a_view(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/view", "view", lambda: str(call()))
    return Place(app, "/view")


@place
def an_async_view(app: Flask, call: Call) -> Place | None:
    async def view() -> str:
        return str(call())

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place
def a_class_of_views(app: Flask, call: Call) -> Place | None:
    class View(MethodView):
        def get(self) -> str:
            return str(call())

    app.add_url_rule("/view", view_func=View.as_view("view"))
    return Place(app, "/view")


@place
def before_request(app: Flask, call: Call) -> Place | None:
    app.before_request(_none(call))
    return None


@place
def before_request_of_a_blueprint(app: Flask, call: Call) -> Place | None:
    part = Blueprint("part", __name__)
    part.before_request(_none(call))
    part.add_url_rule("/part", "view", lambda: "fine")
    app.register_blueprint(part)
    return Place(app, "/part")


@place
def after_request(app: Flask, call: Call) -> Place | None:
    def after(response: Response) -> Response:
        call()
        return response

    app.after_request(after)
    return None


@place
def after_this_one(app: Flask, call: Call) -> Place | None:
    def view() -> str:
        @after_this_request
        def after(response: Response) -> Response:
            call()
            return response

        return "fine"

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place
def teardown_request(app: Flask, call: Call) -> Place | None:
    app.teardown_request(_none(call))
    return None


@place
def teardown_appcontext(app: Flask, call: Call) -> Place | None:
    app.teardown_appcontext(_none(call))
    return None


@place
def url_value_preprocessor(app: Flask, call: Call) -> Place | None:
    app.url_value_preprocessor(_none(call))
    return None


@place
def url_defaults(app: Flask, call: Call) -> Place | None:
    app.url_defaults(_none(call))
    app.add_url_rule("/view", "view", lambda: flask.url_for("index"))
    return Place(app, "/view")


@place
def a_converter(app: Flask, call: Call) -> Place | None:
    class Calling(BaseConverter):
        def to_python(self, value: str) -> str:
            call()
            return value

    app.url_map.converters["calling"] = Calling
    app.add_url_rule("/view/<calling:it>", "view", lambda it: str(it))
    return Place(app, "/view/it")


@place
def opening_the_session(app: Flask, call: Call) -> Place | None:
    class Sessions(SecureCookieSessionInterface):
        def open_session(self, app: Flask, request: flask.Request) -> Any:
            call()
            return super().open_session(app, request)

    app.session_interface = Sessions()
    return None


@place
def saving_the_session(app: Flask, call: Call) -> Place | None:
    class Sessions(SecureCookieSessionInterface):
        def save_session(self, app: Flask, session: Any, response: Response) -> None:
            call()
            super().save_session(app, session, response)

    app.session_interface = Sessions()
    return None


@place
def a_request_class(app: Flask, call: Call) -> Place | None:
    class Request(flask.Request):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            call()

    app.request_class = Request
    return None


@place
def a_response_class(app: Flask, call: Call) -> Place | None:
    class Answer(Response):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            call()

    app.response_class = Answer
    return None


@place
def an_error_handler(app: Flask, call: Call) -> Place | None:
    def handle(error: Exception) -> str:
        call()
        return "handled"

    def view() -> str:
        raise LookupError

    app.register_error_handler(LookupError, handle)
    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place
def a_handler_of_404(app: Flask, call: Call) -> Place | None:
    def handle(error: Exception) -> str:
        call()
        return "handled"

    app.register_error_handler(404, handle)
    return Place(app, "/nowhere")


@place
def a_template(app: Flask, call: Call) -> Place | None:
    app.add_template_global(call, "call")
    app.add_url_rule("/view", "view", lambda: flask.render_template_string("{{call()}}"))
    return Place(app, "/view")


@place
def a_context_processor(app: Flask, call: Call) -> Place | None:
    def processor() -> dict[str, Any]:
        return {"called": call()}

    app.context_processor(processor)
    app.add_url_rule("/view", "view", lambda: flask.render_template_string("{{called}}"))
    return Place(app, "/view")


@place
def middleware_before(app: Flask, call: Call) -> Place | None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        call()
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place
def middleware_after(app: Flask, call: Call) -> Place | None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        body = inner(environ, start_response)
        call()
        return body

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place
def middleware_that_never_enters(app: Flask, call: Call) -> Place | None:
    def middleware(environ: Any, start_response: Any) -> Any:
        call()
        start_response("200 OK", [("Content-Length", "4")])
        return [b"fine"]

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place
def middleware_that_is_a_generator(app: Flask, call: Call) -> Place | None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        yield from inner(environ, start_response)
        call()

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place
def a_view_behind_proxyfix(app: Flask, call: Call) -> Place | None:
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    return a_view(app, call)


@place
def wsgi_app_of_a_subclass(app: Flask, call: Call) -> Place | None:
    class Own(Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            call()
            return super().wsgi_app(environ, start_response)

    own = Own("caller")
    own.add_url_rule("/", "index", lambda: "fine")
    return Place(own)


@place
def call_on_close(app: Flask, call: Call) -> Place | None:
    def view() -> Response:
        response = Response("fine")
        response.call_on_close(call)
        return response

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


def _pieces(call: Call) -> Iterator[str]:
    yield "a"
    yield str(call())


@place
def a_stream(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/view", "view", lambda: Response(_pieces(call)))
    return Place(app, "/view")


@place
def a_stream_with_context(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/view", "view", lambda: Response(stream_with_context(_pieces(call))))
    return Place(app, "/view")


@place
def an_app_mounted_below_another(app: Flask, call: Call) -> Place | None:
    sub = Flask("sub")
    sub.add_url_rule("/view", "view", lambda: str(call()))
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/sub": sub}
    )
    return Place(app, "/sub/view", "sub")


@place
def an_app_called_by_its_wsgi_app(app: Flask, call: Call) -> Place | None:
    sub = Flask("sub")
    sub.add_url_rule("/view", "view", lambda: str(call()))
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/sub": sub.wsgi_app}
    )
    return Place(app, "/sub/view", "sub")


@place
def another_app_by_its_test_client(app: Flask, call: Call) -> Place | None:
    inner = Flask("inner")
    inner.add_url_rule("/in", "view", lambda: str(call()))
    app.add_url_rule("/view", "view", lambda: inner.test_client().get("/in").data)
    return Place(app, "/view", "inner")


@place
def itself_by_its_test_client(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/in", "in", lambda: str(call()))
    app.add_url_rule("/view", "view", lambda: app.test_client().get("/in").data)
    return Place(app, "/view")


@place
def a_command_in_a_view(app: Flask, call: Call) -> Place | None:
    app.cli.command("go")(_none(call))

    def view() -> str:
        result = app.test_cli_runner().invoke(args=["go"])
        if result.exception is not None:
            raise result.exception
        return "fine"

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


def _signal(name: str) -> None:
    def connect(app: Flask, call: Call) -> Place | None:
        def receive(_sender: Any, **_extra: Any) -> None:
            call()

        def fail() -> str:
            raise LookupError

        app.extensions["kept"] = receive  # Signals hold weak references.
        getattr(flask, name).connect(receive, app)
        app.add_url_rule("/view", "view", lambda: flask.render_template_string("fine"))
        app.add_url_rule("/fail", "fail", fail)
        return Place(app, "/fail" if name == "got_request_exception" else "/view")

    PLACES[f"the_signal_{name}"] = connect


for _name in (
    "request_started",
    "request_finished",
    "request_tearing_down",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "appcontext_popped",
    "template_rendered",
    "got_request_exception",
):
    _signal(_name)


IN_THE_CLIENT = ("a_response_class",)
# Before version 3, Flask does some of its work again when a test client enters and leaves a kept
# context. Calls made there are calls of a job.
FLASK = int(version("flask").partition(".")[0])
AGAIN = (
    "a_converter",
    "teardown_appcontext",
    "the_signal_appcontext_tearing_down",
    "the_signal_appcontext_popped",
)


def way() -> int:
    return requests.get("http://callee:1/way", timeout=1).status_code


def careful() -> int:
    try:
        return way()
    except requests.RequestException:
        return 0


def made(name: str, call: Call) -> Place:
    app = Flask("caller")
    app.secret_key = "no secret"
    app.add_url_rule("/", "index", lambda: "fine")
    return PLACES[name](app, call) or Place(app)


def check(result: Result, source: str) -> None:
    """Each call that was made is one of the app, and failed once."""
    assert not result.inconclusive, [each.problems for each in result.inconclusive]
    traces = [each.trace for each in result.executions]
    calls = [call for each in traces for call in each.invocations if "way" in call.url]
    assert {call.source for call in calls} == {source}
    assert any(call.fault for call in calls)
    assert not [call for each in traces for call in each.requests if "way" in call.url]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("name", PLACES)
class TestPlaces:
    def test_over_the_network(self, name: str) -> None:
        place = made(name, way)

        def test() -> None:
            with contextlib.suppress(requests.RequestException):
                assert requests.get(f"http://caller:2{place.path}", timeout=5).content

        services = {**CALLEE, "http://caller:2": place.app}
        check(explore(test, services, REFUSALS), place.source)

    def test_by_the_client_of_an_unknown_app(self, name: str) -> None:
        if name in IN_THE_CLIENT:
            pytest.skip("the test client makes an object of that class, too, for the test")
        place = made(name, way)

        def test() -> None:
            response = place.app.test_client().get(place.path)
            assert response.data
            response.close()

        check(explore(test, CALLEE, REFUSALS), place.source)

    def test_in_a_kept_context(self, name: str) -> None:
        if name == "the_signal_appcontext_pushed":
            pytest.skip("Flask never leaves an app context whose receiver raised")
        if FLASK < 3 and name in AGAIN:
            pytest.skip("this version of Flask does it again, outside the request")
        if name in IN_THE_CLIENT:
            pytest.skip("the test client makes an object of that class, too, for the test")
        place = made(name, way)

        def test() -> None:
            with place.app.test_client() as client:
                response = client.get(place.path)
                requests.get("http://callee:1/other", timeout=1)
                assert response.data
                response.close()

        result = explore(test, CALLEE, REFUSALS)
        check(result, place.source)
        own = [call.url for call in result.executions[0].trace.requests]
        assert own[-1] == "http://callee:1/other"

    def test_with_a_careful_call(self, name: str) -> None:
        if name in IN_THE_CLIENT:
            pytest.skip("the test client makes an object of that class, too, for the test")
        place = made(name, careful)

        def test() -> None:
            response = place.app.test_client().get(place.path)
            if name != "the_signal_got_request_exception":
                assert response.status_code == 200
            assert response.data
            response.close()

        result = explore(test, CALLEE, REFUSALS)
        check(result, place.source)
        assert not result.failures
        if name != "the_signal_got_request_exception":
            assert result.ok, str(result)


class TestBelowAPlainApp:
    """A service that is no Flask app, but has some inside."""

    def explored(self, path: str) -> Result:
        main, sub = Flask("main"), Flask("sub")
        for app in (main, sub):
            app.add_url_rule("/view", "view", lambda: str(way()))
        Filibuster(sub)
        dispatcher = DispatcherMiddleware(main, {"/sub": sub})
        services = {**CALLEE, "http://front:2": lambda *given: dispatcher(*given)}
        return explore(lambda: requests.get(f"http://front:2{path}", timeout=5), services, REFUSALS)

    def test_the_app_at_its_root_has_its_name(self) -> None:
        check(self.explored("/view"), "front")

    def test_an_app_below_is_its_own_service(self) -> None:
        result = self.explored("/sub/view")
        check(result, "sub")
        assert result.executions[0].trace.requests[0].target == "sub"


class TestServersOfTheTest:
    """Apps that a test serves by itself, from a thread, over a socket."""

    def test_calls_that_reach_them_are_no_requests_of_the_test(self) -> None:
        stub = Flask("stub")
        stub.add_url_rule("/way", "way", lambda: "fine")
        app = Flask("caller")

        def test() -> None:
            server = make_server("127.0.0.1", 0, stub, threaded=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            url = f"http://127.0.0.1:{server.port}/way"
            app.view_functions["view"] = lambda: requests.get(url, timeout=5).text
            try:
                assert app.test_client().get("/view").status_code < 600
            finally:
                server.shutdown()
                server.server_close()
                thread.join()

        app.add_url_rule("/view", "view", lambda: "")
        trace = explore(test, {}, REFUSALS, max_executions=1).executions[0].trace
        assert [each.url for each in trace.requests] == ["http://localhost/view"]
        assert [each.target for each in trace.invocations] == ["stub"]
