"""A request that must be answered by another status than that of a page."""

from __future__ import annotations

import pytest
import requests
from flask import Flask, redirect
from flask.typing import ResponseReturnValue

from flask_filibuster.exploring.arguments import Arguments
from flask_filibuster.exploring.explore import explore_subject
from flask_filibuster.exploring.recording import Recording
from flask_filibuster.exploring.subjects.request import Request, RequestSubject, RequestTest
from flask_filibuster.results.result import Result
from tests.support.callers import service

FRONT = "http://front:5000"


def explored(path: str, expected: int | None) -> Result:
    app = Flask("front")

    @app.get("/<int:status>")
    def page(status: int) -> ResponseReturnValue:
        try:
            requests.get("http://callee:1/way", timeout=1)
        except requests.RequestException:
            return "sorry", status
        return redirect("/login", status) if status < 400 else ("as always", status)

    @app.get("/relay")
    def relay() -> ResponseReturnValue:
        requests.get("http://callee:1/broken", timeout=1)
        return "refused", 403

    def broken() -> ResponseReturnValue:
        return "", 500

    services = {FRONT: app, "http://callee:1": service(way=lambda: "fine", broken=broken)}
    test = RequestTest(Request(path, expected=expected), FRONT)
    subject = RequestSubject(test, services, None, "flask")
    return explore_subject(subject, Arguments(max_executions=2), recording=Recording()).result


@pytest.mark.parametrize("status", [302, 403, 404, 500, 503])
def test_expected_status_weakens_nothing(status: int) -> None:
    result = explored(f"/{status}", status)
    assert result.ok, str(result)
    assert result.weakens == result.gaps == result.notes == ()


def test_calls_that_fail_still_do() -> None:
    result = explored("/relay", 403)
    (gap,) = result.gaps
    assert "front -> callee" in gap


@pytest.mark.parametrize("expected", [None, 200])
def test_other_status_is_a_failure(expected: int | None) -> None:
    result = explored("/403", expected)
    assert result.exit_code == 2
    assert "the answer is 403" in result.gaps[0]
