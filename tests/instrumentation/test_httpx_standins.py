"""Tests that replace a part of httpx are explored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import httpx
import pytest
from flask import Flask

from flask_filibuster import explore

URL = "http://weather.test/now"
client = httpx.Client()
app = Flask(__name__)


def by_function() -> Any:
    return httpx.get(URL, timeout=3)


def by_client() -> Any:
    return client.get(URL)


def by_class() -> Any:
    with httpx.Client(timeout=3) as own:
        return own.request("GET", URL)


def by_transport() -> Any:
    with httpx.HTTPTransport() as transport:
        response = transport.handle_request(httpx.Request("GET", URL))
        response.read()
        return response


USES: dict[str, Callable[[], Any]] = {
    "function": by_function,
    "client": by_client,
    "class": by_class,
    "transport": by_transport,
}


@app.get("/fragile/<use>")
def fragile(use: str) -> Any:
    return {"n": USES[use]().json()["n"]}


@app.get("/robust/<use>")
def robust(use: str) -> Any:
    try:
        response = USES[use]()
        response.raise_for_status()
        return {"n": response.json()["n"]}
    except httpx.HTTPError:
        return {"n": 1}


def reply() -> Any:
    made = mock.Mock()
    made.json.return_value = {"n": 1}
    return made


def function(fake: Any) -> Callable[..., Any]:
    def get(*args: Any, **options: Any) -> Any:
        return fake(*args, **options)

    return get


def real(fake: Any) -> Any:
    """A client asks for more of the answer of its transport than the application does."""
    fake.return_value = httpx.Response(200, json={"n": 1})
    return fake


FORMS: dict[str, Callable[[Any], Any]] = {
    "function-mock": lambda fake: mock.patch("httpx.get", fake),
    "function-fake": lambda fake: mock.patch("httpx.get", function(fake)),
    "function-module": lambda fake: mock.patch(f"{__name__}.httpx", mock.Mock(get=fake)),
    "function-client": lambda fake: mock.patch("httpx.Client.request", fake),
    "client-object": lambda fake: mock.patch(f"{__name__}.client", mock.Mock(get=fake)),
    "client-method": lambda fake: mock.patch.object(client, "get", fake),
    "client-transport": lambda fake: mock.patch("httpx.HTTPTransport.handle_request", real(fake)),
    "client-send": lambda fake: mock.patch("httpx.Client.send", fake),
    "transport-mock": lambda fake: mock.patch("httpx.HTTPTransport.handle_request", fake),
    "transport-fake": lambda fake: mock.patch("httpx.HTTPTransport.handle_request", function(fake)),
    "class-mock": lambda fake: mock.patch(
        "httpx.Client", mock.MagicMock(**{"return_value.__enter__.return_value.request": fake})
    ),
}


@pytest.mark.parametrize("form", list(FORMS))
class TestHttpxStandIns:
    def test_bug_is_found(self, form: str) -> None:
        def test() -> None:
            with FORMS[form](mock.Mock(return_value=reply())):
                path = f"/fragile/{form.partition('-')[0]}"
                assert app.test_client().get(path).json == {"n": 1}

        result = explore(test, {"http://here": app})
        (seen,) = result.executions[0].trace.invocations
        assert (seen.operation, seen.url, seen.library) == ("GET", URL, "httpx")
        assert result.bugs

    def test_robust_view_is_no_false_alarm(self, form: str) -> None:
        def test() -> None:
            fake = mock.Mock(return_value=reply())
            with FORMS[form](fake):
                path = f"/robust/{form.partition('-')[0]}"
                assert app.test_client().get(path).json == {"n": 1}
                assert fake.call_count == 1

        result = explore(test, {"http://here": app})
        assert result.ok, result
        assert len(result.executions) > 3


def test_asynchronous_clients_are_named() -> None:
    def test() -> None:
        with mock.patch("httpx.AsyncClient"):
            app.test_client().get("/")

    (note,) = [each for each in explore(test, {"http://here": app}).notes if "Async" in each]
    assert note == (
        "httpx.AsyncClient is replaced, and its calls cannot fail: "
        "calls of asynchronous clients are not seen"
    )
