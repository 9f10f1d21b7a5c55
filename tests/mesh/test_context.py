"""The context of a callee is its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import requests
from flask import Flask, Response, current_app, g, has_app_context, has_request_context, request
from flask.typing import ResponseReturnValue

from flask_filibuster import explore
from tests.support.callers import ok, service
from tests.support.fetching import fetch, within
from tests.support.models import NO_FAULTS

own_variable: ContextVar[str] = ContextVar("own_variable", default="untouched")


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
