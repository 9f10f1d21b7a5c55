"""A service that uses requests in each way in which tests replace it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
from flask import Flask
from requests import Session
from requests import get as imported_get

URL = "http://weather.test/now"

app = Flask(__name__)
session = requests.Session()


def by_function() -> Any:
    return requests.get(URL, timeout=3)


def by_name() -> Any:
    return imported_get(URL, timeout=3)


def by_session() -> Any:
    return session.get(URL, timeout=3)


def by_own_session() -> Any:
    with requests.Session() as own:
        return own.get(URL, timeout=3)


def by_class() -> Any:
    with Session() as own:
        return own.request("GET", URL, timeout=3)


def by_prepared() -> Any:
    return session.send(requests.Request("GET", URL).prepare(), timeout=3)


USES: dict[str, Callable[[], Any]] = {
    "function": by_function,
    "name": by_name,
    "session": by_session,
    "own-session": by_own_session,
    "class": by_class,
    "prepared": by_prepared,
}


@app.get("/fragile/<use>")
def fragile(use: str) -> Any:
    return {"n": USES[use]().json()["n"]}


@app.get("/robust/<use>")
def robust(use: str) -> Any:
    """It asks twice, and does without either answer."""
    return [_asked(USES[use]) for _ in range(2)]


def _asked(ask: Callable[[], Any]) -> int | None:
    try:
        response = ask()
        response.raise_for_status()
        return int(response.json()["n"])
    except requests.exceptions.RequestException:
        return None
