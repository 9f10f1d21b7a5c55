"""The oracle that finds a callee's 401, 403 or 503 in a service's own answer."""

from __future__ import annotations

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, explore
from flask_filibuster.results.findings import Finding


def handing_on() -> ResponseReturnValue:
    answer = requests.get("http://back:5001/", timeout=1)
    return answer.text, answer.status_code


def aborting_with_it() -> ResponseReturnValue:
    answer = requests.get("http://back:5001/", timeout=1)
    if answer.status_code in (401, 403, 503):
        return "no", answer.status_code
    return answer.text, 200 if answer.ok else 502


def always_503() -> ResponseReturnValue:
    try:
        answer = requests.get("http://back:5001/", timeout=1)
        answer.raise_for_status()
    except requests.RequestException:
        return "come back later", 503
    return answer.text


def translating() -> ResponseReturnValue:
    answer = requests.get("http://back:5001/", timeout=1)
    return answer.text, answer.status_code if answer.ok else 502


def found(view: object, *statuses: int) -> list[Finding]:
    """What is found of a service with this view, whose callee can answer these statuses."""
    front, back = Flask("front"), Flask("back")
    front.add_url_rule("/", view_func=view)  # type: ignore[arg-type]
    back.add_url_rule("/", view_func=lambda: "fine")
    services = {"http://front:5000": front, "http://back:5001": back}
    model = FaultModel((), default_statuses=statuses)
    result = explore(lambda: requests.get("http://front:5000/", timeout=9), services, model)
    return [each for each in result.findings if each.kind == "status handed on"]


@pytest.mark.parametrize("view", [handing_on, aborting_with_it])
@pytest.mark.parametrize("status", [401, 403, 503])
def test_status_of_the_callee_is_found(view: object, status: int) -> None:
    (finding,) = found(view, 500, status)
    assert finding.severity == "warning"
    assert finding.message == (
        f"front hands on the {status} of back (GET http://back:5001/) as its own answer to GET /"
    )
    (planned,) = finding.faults
    assert planned.fault.status == status
    assert finding.site is not None
    assert finding.site.file == __file__


def test_each_status_is_a_finding() -> None:
    assert len(found(handing_on, 401, 403, 500, 503)) == 3


@pytest.mark.parametrize("view", [always_503, translating])
def test_own_answer_is_not_found(view: object) -> None:
    assert found(view, 401, 403, 500, 503) == []


@pytest.mark.parametrize("status", [400, 404, 500, 502])
def test_other_statuses_are_not_found(status: int) -> None:
    assert found(handing_on, 418, status) == []


def test_single_status_is_not_found() -> None:
    """There is nothing to compare it with."""
    assert found(handing_on, 503) == []
