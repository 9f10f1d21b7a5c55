"""Services in the mesh behave to each other as over sockets."""

from __future__ import annotations

import gzip
import io
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any

import pytest
import requests
from flask import (
    Flask,
    Response,
    current_app,
    g,
    has_app_context,
    has_request_context,
    jsonify,
    request,
    stream_with_context,
)
from flask.typing import ResponseReturnValue
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.config import Config
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.extension import install
from flask_filibuster.instrumentation.frames import Scope, current_scope
from flask_filibuster.mesh.network import Mesh
from flask_filibuster.results.result import Result
from tests.support.callers import CHAINED, Services, dead_url, end_of, ok, service, serving, story

REFUSALS = FaultModel(exceptions=("ConnectionError",), default_statuses=())
NO_FAULTS = FaultModel(exceptions=(), default_statuses=())
own_variable: ContextVar[str] = ContextVar("own_variable", default="untouched")


def within(services: Services, call: Callable[[], Any]) -> Any:
    """What a call gives that is made on the network of these services, by nobody in particular."""
    with surroundings(services) as around, Session(timeout=1).network(around):
        return call()


def fetch(app: Any, path: str = "/view", method: str = "GET", **options: Any) -> requests.Response:
    """A response of an app that stands in the mesh."""
    with requests.Session() as session:
        response: requests.Response = within(
            {"http://svc:8000": app},
            lambda: session.request(method, f"http://svc:8000{path}", timeout=2, **options),
        )
    return response


@pytest.fixture
def echo() -> Flask:
    """A service that tells what it received."""
    app = Flask("echo")

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT"])
    def tell(path: str) -> ResponseReturnValue:
        return jsonify(
            path=request.path,
            root=request.script_root,
            url=request.url,
            host=request.host,
            query=request.query_string.decode(),
            args=request.args.to_dict(flat=False),
            method=request.method,
            headers=dict(request.headers),
            form=request.form.to_dict(flat=False),
            files={name: [f.filename, f.read().decode()] for name, f in request.files.items()},
            body=request.get_data().decode("latin-1"),
            remote=request.remote_addr,
            secure=request.is_secure,
            cookies=request.cookies,
        )

    return app


class TestTheCalleesContext:
    def test_is_empty(self) -> None:
        seen: list[Any] = []

        def callee() -> ResponseReturnValue:
            seen.append((own_variable.get(), vars(g).get("secret"), current_app.name))
            own_variable.set("callee's")
            g.secret = "callee's"
            return "fine"

        def caller() -> ResponseReturnValue:
            g.secret = "caller's"
            own_variable.set("caller's")
            seen.append(requests.get("http://callee/callee", timeout=1).text)
            seen.append((own_variable.get(), g.secret, current_app.name, request.path))
            return "done"

        services = {
            "http://caller": service(caller=caller),
            "http://callee": service(callee=callee),
        }
        for name, app in zip(("caller", "callee"), services.values(), strict=True):
            app.name = name
        within(services, lambda: requests.get("http://caller/caller", timeout=1))
        assert seen == [
            ("untouched", None, "callee"),
            "fine",
            ("caller's", "caller's", "caller", "/caller"),
        ]

    def test_is_empty_for_plain_wsgi_apps(self) -> None:
        seen: list[Any] = []

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            seen.append((has_app_context(), has_request_context(), own_variable.get()))
            start_response("200 OK", [])
            return [b"fine"]

        caller = service(view=lambda: requests.get("http://wsgi/", timeout=1).text)
        own_variable.set("test's")
        try:
            response = within(
                {"http://caller": caller, "http://wsgi": wsgi},
                lambda: requests.get("http://caller/view", timeout=1),
            )
        finally:
            own_variable.set("untouched")
        assert response.text == "fine"
        assert seen == [(False, False, "untouched")]

    def test_is_fresh_for_recursive_calls(self) -> None:
        def view() -> ResponseReturnValue:
            depth = int(request.args["depth"])
            g.depth = depth
            below = ""
            if depth:
                below = requests.get(f"http://svc:8000/view?depth={depth - 1}", timeout=1).text
            return f"{g.depth} {request.args['depth']} {below}".strip()

        assert fetch(service(view=view), "/view?depth=3").text == "3 3 2 2 1 1 0 0"

    def test_is_shared_by_view_and_body(self) -> None:
        def view() -> ResponseReturnValue:
            own_variable.set("view's")

            def body() -> Iterator[str]:
                yield own_variable.get()
                own_variable.set("body's")
                yield " " + own_variable.get()

            return Response(body())

        assert fetch(service(view=view)).text == "view's body's"
        assert own_variable.get() == "untouched"

    def test_does_not_reach_the_callers_generator(self) -> None:
        """A generator for a request body runs where it would over a socket: with its caller."""
        seen: list[str] = []

        def take() -> ResponseReturnValue:
            return request.get_data()

        def send() -> ResponseReturnValue:
            g.part = "caller's g"
            own_variable.set("caller's")

            def pieces() -> Iterator[bytes]:
                seen.append(f"{current_app.name} {g.part} {own_variable.get()} {request.path}")
                yield requests.get("http://leaf/ok", timeout=1).content
                yield b" and more"

            return requests.post("http://taker/take", data=pieces(), timeout=1).content

        sender, taker = Flask("sender"), Flask("taker")
        sender.add_url_rule("/send", "send", send)
        taker.add_url_rule("/take", "take", take, methods=["POST"])
        services = {
            "http://sender": sender,
            "http://taker": taker,
            "http://leaf": service(ok=ok),
        }
        result = explore(
            lambda: requests.get("http://sender/send", timeout=1).raise_for_status(),
            services,
            NO_FAULTS,
            check_determinism=False,
        )
        assert {each.verdict for each in result.executions} == {"passed"}, result.executions[
            0
        ].error
        assert seen == ["sender caller's g caller's /send"]
        assert {(call.source, call.target) for call in result.executions[0].trace.invocations} == {
            ("sender", "taker"),
            ("sender", "leaf"),
        }


class TestStreaming:
    def test_answers_come_in_pieces(self) -> None:
        """The first can be read before the second is made."""
        events: list[str] = []

        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                for n in range(3):
                    events.append(f"made {n}")
                    yield f"piece {n}"

            return Response(body())

        def read() -> None:
            with requests.get("http://svc:8000/view", stream=True, timeout=1) as response:
                events.append("headers")
                events.extend(f"read {piece.decode()}" for piece in response.iter_content(None))

        within({"http://svc:8000": service(view=view)}, read)
        # Flask's test for an empty answer looks at the first piece, as every WSGI server does.
        assert events == [
            "made 0",
            "headers",
            "read piece 0",
            "made 1",
            "read piece 1",
            "made 2",
            "read piece 2",
        ]

    def test_lines_are_read_as_they_come(self) -> None:
        made: list[int] = []

        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                for n in range(100):
                    made.append(n)
                    yield f"data: {n}\n\n"

            return Response(body(), mimetype="text/event-stream")

        def read() -> None:
            with requests.get("http://svc:8000/view", stream=True, timeout=1) as response:
                lines = response.iter_lines(chunk_size=1000)
                assert [next(lines), next(lines), next(lines)] == [b"data: 0", b"", b"data: 1"]

        within({"http://svc:8000": service(view=view)}, read)
        assert len(made) < 10

    def test_requests_go_in_pieces(self) -> None:
        """The first can be read before the second is made."""
        events: list[str] = []

        def take() -> ResponseReturnValue:
            while piece := request.stream.read(7):
                events.append(f"read {piece.decode()}")
            return "taken"

        def pieces() -> Iterator[bytes]:
            for n in range(3):
                events.append(f"made {n}")
                yield f"piece {n}".encode()

        response = fetch(service(take=take), "/take", "POST", data=pieces())
        assert response.text == "taken"
        assert response.request.headers["Transfer-Encoding"] == "chunked"
        assert events == [
            "made 0",
            "read piece 0",
            "made 1",
            "read piece 1",
            "made 2",
            "read piece 2",
        ]

    def test_both_ways_at_once(self) -> None:
        def upper() -> ResponseReturnValue:
            stream = request.stream

            def body() -> Iterator[bytes]:
                while piece := stream.read(4):
                    events.append(f"upper {piece.decode()}")
                    yield piece.upper()

            return Response(stream_with_context(body()))

        def pieces() -> Iterator[bytes]:
            for piece in (b"abcd", b"efgh"):
                events.append(f"sent {piece.decode()}")
                yield piece

        def converse() -> None:
            with requests.post(
                "http://svc:8000/upper", data=pieces(), stream=True, timeout=1
            ) as response:
                events.extend(f"got {piece.decode()}" for piece in response.iter_content(None))

        events: list[str] = []
        within({"http://svc:8000": service(upper=upper)}, converse)
        assert events == [
            "sent abcd", "upper abcd", "got ABCD", "sent efgh", "upper efgh", "got EFGH",
        ]  # fmt: skip

    def test_closing_early_closes_the_body(self) -> None:
        events: list[str] = []

        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                try:
                    while True:
                        yield "on and on"
                finally:
                    events.append("generator closed")

            response = Response(body())
            response.call_on_close(lambda: events.append("response closed"))
            return response

        def read() -> None:
            with requests.get("http://svc:8000/view", stream=True, timeout=1) as response:
                assert next(response.iter_content(9)) == b"on and on"
                assert events == []

        within({"http://svc:8000": service(view=view)}, read)
        assert events == ["generator closed", "response closed"]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
    def test_body_is_closed_once(self, method: str, *, stream: bool) -> None:
        closed: list[int] = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                return iter([b"a", b"b"])

            def close(self) -> None:
                closed.append(1)

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return Body()

        with fetch(wsgi, method=method, stream=stream) as response:
            assert response.content == (b"" if method == "HEAD" else b"ab")
        assert closed == [1]

    def test_failing_close_spares_the_caller(self, caplog: pytest.LogCaptureFixture) -> None:
        def view() -> ResponseReturnValue:
            response = Response("whole")
            response.call_on_close(lambda: 1 // 0)
            return response

        assert fetch(service(view=view)).text == "whole"
        assert "ZeroDivisionError" in caplog.text

    def test_broken_body_breaks_the_connection(self, caplog: pytest.LogCaptureFixture) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                yield "so far"
                raise LookupError("no further")

            return Response(body())

        app = service(view=view)
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="Connection broken"):
            fetch(app)
        pieces = fetch(app, stream=True).iter_content(None)
        assert next(pieces) == b"so far"
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            next(pieces)
        assert "no further" in caplog.text

    def test_short_body_breaks_the_connection(self) -> None:
        """A body shorter than its header says."""

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "9")])
            return [b"short"]

        with serving(wsgi) as url, requests.Session() as session:
            real = end_of(lambda: session.get(url, timeout=2))
        in_mesh = end_of(lambda: fetch(wsgi))
        assert isinstance(real, requests.exceptions.ChunkedEncodingError) is CHAINED
        assert type(in_mesh) is type(real)
        if CHAINED:
            assert str(in_mesh) == str(real)

    def test_long_body_is_cut(self) -> None:
        """A body longer than its header says."""
        ended: list[str] = []

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "5")])
            yield b"exact"
            yield b"ly"
            ended.append("as a server would have it")

        assert fetch(wsgi).content == b"exact"
        assert ended

    @pytest.mark.parametrize("status", [204, 304])
    def test_bodiless_status_has_no_body(self, status: int) -> None:
        """Whatever the app sends."""

        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response(f"{status} Whatever", [])
            return [b"not to be read"]

        assert fetch(wsgi).content == b""

    @pytest.mark.parametrize("size", [0, 1, 8_191, 65_537, 1_000_003])
    def test_bodies_of_any_size_arrive(self, size: int) -> None:
        data = bytes(n % 251 for n in range(1000)) * (size // 1000) + bytes(size % 1000)
        assert len(data) == size
        app = service(back=lambda: request.get_data())
        assert fetch(app, "/back", "POST", data=data).content == data
        assert fetch(app, "/back", "POST", data=io.BytesIO(data)).content == data
        assert fetch(app, "/back", "POST", data=iter([data, data])).content == data * 2

    def test_broken_request_fails_its_sender(self) -> None:
        received: list[bytes] = []

        def take() -> ResponseReturnValue:
            received.append(request.stream.read(4))
            received.append(request.stream.read())
            return "taken"

        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise LookupError("the other half")

        with pytest.raises(LookupError, match="the other half"):
            fetch(service(take=take), "/take", "POST", data=pieces())
        assert received == [b"half"]

    def test_empty_pieces_end_nothing(self) -> None:
        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return iter([b"", b"a", b"", b"", b"b", b""])

        assert fetch(wsgi).content == b"ab"

    def test_gzip_is_decoded(self) -> None:
        text = "again and " * 1000

        def view() -> ResponseReturnValue:
            assert "gzip" in request.headers["Accept-Encoding"]
            headers = {"Content-Encoding": "gzip"}
            return Response(gzip.compress(text.encode()), headers=headers)

        app = service(view=view)
        assert fetch(app).text == text
        assert b"".join(fetch(app, stream=True).iter_content(100)) == text.encode()
        raw = fetch(app, stream=True).raw.read(decode_content=False)
        assert gzip.decompress(raw) == text.encode()

    def test_broken_gzip_fails(self) -> None:
        app = service(view=lambda: Response("plain", headers={"Content-Encoding": "gzip"}))
        with pytest.raises(requests.exceptions.ContentDecodingError, match="incorrect header"):
            fetch(app)


class TestRequests:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("/", "/"),
            ("", "/"),
            ("/a/b/", "/a/b/"),
            ("/with%20space", "/with space"),
            ("/with space", "/with space"),
            ("/caf%C3%A9", "/café"),
            ("/café/日本", "/café/日本"),
            ("/slash%2Fed", "/slash/ed"),
            ("/per%25cent", "/per%cent"),
            ("/a//b", "/a//b"),
            ("/semi;colon=1", "/semi;colon=1"),
            ("/plus+plus", "/plus+plus"),
        ],
    )
    def test_paths_arrive_as_over_a_socket(self, echo: Flask, path: str, expected: str) -> None:
        echo.url_map.merge_slashes = False
        told = fetch(echo, path).json()
        assert told["path"] == expected
        with serving(echo) as url:
            assert requests.get(f"{url}{path}", timeout=2).json()["path"] == expected

    @pytest.mark.parametrize(
        "query", ["a=1&a=2&b=", "q=caf%C3%A9", "q=café", "%26=%3D", "flag", "a=b?c=d", "q=a+b%2B"]
    )
    def test_queries_arrive_as_over_a_socket(self, echo: Flask, query: str) -> None:
        told = fetch(echo, f"/x?{query}").json()
        with serving(echo) as url:
            real = requests.get(f"{url}/x?{query}", timeout=2).json()
        assert (told["query"], told["args"]) == (real["query"], real["args"])

    def test_headers_arrive_as_over_a_socket(self, echo: Flask) -> None:
        headers = {"X-Own": "value", "Accept": "text/plain", "X-Latin": "caf\xe9"}
        told = fetch(echo, "/x", "POST", headers=headers, json={"a": 1}, cookies={"c": "1"}).json()
        with serving(echo) as url:
            real = requests.post(
                f"{url}/x", headers=headers, json={"a": 1}, cookies={"c": "1"}, timeout=2
            ).json()
        for each in (told, real):
            del each["headers"]["Host"], each["host"], each["url"]
        assert told == real

    @pytest.mark.parametrize(
        ("base", "host"),
        [
            ("http://svc", "svc"),
            ("http://svc:80", "svc"),
            ("http://svc:8000", "svc:8000"),
            ("https://svc", "svc"),
            ("https://svc:443", "svc"),
            ("https://svc:80", "svc:80"),
            ("http://[::1]:5000", "[::1]:5000"),
            ("http://me:secret@svc:5000", "svc:5000"),
        ],
    )
    def test_host_header_omits_default_ports(self, echo: Flask, base: str, host: str) -> None:
        told = within(
            {base.replace("me:secret@", ""): echo}, lambda: requests.get(f"{base}/x", timeout=1)
        ).json()
        assert told["headers"]["Host"] == host
        assert told["url"] == f"{base.partition(':')[0]}://{host}/x"
        assert told["secure"] == base.startswith("https")

    @pytest.mark.parametrize(
        ("base", "url"),
        [
            ("http://svc", "http://svc:80/x"),
            ("http://svc:80", "http://svc/x"),
            ("https://svc", "https://svc:443/x"),
            ("http://SVC:8000/", "http://svc:8000/x"),
            ("http://svc:8000", "http://Svc:8000/x"),
        ],
    )
    def test_default_ports_and_capitals_are_ignored(self, echo: Flask, base: str, url: str) -> None:
        told = within({base: echo}, lambda: requests.get(url, timeout=1)).json()
        assert (told["path"], told["root"]) == ("/x", "")

    def test_port_and_scheme_identify_a_service(self) -> None:
        dead = dead_url()
        services = {dead.replace("http:", "https:"): service(ok=ok)}
        error = within(services, lambda: end_of(lambda: requests.get(f"{dead}/ok", timeout=2)))
        assert "refused" in str(error)

    @pytest.mark.parametrize(
        ("url", "name", "path"),
        [
            ("http://svc/api", "api", "/"),
            ("http://svc/api/", "api", "/"),
            ("http://svc/api/x", "api", "/x"),
            ("http://svc/api/v2/x", "v2", "/x"),
            ("http://svc/apixyz", "root", "/apixyz"),
            ("http://svc/", "root", "/"),
            ("http://svc/caf%C3%A9/x", "café", "/x"),
            ("http://svc/café/caf%C3%A9", "café", "/café"),
        ],
    )
    def test_longest_fitting_path_is_reached(self, url: str, name: str, path: str) -> None:
        def named(name: str) -> Flask:
            app = Flask(name)
            view = lambda path: f"{name} {request.script_root} {request.path}"  # noqa: E731
            app.add_url_rule("/", "root", view, defaults={"path": ""})
            app.add_url_rule("/<path:path>", "path", view)
            return app

        services = {
            "http://svc": named("root"),
            "http://svc/api": named("api"),
            "http://svc/api/v2/": named("v2"),
            "http://svc/café": named("café"),
        }
        roots = {"root": "", "api": "/api", "v2": "/api/v2", "café": "/café"}
        response = within(services, lambda: requests.get(url, timeout=1))
        assert response.text == f"{name} {roots[name]} {path}"

    def test_files_can_be_uploaded(self, echo: Flask) -> None:
        files = {"one": ("é.txt", io.BytesIO(b"content one")), "two": ("b.txt", b"content two")}
        told = fetch(echo, "/x", "POST", files=files, data={"field": "välue"}).json()
        assert told["files"] == {
            "one": ["é.txt", "content one"],
            "two": ["b.txt", "content two"],
        }
        assert told["form"] == {"field": ["välue"]}

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param("text é", id="str"),
            pytest.param(b"bytes", id="bytes"),
            pytest.param(bytearray(b"array"), id="bytearray"),
            pytest.param(memoryview(b"view"), id="memoryview"),
            pytest.param({"a": ["1", "2"]}, id="form"),
            pytest.param(None, id="none"),
        ],
    )
    def test_bodies_of_every_type_arrive(self, echo: Flask, data: Any) -> None:
        told = fetch(echo, "/x", "POST", data=data).json()
        with serving(echo) as url:
            real = requests.post(f"{url}/x", data=data, timeout=2).json()
        assert (told["body"], told["form"]) == (real["body"], real["form"])
        assert told["headers"].get("Content-Length") == real["headers"].get("Content-Length")

    def test_every_cookie_is_kept(self) -> None:
        def give() -> ResponseReturnValue:
            response = Response("given")
            for n in range(3):
                response.set_cookie(f"c{n}", f"v{n}", path="/" if n < 2 else "/elsewhere")
            return response

        def calls() -> Any:
            with requests.Session() as session:
                response = session.get("http://svc:8000/give", timeout=1)
                assert dict(response.cookies) == {"c0": "v0", "c1": "v1", "c2": "v2"}
                assert len(response.raw.headers.getlist("Set-Cookie")) == 3
                return session.get("http://svc:8000/take", timeout=1).json()

        app = service(give=give, take=lambda: jsonify(request.cookies))
        assert within({"http://svc:8000": app}, calls) == {"c0": "v0", "c1": "v1"}

    def test_head_has_headers_only(self) -> None:
        app = service(view=lambda: "twelve bytes")
        response = fetch(app, method="HEAD")
        assert response.status_code == 200
        assert response.headers["Content-Length"] == "12"
        assert response.content == b""


class TestFailures:
    def test_unknown_host_fails_as_in_life(self) -> None:
        dead = dead_url()
        real = end_of(lambda: requests.get(dead, timeout=2))
        error = within(
            {"http://svc": service(ok=ok)}, lambda: end_of(lambda: requests.get(dead, timeout=2))
        )
        assert story(error) == story(real)

    @pytest.mark.parametrize("setting", ["DEBUG", "TESTING", "PROPAGATE_EXCEPTIONS", None])
    def test_an_app_that_raises_answers_500(
        self, setting: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        def view() -> ResponseReturnValue:
            raise LookupError("a bug")

        app = service(view=view)
        if setting is not None:
            app.config[setting] = True
        response = fetch(app)
        assert response.status_code == 500
        assert response.reason
        assert "a bug" not in response.text
        assert "a bug" in caplog.text

    def test_app_without_an_answer_answers_500(self) -> None:
        def raising(environ: Any, start_response: Any) -> Iterable[bytes]:
            raise LookupError

        def silent(environ: Any, start_response: Any) -> Iterable[bytes]:
            return []

        def late(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            raise LookupError

        for app in (raising, silent, late):
            assert fetch(app).status_code == 500

    @pytest.mark.parametrize("url", ["http:///nohost", "http://svc:notaport/", "http://"])
    def test_malformed_url_is_refused(self, url: str) -> None:
        error = within({"http://svc": service(ok=ok)}, lambda: end_of(lambda: requests.get(url)))
        assert isinstance(error, requests.exceptions.InvalidURL)

    @pytest.mark.parametrize(
        ("services", "message"),
        [
            ({"http://svc": "no app"}, "must be a WSGI app"),
            ({"svc:8000": Flask("a")}, "not a base URL"),
            ({"ftp://svc": Flask("a")}, "not a base URL"),
            ({"http://svc?x=1": Flask("a")}, "not a base URL"),
            ({"http://svc:port": Flask("a")}, "not a base URL"),
            ({"http://svc": Flask("a"), "http://SVC:80/": Flask("b")}, "two apps"),
            ({"http://svc/é": Flask("a"), "http://svc/%C3%A9/": Flask("b")}, "two apps"),
        ],
    )
    def test_unfit_services_are_refused(self, services: Any, message: str) -> None:
        with pytest.raises(SetupError, match=message):
            Mesh(services)


class TestOtherApps:
    def test_any_wsgi_app_is_a_leaf(self) -> None:
        def wsgi(environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
            write = start_response("299 Own Reason", [("X-One", "1"), ("X-One", "2")])
            write(b"written ")
            return [environ["REQUEST_METHOD"].encode(), b" ", environ["PATH_INFO"].encode()]

        response = fetch(wsgi, "/here", "DELETE")
        assert (response.status_code, response.reason) == (299, "Own Reason")
        assert response.headers["X-One"] == "1, 2"
        assert response.text == "written DELETE /here"

    def test_flask_app_behind_middleware_takes_part(self) -> None:
        """If it has the extension."""
        inner = service(view=lambda: requests.get("http://leaf/ok", timeout=1).text)
        Filibuster(inner, service_name="inner")
        wrapped = ProxyFix(DispatcherMiddleware(lambda *_: [b""], {"/mounted": inner}))
        result = explore(
            lambda: requests.get("http://outer/mounted/view", timeout=1).raise_for_status(),
            {"http://outer": wrapped, "http://leaf": service(ok=ok)},
            REFUSALS,
        )
        assert [each.verdict for each in result.executions] == ["passed", "failed"]
        (call,) = result.executions[0].trace.invocations
        assert (call.source, call.target) == ("inner", "leaf")

    def test_inner_middleware_takes_part(self) -> None:
        app = service(view=lambda: requests.get("http://leaf/ok", timeout=1).text)
        app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
        result = explore(
            lambda: requests.get("http://svc/view", timeout=1).raise_for_status(),
            {"http://svc": app, "http://leaf": service(ok=ok)},
            NO_FAULTS,
        )
        assert len(result.executions[0].trace.invocations) == 1

    def test_call_without_frame_reaches_mesh(self) -> None:
        def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
            seen.append(current_scope())
            response = requests.get("http://leaf/leaf", timeout=1)
            start_response("200 OK", [])
            return [response.content]

        def leaf() -> ResponseReturnValue:
            return "".join(name for name, _ in request.headers if "Filibuster" in name)

        seen: list[Scope | None] = []
        result = explore(
            lambda: requests.get("http://svc/", timeout=1).raise_for_status(),
            {"http://svc": wsgi, "http://leaf": service(leaf=leaf)},
            REFUSALS,
        )
        assert {each.verdict for each in result.executions} == {"passed"}
        assert seen[0] is not None
        assert seen[0].frame is None
        # Nobody can tell on whose behalf it was made, so it is not seen, and not failed.
        assert len(result.executions) == 1
        assert result.executions[0].trace.invocations == ()
        (unexplored,) = result.unexplored
        assert unexplored.url == "http://leaf/leaf"
        assert any("no call was seen" in note for note in result.notes)


class TestTwoExplorationsAtOnce:
    @staticmethod
    def chain(greeting: str, meet: Callable[[], None]) -> dict[str, Flask]:
        front, back = Flask("front"), Flask("back")

        @front.get("/")
        def view() -> ResponseReturnValue:
            meet()
            try:
                text = requests.get("http://back/", timeout=1).text
            except requests.ConnectionError:
                text = "nobody"
            meet()
            return text

        @back.get("/")
        def answer() -> ResponseReturnValue:
            meet()
            return greeting

        return {"http://front": front, "http://back": back}

    def test_do_not_mix_under_equal_urls(self) -> None:
        def explored(greeting: str) -> tuple[list[str], Result]:
            answers: list[str] = []

            def test() -> None:
                answers.append(requests.get("http://front/", timeout=1).text)

            services = self.chain(greeting, Meeting(both))
            return answers, explore(test, services, REFUSALS, check_determinism=False)

        both = threading.Barrier(2, timeout=5)
        with ThreadPoolExecutor(2) as pool:
            found = [done.result() for done in [pool.submit(explored, each) for each in "AB"]]
        for greeting, (answers, result) in zip("AB", found, strict=True):
            assert {each.verdict for each in result.executions} == {"passed"}
            assert answers == [greeting, "nobody"]
            assert [len(each.trace.invocations) for each in result.executions] == [1, 1]

    def test_do_not_mix_in_shared_apps(self) -> None:
        calls = [0]
        lock = threading.Lock()

        def note() -> None:
            with lock:
                calls[0] += 1
            both()

        both = Meeting(threading.Barrier(2, timeout=5))
        services = self.chain("hello", note)

        def explored(faults: FaultModel) -> tuple[list[str], Result]:
            answers: list[str] = []

            def test() -> None:
                response = requests.get("http://front/", timeout=1)
                answers.append(f"{response.status_code} {response.text}")

            return answers, explore(test, services, faults, check_determinism=False)

        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(explored, REFUSALS)
            other = pool.submit(explored, NO_FAULTS)
            (answers, result), (plain_answers, plain) = one.result(), other.result()
        assert answers == ["200 hello", "200 nobody"]
        assert plain_answers == ["200 hello"]
        assert {each.verdict for each in result.executions} == {"passed"}
        assert {each.verdict for each in plain.executions} == {"passed"}
        for execution in (*result.executions, *plain.executions):
            assert len(execution.trace.invocations) == 1
            assert len(execution.trace.requests) == 1
        assert not any("filibuster" in app.extensions for app in services.values())

    @pytest.mark.slow
    def test_leave_outside_requests_alone(self) -> None:
        """Requests from outside of every exploration are none of its business."""
        stop = threading.Event()
        outside: list[tuple[str, Any]] = []

        def view() -> ResponseReturnValue:
            return f"{g.get('filibuster')}"

        app = service(view=view, hello=lambda: "hello")

        def ask() -> None:
            client = app.test_client()
            while not stop.is_set():
                outside.append((client.get("/view").text, current_scope()))

        with ThreadPoolExecutor(1) as pool, ExitStack() as ending:
            asking = pool.submit(ask)
            ending.callback(stop.set)  # The pool waits for it, also where an assertion fails.
            for _ in range(30):
                result = explore(
                    lambda: requests.get("http://svc/hello", timeout=1).raise_for_status(),
                    {"http://svc": app},
                    NO_FAULTS,
                )
                assert {each.verdict for each in result.executions} == {"passed"}
                assert len(result.executions[0].trace.requests) == 1
        asking.result()
        assert set(outside) == {("None", None)}


class Meeting:
    """Lets two threads wait for each other as often as both come."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier = barrier

    def __call__(self) -> None:
        try:
            self._barrier.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            # The other one is through; what matters is that they were in there together.
            self._barrier.reset()


class TestTheTemporaryExtension:
    @staticmethod
    def state(app: Flask) -> list[Any]:
        hooks: list[Any] = [
            app.before_request_funcs,
            app.after_request_funcs,
            app.teardown_request_funcs,
        ]
        return [
            *[{key: list(value) for key, value in each.items()} for each in hooks],
            [[id(value) for value in each.values()] for each in hooks],
            dict(app.extensions),
        ]

    @pytest.mark.parametrize("hooked", ["none", "empty", "some"])
    @pytest.mark.parametrize("used", [True, False], ids=["used", "new"])
    def test_is_removed_exactly(self, hooked: str, *, used: bool) -> None:
        app = service(ok=ok)
        if hooked == "empty":
            assert app.before_request_funcs[None] == []
        elif hooked == "some":
            app.before_request(lambda: None)
            app.after_request(lambda response: response)
            app.teardown_request(lambda error: None)
        if used:
            app.test_client().get("/ok")
        before = self.state(app)
        seen: list[bool] = []

        def test() -> None:
            assert requests.get("http://svc/ok", timeout=1).text == "fine"
            seen.append("filibuster" in app.extensions)

        result = explore(test, {"http://svc": app}, NO_FAULTS, check_determinism=False)
        assert not result.failures
        assert seen == [True]
        assert self.state(app) == before

    def test_is_removed_after_failures_and_interruptions(self) -> None:
        app = service(ok=ok)
        before = self.state(app)

        def fail() -> None:
            raise AssertionError

        def interrupt() -> None:
            raise KeyboardInterrupt

        explore(fail, {"http://svc": app})
        with pytest.raises(KeyboardInterrupt):
            explore(interrupt, {"http://svc": app})
        assert self.state(app) == before

    def test_is_removed_after_failed_set_up(self) -> None:
        """From the first apps, where a later one is set up wrongly."""
        good, bad = service(ok=ok), service(ok=ok)
        bad.config["FILIBUSTER_TIMEOUT"] = "soon"
        before = self.state(good)
        with pytest.raises(Exception, match="FILIBUSTER_TIMEOUT"):
            explore(lambda: None, {"http://good": good, "http://bad": bad})
        assert self.state(good) == before

    def test_leaves_later_hooks_in_place(self) -> None:
        app = service(ok=ok)

        def late() -> None:
            return

        def test() -> None:
            if late not in app.before_request_funcs[None]:
                app.before_request(late)

        explore(test, {"http://svc": app}, NO_FAULTS)
        assert app.before_request_funcs[None] == [late]
        assert None not in app.after_request_funcs

    def test_a_permanent_one_stays(self) -> None:
        app = service(ok=ok)
        Filibuster(app, service_name="mine")
        before = self.state(app)
        explore(lambda: requests.get("http://svc/ok", timeout=1), {"http://svc": app}, NO_FAULTS)
        assert self.state(app) == before

    def test_does_not_disturb_running_requests(self) -> None:
        ran: list[str] = []
        app = service(view=lambda: "fine")

        def first() -> None:
            ran.append("first")
            if len(ran) == 1:
                state.append(install(app, Config(), temporary=True))

        def second() -> None:
            ran.append("second")

        state: list[Any] = []
        app.before_request(first)
        app.before_request(second)
        assert app.test_client().get("/view").status_code == 200
        assert ran == ["first", "second"]
        state[0].disconnect()
        assert app.before_request_funcs[None] == [first, second]


def test_names_services_after_their_hosts() -> None:
    """Unless they have a name."""
    named, nameless = service(ok=ok), service(ok=ok)
    Filibuster(named, service_name="given")
    front = service(
        view=lambda: (
            requests.get("http://host-a/ok", timeout=1).text
            + requests.get("http://host-b:5/ok", timeout=1).text
        )
    )
    result = explore(
        lambda: requests.get("http://front-host:81/view", timeout=1).raise_for_status(),
        {"http://host-a": named, "http://host-b:5": nameless, "http://front-host:81": front},
        NO_FAULTS,
    )
    trace = result.executions[0].trace
    assert [call.target for call in (*trace.requests, *trace.invocations)] == [
        "front-host",
        "given",
        "host-b",
    ]


def test_logs_name_the_broken_service(caplog: pytest.LogCaptureFixture) -> None:
    def raising(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise LookupError

    with caplog.at_level(logging.ERROR):
        fetch(raising)
    assert "http://svc:8000" in caplog.text
