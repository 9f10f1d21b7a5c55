"""Services fail as over a socket, and other apps take part."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import requests
from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_filibuster import Filibuster, explore
from flask_filibuster.errors import SetupError
from flask_filibuster.instrumentation.frames import Scope, current_scope
from flask_filibuster.mesh.network import Mesh
from tests.support.callers import dead_url, end_of, ok, service, story
from tests.support.fetching import fetch, within
from tests.support.models import NO_FAULTS, REFUSALS


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
