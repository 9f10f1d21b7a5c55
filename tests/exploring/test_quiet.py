"""Which of the tracebacks that apps log reach the terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import requests
from flask import Flask
from flask.logging import default_handler

from flask_filibuster import FaultModel, explore
from flask_filibuster.results.result import Result
from tests.support.callers import service

MODEL = FaultModel(exceptions=("ConnectionError",), default_statuses=())


class Kept(logging.Handler):
    """A handler of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def app() -> Iterator[Flask]:
    """An app as it is outside of pytest, whose log Flask itself prints."""
    app = Flask("noisy")

    @app.get("/")
    def index() -> str:
        app.logger.warning("about to call")
        return requests.get("http://callee:1/way", timeout=1).text

    @app.get("/broken")
    def broken() -> str:
        try:
            return requests.get("http://callee:1/way", timeout=1).text
        finally:
            raise LookupError("broken without any fault")

    app.logger.addHandler(default_handler)
    yield app
    app.logger.removeHandler(default_handler)


def explored(app: Flask, path: str = "/") -> Result:
    callee = {"http://callee:1": service(way=lambda: "fine")}
    return explore(lambda: app.test_client().get(path), callee, MODEL)


def test_faults_print_no_traceback(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(explored(app).bugs) == 1
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "about to call" in printed


def test_own_handlers_get_them(app: Flask) -> None:
    kept = Kept()
    app.logger.addHandler(kept)
    try:
        explored(app)
    finally:
        app.logger.removeHandler(kept)
    assert any(each.exc_info for each in kept.records)


def test_debug_shows_them(
    app: Flask, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "flask_filibuster"):
        explored(app)
    assert "Traceback" in capsys.readouterr().err


def test_errors_without_faults_are_shown(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    explored(app, "/broken")
    assert "LookupError: broken without any fault" in capsys.readouterr().err


def test_handler_is_as_before(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    before = list(default_handler.filters)
    explored(app)
    assert default_handler.filters == before
    capsys.readouterr()
    app.test_client().get("/broken")
    assert "Traceback" in capsys.readouterr().err
