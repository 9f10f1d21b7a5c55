"""Failures: which failing executions are one bug, and what is reported of it."""

from __future__ import annotations

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import explore
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.results.bug import Failure
from tests.support.pages import failed_services, leaf, missing_parts, page_of_two, refused


def causes(failures: tuple[Failure, ...]) -> list[list[str]]:
    return [failed_services(failure.faults) for failure in failures]


def test_two_assertions_are_two_bugs() -> None:
    def test() -> None:
        missing = missing_parts()
        assert "http://stars:5001/" not in missing, "no stars"
        assert "http://texts:5002/" not in missing, "no texts"

    result = explore(test, page_of_two(), refused())
    assert not result.ok
    assert causes(result.failures) == [["texts"], ["stars"]]
    assert [str(failure.error).partition("\n")[0] for failure in result.failures] == [
        "no texts",
        "no stars",
    ]


def test_two_causes_are_two_bugs() -> None:
    """One assertion fails because of either of two calls."""

    def test() -> None:
        assert not missing_parts()

    result = explore(test, page_of_two(), refused())
    assert causes(result.failures) == [["texts"], ["stars"]]


def test_two_exceptions_are_two_bugs() -> None:
    """At one line."""

    def test() -> None:
        missing = missing_parts()
        if missing:
            raise ValueError(missing) if len(missing) == 2 else KeyError(missing)

    result = explore(test, page_of_two(), refused())
    assert causes(result.failures) == [["texts"], ["stars"], ["stars", "texts"]]
    assert [type(failure.error) for failure in result.failures] == [KeyError, KeyError, ValueError]


def test_two_lines_are_two_bugs() -> None:
    """Though one call is to blame for both."""
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        try:
            return "", requests.get("http://back:5001/", timeout=2).status_code
        except RequestException:
            return "", 504

    def test() -> None:
        status = requests.get("http://front:5000/", timeout=9).status_code
        if status == 503:
            raise KeyError("movie")
        if status == 504:
            raise KeyError("movie")

    services = {"http://front:5000": front, "http://back:5001": leaf("back")}
    assert causes(explore(test, services, refused(back=(503,))).failures) == [["back"], ["back"]]


@pytest.mark.parametrize("reduction", ["none", "exact"])
def test_bug_has_its_smallest_fault_set(reduction: ReductionName) -> None:
    """And all executions that show it."""

    def test() -> None:
        assert "http://stars:5001/" not in missing_parts()

    result = explore(test, page_of_two(), refused(stars=(503,), texts=(503,)), reduction=reduction)
    (failure,) = result.failures
    assert [str(planned.fault) for planned in failure.faults] == ["raises ConnectionError"]
    assert failure.error is failure.executions[0].error
    assert failure.executions == tuple(
        execution for execution in result.executions if execution.verdict == "failed"
    )
    assert [failed_services(execution.faults) for execution in failure.executions] == [
        *[["stars"]] * 2,
        *[["stars", "texts"]] * 4,
    ]


def test_bug_of_two_faults_has_both() -> None:
    def test() -> None:
        assert len(missing_parts()) < 2

    (failure,) = explore(test, page_of_two(), refused()).failures
    assert failed_services(failure.faults) == ["stars", "texts"]
    assert len(failure.executions) == 1


def test_broken_test_is_run_once() -> None:
    """A test that fails without faults gets none."""
    runs = []

    def test() -> None:
        runs.append(missing_parts())
        raise LookupError("always")

    result = explore(test, page_of_two(), refused())
    assert runs == [[]]
    (failure,) = result.failures
    (execution,) = result.executions
    assert not failure.faults
    assert failure.executions == (execution,)
    assert isinstance(failure.error, LookupError)
    assert execution.verdict == "failed"
    assert not result.ok
    assert result.generated == 1
    assert result.remaining == 0


def test_passing_test_has_no_failures() -> None:
    result = explore(missing_parts, page_of_two(), refused())
    assert result.ok
    assert result.failures == ()
    assert len(result.executions) == 4
