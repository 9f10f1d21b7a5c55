"""A service and its mocked weather: what suites beside other plugins explore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import requests
import responses
from flask import Flask

URL = "http://weather.test/today"


def note(line: str) -> None:
    """Keep a line for whoever started this session."""
    with open(Path(__file__).with_name("notes"), "a") as file:
        print(line, file=file)


def careless() -> int | None:
    temperature: int = requests.get(URL, timeout=3).json()["t"]
    return temperature


def careful() -> int | None:
    try:
        return careless()
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return None


def create_app(source: Callable[[], int | None]) -> Flask:
    app = Flask("shop")
    app.logger.disabled = True
    app.add_url_rule("/w", "w", lambda: {"t": source()})
    return app


def answering() -> responses.RequestsMock:
    """A mock that answers, within its block."""
    mock = responses.RequestsMock(assert_all_requests_are_fired=False)
    mock.get(URL, json={"t": 1})
    return mock


def status(source: Callable[[], int | None]) -> int:
    """The status of a page that needs the weather."""
    with answering():
        return create_app(source).test_client().get("/w").status_code
