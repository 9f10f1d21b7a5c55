"""Outages: seeded bugs with clean twins, and what is opened."""

from __future__ import annotations

import pytest
import requests

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.bounds import unending
from flask_filibuster.report import text
from flask_filibuster.results.bug import Bug
from flask_filibuster.results.findings import UNENDING
from flask_filibuster.results.result import Result
from tests.support import outages as seeded
from tests.support import shapes
from tests.support.models import REFUSALS

SERVER_ERRORS = FaultModel(default_statuses=(500, 503))
SEEDED = [
    seeded.unhandled_last_error,
    seeded.fallback_down_too,
    pytest.param(seeded.breaker_stays_open, marks=pytest.mark.slow),
    seeded.write_repeated,
    seeded.nothing_to_average,
    seeded.two_callers,
]
WORDS = {
    "unhandled_last_error": ("all 3 attempts",),
    "fallback_down_too": ("all 3 attempts", "spare"),
    "breaker_stays_open": ("the first 3 calls to stock",),
    "write_repeated": ("the first 2 attempts",),
    "nothing_to_average": ("every call to stock (3 calls)",),
    "two_callers": ("every call to stock (2 calls)",),
}


def ask() -> None:
    assert requests.get("http://shop:5000/", timeout=30).status_code in (200, 503)


def tried(
    make: seeded.Make, model: FaultModel = REFUSALS, *, bug: bool = True, most: int | None = 20
) -> Result:
    services = make(bug)
    return explore(ask, services, model, outages=True, max_executions=most, journal=False)


def told(bug: Bug) -> str:
    return "\n".join(text.under_lines(bug.faults))


@pytest.mark.parametrize("make", SEEDED)
def test_outage_finds_the_bug(make: seeded.Make) -> None:
    result = tried(make)
    (bug,) = result.bugs
    assert all(words in told(bug) for words in WORDS[make.__name__]), told(bug)
    assert not result.inconclusive
    assert bug.executions[0] <= 17


@pytest.mark.parametrize("make", SEEDED)
def test_twin_handles_the_outage(make: seeded.Make) -> None:
    result = tried(make, bug=False)
    assert result.outages
    assert not result.bugs
    assert not result.inconclusive


def test_last_error_is_found_early() -> None:
    services = seeded.unhandled_last_error(True)
    before = explore(ask, services, REFUSALS, reduction="exact", journal=False)
    with_outages = explore(ask, services, REFUSALS, reduction="exact", outages=True, journal=False)
    assert before.bugs[0].executions[0] == 4
    assert len(before.bugs[0].faults) == 3
    assert with_outages.bugs[0].executions[0] == 3
    assert len(with_outages.bugs[0].faults) == 1
    assert before.outages == 0
    assert "2 of them with an outage" in text.counts_line(with_outages)


def test_single_fault_suffices() -> None:
    def look() -> None:
        assert requests.get("http://users:5000/users/chris", timeout=30).status_code == 200

    services = shapes.chain_with_retry()
    plain, result = (
        explore(look, services, REFUSALS, outages=outages, journal=False)
        for outages in (False, True)
    )
    assert result.outages
    assert plain.bugs
    alone = {bug.faults for bug in plain.bugs if len(bug.faults) == 1}
    assert alone <= {bug.faults for bug in result.bugs}


def test_service_called_once_has_none() -> None:
    def look() -> None:
        requests.get("http://users:5000/users/chris", timeout=30)

    result = explore(look, shapes.chain(), shapes.FAULTS["chain"], outages=True, journal=False)
    assert result.outages == 0


@pytest.mark.slow
def test_one_outage_of_each_nature() -> None:
    result = tried(seeded.nothing_to_average, SERVER_ERRORS, bug=False)
    shown = {
        str(planned.fault)
        for execution in result.executions
        for planned in execution.faults
        if planned.outage is not None and planned.outage.first is None
    }
    assert shown == {
        "raises ConnectionError",
        "raises Timeout",
        "answers 500 Internal Server Error",
    }


def test_endless_attempts_are_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unending, "MOST_ALIKE", 50)
    result = tried(seeded.endless_attempts, most=4)
    (bug,) = result.bugs
    assert bug.cause is not None
    assert bug.cause.kind == UNENDING
    assert "all 50 attempts" in told(bug)
    assert result.outages == 1
    assert not result.inconclusive


def test_capped_attempts_are_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unending, "MOST_ALIKE", 50)
    result = tried(seeded.endless_attempts, bug=False, most=None)
    assert result.outages
    assert not result.bugs
    assert not result.inconclusive


def test_max_faults_counts_an_outage_once() -> None:
    services = seeded.unhandled_last_error(True)
    result = explore(ask, services, REFUSALS, outages=True, max_faults=1, journal=False)
    assert len(result.bugs) == 1
