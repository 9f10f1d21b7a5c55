"""Each request behind a redirect or a challenge is a call of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue
from requests.auth import HTTPDigestAuth

from tests.support.callers import MARKS, REFUSED, UNAVAILABLE, Services, ended, ok, service, serving
from tests.support.requesting import counts


@pytest.fixture(params=["mesh", "socket"])
def redirecting(request: pytest.FixtureRequest) -> Iterator[tuple[str, Services, list[Any]]]:
    """A service with a chain of redirects: its URL, what is in the mesh, and what it receives."""
    received: list[Any] = []
    app = Flask("leaf")

    @app.before_request
    def note() -> None:
        received.append(flask_request_headers())

    app.add_url_rule("/start", "start", lambda: redirect("/middle", 302))
    app.add_url_rule("/middle", "middle", lambda: redirect("ok?from=middle", 307))
    app.add_url_rule("/ok", "ok", ok)
    if request.param == "mesh":
        yield "http://leaf", {"http://leaf": app}, received
    else:
        with serving(app) as url:
            yield url, {}, received


def flask_request_headers() -> dict[str, str]:
    return dict(request.headers)


Redirecting = tuple[str, Services, list[Any]]


class TestRedirects:
    def test_each_hop_is_a_call(self, redirecting: Redirecting) -> None:
        url, services, received = redirecting
        end, calls = ended(lambda: requests.get(f"{url}/start", timeout=2), services)
        assert end.text == "fine"
        assert [call.url.removeprefix(url) for call in calls] == [
            "/start",
            "/middle",
            "/ok?from=middle",
        ]
        indexes = [headers["X-Filibuster-Execution-Index"] for headers in received]
        assert indexes == [call.index for call in calls]
        assert len(set(indexes)) == 3
        ids = [int(headers["X-Filibuster-Generated-Id"]) for headers in received]
        assert ids == [0, 1, 2]
        assert len({headers["X-Filibuster-Request-Id"] for headers in received}) == 1
        clocks = [headers["X-Filibuster-Vclock"] for headers in received]
        assert clocks == [f'{{"front": {n}}}' for n in (1, 2, 3)]
        assert clocks == [headers["X-Filibuster-Origin-Vclock"] for headers in received]

    def test_application_sees_no_own_headers(self, redirecting: Redirecting) -> None:
        url, services, _ = redirecting
        end, _ = ended(lambda: requests.get(f"{url}/start", timeout=2), services)
        assert [hop.status_code for hop in end.history] == [302, 307]
        for response in (end, *end.history):
            assert not any(name in response.request.headers for name in MARKS)
        assert [hop.request.url for hop in end.history] == [f"{url}/start", f"{url}/middle"]

    def test_middle_hop_can_be_failed(self, redirecting: Redirecting) -> None:
        url, services, received = redirecting
        end, calls = ended(
            lambda: requests.get(f"{url}/start", timeout=2), services, (1, UNAVAILABLE)
        )
        assert end.status_code == 503
        assert [hop.status_code for hop in end.history] == [302]
        assert len(calls) == 2
        assert len(received) == 3 + 1

    def test_not_followed_they_are_one_invocation(self, redirecting: Redirecting) -> None:
        url, services, _ = redirecting
        end, calls = ended(
            lambda: requests.get(f"{url}/start", timeout=2, allow_redirects=False), services
        )
        assert end.next.url == f"{url}/middle"
        assert not any(name in end.next.headers for name in MARKS)
        assert len(calls) == 1

    def test_too_many_end_as_ever(self) -> None:
        session = requests.Session()
        session.max_redirects = 3
        services = {"http://leaf": service(again=lambda: redirect("/again"))}
        end, calls = ended(lambda: session.get("http://leaf/again"), services)
        assert str(end) == "Exceeded 3 redirects."
        assert counts(calls) == [1, 2, 3, 4]

    def test_lead_from_mesh_to_socket(self) -> None:
        with serving(service(ok=ok)) as url:
            services = {"http://leaf": service(away=lambda: redirect(f"{url}/ok"))}
            end, calls = ended(lambda: requests.get("http://leaf/away", timeout=2), services)
        assert end.text == "fine"
        assert [call.target for call in calls] == ["leaf", "service"]


def challenge() -> ResponseReturnValue:
    if "Authorization" in request.headers:
        return "welcome"
    digest = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
    return "who are you?", 401, {"WWW-Authenticate": digest}


class TestAuthentication:
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_answer_to_challenge_is_a_call(self, where: str) -> None:
        marked = []

        def view() -> ResponseReturnValue:
            marked.append("X-Filibuster-Generated-Id" in request.headers)
            return challenge()

        def call() -> requests.Response:
            return requests.get(f"{url}/view", auth=HTTPDigestAuth("me", "secret"), timeout=2)

        app = service(view=view)
        if where == "mesh":
            url = "http://leaf"
            end, calls = ended(call, {url: app})
        else:
            with serving(app) as url:
                end, calls = ended(call, {})
        assert end.text == "welcome"
        assert [call.outcome and call.outcome.status for call in calls] == [401, 200]
        assert marked == [True, True]

    def test_answer_to_challenge_can_fail(self) -> None:
        end, calls = ended(
            lambda: requests.get("http://leaf/view", auth=HTTPDigestAuth("me", "x"), timeout=2),
            {"http://leaf": service(view=challenge)},
            (1, REFUSED),
        )
        assert isinstance(end, requests.ConnectionError)
        assert len(calls) == 2
