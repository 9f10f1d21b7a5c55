"""Keys of services in any spelling; what a socket refuses, the mesh refuses, too."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests
from flask import Flask, Response, request

from flask_filibuster import explore
from flask_filibuster.core.urls import host_of, same_host

SPELLINGS = [
    ("http://bücher.example", "http://bücher.example/"),
    ("http://bücher.example", "http://xn--bcher-kva.example/"),
    ("http://xn--bcher-kva.example", "http://BÜCHER.example/"),
    ("http://[::1]:5000", "http://[0:0:0:0:0:0:0:1]:5000/"),
    ("http://[2001:DB8::0:1]", "http://[2001:db8::1]/"),
    ("http://[::ffff:192.0.2.1]", "http://[::ffff:c000:201]/"),
    ("http://back", "http://BACK/"),
    ("http://back", "http://back./"),
]


def echo() -> Flask:
    app = Flask("back")

    @app.get("/")
    def index() -> dict[str, str]:
        return dict(request.headers.items())

    @app.get("/snowman")
    def snowman() -> Response:
        return Response("x", headers={"X-Sign": "☃"})

    return app


def within(services: dict[str, Any], function: Any) -> Any:
    """What a function returns as a test of an exploration."""
    found: list[Any] = []

    def test() -> None:
        found.append(function())

    explore(test, services, max_executions=1)
    return found[0]


@pytest.mark.parametrize(("key", "url"), SPELLINGS)
@pytest.mark.parametrize("client", [requests, httpx], ids=["requests", "httpx"])
def test_service_is_reached_by_any_spelling(key: str, url: str, client: Any) -> None:
    assert within({key: echo()}, lambda: client.get(url, timeout=1).status_code) == 200


def test_name_is_as_it_is_written() -> None:
    app = Flask("front")
    app.get("/")(lambda: requests.get("http://bücher.example/", timeout=1).text)
    services = {"http://front": app, "http://bücher.example": echo()}
    result = explore(lambda: app.test_client().get("/"), services, max_executions=2)
    assert "bücher.example" in result.reached
    assert result.executions[1].faults


@pytest.mark.parametrize(
    ("host", "same"),
    [("A.example.", "a.example"), ("fe80::1%25eth0", "fe80::1%eth0"), ("a:b", "a:b")],
)
def test_one_spelling(host: str, same: str) -> None:
    assert same_host(host) == same
    assert host_of("http://x:1/") == "x"


def test_value_outside_latin_1_is_refused() -> None:
    def send() -> None:
        with pytest.raises(UnicodeEncodeError):
            requests.get("http://back/", headers={"X-Name": "☃"}, timeout=1)

    within({"http://back": echo()}, send)


@pytest.mark.parametrize("headers", [{"X": "a\nb: c"}, {"X": "a\rb"}, {"X y": "a\r\nb"}])
def test_line_ends_are_refused(headers: dict[str, str]) -> None:
    def send() -> None:
        prepared = requests.Request("GET", "http://back/").prepare()
        prepared.headers.update(headers)
        with pytest.raises(ValueError, match="Invalid header"):
            requests.Session().send(prepared)

    within({"http://back": echo()}, send)


def test_control_characters_get_a_400() -> None:
    def send() -> int:
        return requests.get("http://back/", headers={"X-Name": "a\x00b"}, timeout=1).status_code

    assert within({"http://back": echo()}, send) == 400


def test_names_with_underscores_are_dropped() -> None:
    def send() -> dict[str, str]:
        headers = {"X_Name": "forged", "X-Other": "kept"}
        return requests.get("http://back/", headers=headers, timeout=1).json()  # type: ignore[no-any-return]

    got = within({"http://back": echo()}, send)
    assert got["X-Other"] == "kept"
    assert "X-Name" not in got


def test_answer_outside_latin_1_is_a_500() -> None:
    url = "http://back/snowman"
    assert within({"http://back": echo()}, lambda: requests.get(url, timeout=1).status_code) == 500
