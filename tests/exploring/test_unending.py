"""Executions in which calls never stop are ended, and reported."""

from __future__ import annotations

from contextlib import suppress

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import explore
from flask_filibuster.core.bounds import unending
from flask_filibuster.results.bug import Bug
from flask_filibuster.results.findings import UNENDING, Finding
from flask_filibuster.results.oracles import calls_without_end
from flask_filibuster.results.result import Result

FEW = 40


@pytest.fixture(autouse=True)
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are reached at once."""
    for module in unending, calls_without_end:
        monkeypatch.setattr(module, "MOST_ALIKE", FEW)


def explored(front: Flask, back: Flask | None = None) -> Result:
    services = services_of(front, back)
    return explore(lambda: requests.get("http://front:5000/", timeout=9), services)


def services_of(front: Flask, back: Flask | None = None) -> dict[str, Flask]:
    return {"http://front:5000": front, "http://back:5001": back or counting()}


def counting() -> Flask:
    """A service whose every page links to the next."""
    app = Flask("back")
    app.add_url_rule("/<int:page>", "show", lambda page: {"next": page + 1, "state": "waiting"})
    return app


def unending_bug(result: Result) -> tuple[Bug, Finding]:
    """The only bug of that kind, and its finding; the failure of the test is the same bug."""
    assert result.exit_code == 1
    ((bug, finding),) = [
        (bug, each)
        for bug in result.bugs
        for each in bug.symptoms
        if isinstance(each, Finding) and each.kind == UNENDING
    ]
    assert len(bug.symptoms) == 2
    return bug, finding


class TestCallsWithoutEnd:
    def test_pages_link_for_ever(self) -> None:
        front = Flask("front")

        @front.get("/")
        def show() -> ResponseReturnValue:
            page = 0
            while page >= 0:
                page = requests.get(f"http://back:5001/{page}", timeout=1).json()["next"]
            return "all"

        bug, finding = unending_bug(explored(front))
        assert not bug.faults
        assert finding.site is not None
        assert finding.site.line == front.view_functions["show"].__code__.co_firstlineno + 4
        assert f"front makes calls without end: stopped after {FEW}" in finding.message

    def test_services_call_each_other(self) -> None:
        front, back = Flask("front"), Flask("back")

        @front.get("/")
        def ask() -> str:
            return requests.get("http://back:5001/", timeout=1).text

        @back.get("/")
        def ask_back() -> str:
            return requests.get("http://front:5000/", timeout=1).text

        _, finding = unending_bug(explored(front, back))
        assert "requests nest without end: back -> front -> back" in finding.message

    def test_polls_after_a_fault(self) -> None:
        """The job that it waits for was never begun."""
        front = Flask("front")
        started: list[object] = []

        @front.get("/")
        def wait() -> ResponseReturnValue:
            started.clear()
            with suppress(RequestException):
                started.append(requests.get("http://back:5001/1", timeout=1).json())
            while True:
                try:
                    requests.get("http://back:5001/2", timeout=1)
                except RequestException:
                    return "unknown", 503
                if started:
                    return "done"

        bug, _ = unending_bug(explored(front))
        (planned,) = bug.faults
        assert planned.call.url == "http://back:5001/1"

    def test_the_test_itself_polls(self) -> None:
        """For what an app gave up."""
        front = Flask("front")
        given_up: list[bool] = []

        @front.get("/")
        def show() -> ResponseReturnValue:
            try:
                requests.get("http://back:5001/1", timeout=1)
            except RequestException:
                given_up.append(True)
            return "waiting" if given_up else "done"

        def test() -> None:
            given_up.clear()
            while front.test_client().get("/").text != "done":
                pass

        result = explore(test, services_of(front), max_executions=2)
        assert result.bugs
        assert max(len(each.trace.requests) for each in result.executions) == FEW


def test_many_calls_are_no_bug() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> str:
        for page in range(FEW - 1):
            requests.get(f"http://back:5001/{page}", timeout=1)
        return "all"

    result = explore(
        lambda: requests.get("http://front:5000/", timeout=9),
        services_of(front),
        max_executions=2,
    )
    assert not [each for each in result.findings if each.kind == UNENDING]
