"""Requests arrive as over a socket."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from tests.support.callers import dead_url, end_of, ok, service, serving
from tests.support.fetching import fetch, within


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
