"""Places: each is an app that makes a call somewhere while it handles a request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import flask
import jinja2
from flask import Blueprint, Flask, Response, after_this_request, stream_with_context
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from tests.support.forms import Form, Forms

Call = Callable[[], Any]


class Place:
    """An app that makes a call somewhere while it handles a request.

    :ivar app: the app, or what is in front of it.
    :ivar path: the path of the request.
    :ivar source: name of the app that makes the call.
    :ivar run: how a test gets there without a request.
    """

    def __init__(
        self,
        app: Any,
        path: str = "/",
        source: str = "caller",
        *,
        run: Callable[[], Any] | None = None,
    ) -> None:
        self.app = app
        self.path = path
        self.source = source
        self.run = run


Make = Callable[[Flask, Call], "Place | None"]
PLACES: Forms[Make] = Forms()
place = PLACES.form


def _none(call: Call) -> Callable[..., None]:
    def ignore(*_args: Any, **_kwargs: Any) -> None:
        call()

    return ignore


@place("a view")
def a_view(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/view", "view", lambda: str(call()))
    return Place(app, "/view")


@place("an `async` view")
def an_async_view(app: Flask, call: Call) -> Place | None:
    async def view() -> str:
        return str(call())

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place("a `MethodView`")
def a_class_of_views(app: Flask, call: Call) -> Place | None:
    class View(MethodView):
        def get(self) -> str:
            return str(call())

    app.add_url_rule("/view", view_func=View.as_view("view"))
    return Place(app, "/view")


@place("`before_request`")
def before_request(app: Flask, call: Call) -> Place | None:
    app.before_request(_none(call))
    return None


@place("`before_request` of a blueprint")
def before_request_of_a_blueprint(app: Flask, call: Call) -> Place | None:
    part = Blueprint("part", __name__)
    part.before_request(_none(call))
    part.add_url_rule("/part", "view", lambda: "fine")
    app.register_blueprint(part)
    return Place(app, "/part")


@place("`after_request`")
def after_request(app: Flask, call: Call) -> Place | None:
    def after(response: Response) -> Response:
        call()
        return response

    app.after_request(after)
    return None


@place("`after_this_request`")
def after_this_one(app: Flask, call: Call) -> Place | None:
    def view() -> str:
        @after_this_request
        def after(response: Response) -> Response:
            call()
            return response

        return "fine"

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place("`teardown_request`")
def teardown_request(app: Flask, call: Call) -> Place | None:
    app.teardown_request(_none(call))
    return None


@place("`teardown_appcontext`")
def teardown_appcontext(app: Flask, call: Call) -> Place | None:
    app.teardown_appcontext(_none(call))
    return None


@place("`url_value_preprocessor`")
def url_value_preprocessor(app: Flask, call: Call) -> Place | None:
    app.url_value_preprocessor(_none(call))
    return None


@place("`url_defaults`")
def url_defaults(app: Flask, call: Call) -> Place | None:
    app.url_defaults(_none(call))
    app.add_url_rule("/view", "view", lambda: flask.url_for("index"))
    return Place(app, "/view")


@place("a URL converter")
def a_converter(app: Flask, call: Call) -> Place | None:
    class Calling(BaseConverter):
        def to_python(self, value: str) -> str:
            call()
            return value

    app.url_map.converters["calling"] = Calling
    app.add_url_rule("/view/<calling:it>", "view", lambda it: str(it))
    return Place(app, "/view/it")


@place("`open_session` of a session interface")
def opening_the_session(app: Flask, call: Call) -> Place | None:
    class Sessions(SecureCookieSessionInterface):
        def open_session(self, app: Flask, request: flask.Request) -> Any:
            call()
            return super().open_session(app, request)

    app.session_interface = Sessions()
    return None


@place("`save_session` of a session interface")
def saving_the_session(app: Flask, call: Call) -> Place | None:
    class Sessions(SecureCookieSessionInterface):
        def save_session(self, app: Flask, session: Any, response: Response) -> None:
            call()
            super().save_session(app, session, response)

    app.session_interface = Sessions()
    return None


@place("a request class")
def a_request_class(app: Flask, call: Call) -> Place | None:
    class Request(flask.Request):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            call()

    app.request_class = Request
    return None


@place("a response class")
def a_response_class(app: Flask, call: Call) -> Place | None:
    class Answer(Response):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            call()

    app.response_class = Answer
    return None


@place("an error handler")
def an_error_handler(app: Flask, call: Call) -> Place | None:
    def handle(error: Exception) -> str:
        call()
        return "handled"

    def view() -> str:
        raise LookupError

    app.register_error_handler(LookupError, handle)
    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place("a handler of 404")
def a_handler_of_404(app: Flask, call: Call) -> Place | None:
    def handle(error: Exception) -> str:
        call()
        return "handled"

    app.register_error_handler(404, handle)
    return Place(app, "/nowhere")


@place("a template")
def a_template(app: Flask, call: Call) -> Place | None:
    app.add_template_global(call, "call")
    app.add_url_rule("/view", "view", lambda: flask.render_template_string("{{call()}}"))
    return Place(app, "/view")


@place("a context processor")
def a_context_processor(app: Flask, call: Call) -> Place | None:
    def processor() -> dict[str, Any]:
        return {"called": call()}

    app.context_processor(processor)
    app.add_url_rule("/view", "view", lambda: flask.render_template_string("{{called}}"))
    return Place(app, "/view")


@place("middleware, before the app")
def middleware_before(app: Flask, call: Call) -> Place | None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        call()
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place("middleware, after the app")
def middleware_after(app: Flask, call: Call) -> Place | None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        body = inner(environ, start_response)
        call()
        return body

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place("middleware that answers by itself")
def middleware_that_never_enters(app: Flask, call: Call) -> Place | None:
    def middleware(environ: Any, start_response: Any) -> Any:
        call()
        start_response("200 OK", [("Content-Length", "4")])
        return [b"fine"]

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place("middleware that is a generator")
def middleware_that_is_a_generator(app: Flask, call: Call) -> Place | None:
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        yield from inner(environ, start_response)
        call()

    app.wsgi_app = middleware  # type: ignore[method-assign]
    return None


@place("a view behind `ProxyFix`")
def a_view_behind_proxyfix(app: Flask, call: Call) -> Place | None:
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    return a_view(app, call)


@place("`wsgi_app` of a subclass of `Flask`")
def wsgi_app_of_a_subclass(app: Flask, call: Call) -> Place | None:
    class Own(Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            call()
            return super().wsgi_app(environ, start_response)

    own = Own("caller")
    own.add_url_rule("/", "index", lambda: "fine")
    return Place(own)


@place("`call_on_close`")
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


@place("the body of a stream")
def a_stream(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/view", "view", lambda: Response(_pieces(call)))
    return Place(app, "/view")


@place("`stream_with_context`")
def a_stream_with_context(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/view", "view", lambda: Response(stream_with_context(_pieces(call))))
    return Place(app, "/view")


@place("an app below `DispatcherMiddleware`")
def an_app_mounted_below_another(app: Flask, call: Call) -> Place | None:
    sub = Flask("sub")
    sub.add_url_rule("/view", "view", lambda: str(call()))
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/sub": sub}
    )
    return Place(app, "/sub/view", "sub")


@place("the `wsgi_app` of such an app")
def an_app_called_by_its_wsgi_app(app: Flask, call: Call) -> Place | None:
    sub = Flask("sub")
    sub.add_url_rule("/view", "view", lambda: str(call()))
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/sub": sub.wsgi_app}
    )
    return Place(app, "/sub/view", "sub")


@place("another app, by its test client")
def another_app_by_its_test_client(app: Flask, call: Call) -> Place | None:
    inner = Flask("inner")
    inner.add_url_rule("/in", "view", lambda: str(call()))
    app.add_url_rule("/view", "view", lambda: inner.test_client().get("/in").data)
    return Place(app, "/view", "inner")


@place("the app itself, by its test client")
def itself_by_its_test_client(app: Flask, call: Call) -> Place | None:
    app.add_url_rule("/in", "in", lambda: str(call()))
    app.add_url_rule("/view", "view", lambda: app.test_client().get("/in").data)
    return Place(app, "/view")


@place("a command that a view runs")
def a_command_in_a_view(app: Flask, call: Call) -> Place | None:
    app.cli.command("go")(_none(call))

    def view() -> str:
        result = app.test_cli_runner().invoke(args=["go"])
        if result.exception is not None:
            raise result.exception
        return "fine"

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


class _Own(Flask):
    """Calls something in one of its own methods."""

    def __init__(self, name: str, call: Call) -> None:
        super().__init__("caller")
        self._name, self._call = name, call
        self.add_url_rule("/", "index", lambda: "fine")

    def dispatch_request(self) -> Any:
        self._at("dispatch_request")
        return super().dispatch_request()

    def full_dispatch_request(self) -> Response:
        self._at("full_dispatch_request")
        return super().full_dispatch_request()

    def process_response(self, response: Any) -> Any:
        self._at("process_response")
        return super().process_response(response)

    def create_url_adapter(self, request: Any) -> Any:
        if request is not None:
            self._at("create_url_adapter")
        return super().create_url_adapter(request)

    def make_response(self, rv: Any) -> Any:
        self._at("make_response")
        return super().make_response(rv)

    def _at(self, name: str) -> None:
        if name == self._name:
            self._call()


def _method(name: str) -> None:
    def make(app: Flask, call: Call) -> Place | None:
        return Place(_Own(name, call))

    PLACES.add(Form(f"overridden_{name}", f"`{name}` of a subclass of `Flask`", make))


for _name in (
    "create_url_adapter",
    "dispatch_request",
    "full_dispatch_request",
    "make_response",
    "process_response",
):
    _method(_name)


@place("a filter of a template")
def a_template_filter(app: Flask, call: Call) -> Place | None:
    app.add_template_filter(lambda value: f"{value}{call()}", "asked")
    app.add_url_rule("/view", "view", lambda: flask.render_template_string("{{'x'|asked}}"))
    return Place(app, "/view")


@place("the body of `stream_template_string`")
def a_streamed_template(app: Flask, call: Call) -> Place | None:
    app.add_template_global(call, "call")
    app.add_url_rule("/view", "view", lambda: flask.stream_template_string("{{call()}}"))
    return Place(app, "/view")


@place("the loader of templates")
def a_loader(app: Flask, call: Call) -> Place | None:
    def load(_name: str) -> str:
        call()
        return "fine"

    app.jinja_loader = jinja2.FunctionLoader(load)
    app.jinja_env.cache = None  # What one execution loads is no state of the next.
    app.add_url_rule("/view", "view", lambda: flask.render_template("view.html"))
    return Place(app, "/view")


@place("the JSON provider")
def a_json_provider(app: Flask, call: Call) -> Place | None:
    class Provider(DefaultJSONProvider):
        def response(self, *args: Any, **options: Any) -> Any:
            call()
            return super().response(*args, **options)

    app.json = Provider(app)
    app.add_url_rule("/view", "view", lambda: {"fine": True})
    return Place(app, "/view")


@place("a WSGI app that a view returns")
def a_returned_app(app: Flask, call: Call) -> Place | None:
    def inner(_environ: Any, start_response: Any) -> Any:
        call()
        start_response("200 OK", [("Content-Length", "4")])
        return [b"fine"]

    app.add_url_rule("/view", "view", lambda: inner)
    return Place(app, "/view")


@place("an `async` `before_request`")
def an_async_hook(app: Flask, call: Call) -> Place | None:
    async def before() -> None:
        call()

    app.before_request(before)
    return None


@place("the end of a stream that is not read")
def an_abandoned_stream(app: Flask, call: Call) -> Place | None:
    def pieces() -> Iterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            call()

    app.add_url_rule("/view", "view", lambda: Response(pieces()))

    def run() -> None:
        with app.test_client() as client:
            response = client.get("/view", buffered=False)
            next(response.iter_encoded())
            response.close()

    return Place(app, "/view", run=run)


@place("a handler of `logging`")
def a_logging_handler(app: Flask, call: Call) -> Place | None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            call()

    logger = logging.Logger("own")
    logger.addHandler(Handler())

    def view() -> str:
        logger.critical("x")
        return "fine"

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place("a module that a view imports")
def an_imported_module(app: Flask, call: Call) -> Place | None:
    def view() -> str:
        exec(compile("call()", "<imported>", "exec"), {"call": call})
        return "fine"

    app.add_url_rule("/view", "view", view)
    return Place(app, "/view")


@place("`handle_exception` of a subclass of `Flask`")
def an_overridden_handler(app: Flask, call: Call) -> Place | None:
    class Own(Flask):
        def handle_exception(self, e: Exception) -> Any:
            call()
            return self.make_response("handled")

    def view() -> str:
        raise LookupError

    own = Own("caller")
    own.add_url_rule("/view", "view", view)
    return Place(own, "/view")


@place("a command, by `test_cli_runner`")
def a_command(app: Flask, call: Call) -> Place | None:
    app.cli.command("go")(_none(call))
    return Place(app, run=lambda: app.test_cli_runner().invoke(args=["go"]))


@place("a job in an app context")
def a_job(app: Flask, call: Call) -> Place | None:
    own = Flask(__name__)  # The file decides whether the code is the test's.

    def run() -> None:
        with own.app_context():
            call()

    return Place(own, source=own.name, run=run)


@place("`preprocess_request` in a `test_request_context`")
def a_preprocessed_request(app: Flask, call: Call) -> Place | None:
    app.before_request(_none(call))

    def run() -> None:
        with app.test_request_context("/"):
            app.preprocess_request()

    return Place(app, run=run)


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

    PLACES.add(Form(f"the_signal_{name}", f"a receiver of the signal `{name}`", connect))


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
