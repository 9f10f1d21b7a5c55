"""Loops of attempts without an end are recognised, and no others."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.bounds import unending
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.options.kinds import REDUCTIONS
from flask_filibuster.results.findings import RETRY_WITHOUT_END, Finding
from flask_filibuster.results.oracles import calls_without_end
from flask_filibuster.results.result import Result
from tests.support.cases import cases, sample

BACK, OTHER, FRONT = "http://back:5001/", "http://other:5002/", "http://front:5000/"
MODEL = FaultModel(default_statuses=(503,))
View = Callable[[], ResponseReturnValue]


def explored(view: View, reduction: ReductionName = "equivalence") -> Result:
    front, back, other = Flask("front"), Flask("back"), Flask("other")
    front.add_url_rule("/", "view", view)
    for each in back, other:
        each.add_url_rule("/", "show", lambda: "shown")
    services = {FRONT: front, BACK: back, OTHER: other}
    return explore(
        lambda: requests.get(FRONT, timeout=9), services, faults=MODEL, reduction=reduction
    )


def endless(result: Result) -> list[Finding]:
    return [each for each in result.findings if each.kind == RETRY_WITHOUT_END]


def is_up(url: str = BACK) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except RequestException:
        return False


def retries() -> ResponseReturnValue:
    while not is_up():
        pass
    return "shown"


def asks_in_turn() -> ResponseReturnValue:
    while True:
        for url in (BACK, OTHER):
            if is_up(url):
                return "shown"


def retries_a_timeout() -> ResponseReturnValue:
    while True:
        try:
            return requests.get(BACK, timeout=1).text
        except requests.Timeout:  # noqa: PERF203 - as people write it
            continue
        except requests.ConnectionError:
            return "unavailable", 503


def needs_both() -> ResponseReturnValue:
    while not (is_up(BACK) and is_up(OTHER)):
        pass
    return "shown"


@pytest.mark.slow
@pytest.mark.parametrize("view", [retries, asks_in_turn, retries_a_timeout, needs_both])
def test_loop_without_end_is_a_bug(view: View) -> None:
    result = explored(view)
    (finding,) = {(each.site and each.site.line): each for each in endless(result)}.values()
    assert result.exit_code == 1
    assert len(result.executions) < 60
    assert "without end: still retried after 100 failed attempts" in finding.message
    assert finding.site is not None
    assert finding.site.file == __file__
    assert len(finding.faults) == 100


def ten_times() -> ResponseReturnValue:
    return ("shown", 200) if any(is_up() for _ in range(10)) else ("unavailable", 503)


def until_a_deadline() -> ResponseReturnValue:
    deadline = time.monotonic() + 0.05
    while time.monotonic() < deadline:
        try:
            return requests.get(BACK, timeout=1).text
        except RequestException:  # noqa: PERF203 - as people write it
            continue
    return "unavailable", 503


@pytest.mark.slow
@pytest.mark.parametrize("view", [ten_times, until_a_deadline])
def test_loop_with_an_end_is_no_bug(view: View) -> None:
    assert not endless(explored(view))


@pytest.mark.slow
def test_probe_of_a_capped_loop_is_one_execution() -> None:
    result = explored(ten_times)
    probes = [each for each in result.executions if each.purpose == "probe"]
    assert {len(each.faults) for each in probes} == {10}
    assert len(probes) == 3, "one for each fault"
    assert not result.inconclusive


@pytest.mark.slow
@pytest.mark.parametrize("reduction", sample(REDUCTIONS))
def test_every_reduction_ends(reduction: ReductionName) -> None:
    result = explored(retries, reduction)
    assert endless(result)
    assert len(result.executions) < 130


class RandomService:
    """A service that loops, calls others, polls and turns pages as chance has it."""

    def __init__(self, name: str, others: list[str], chance: random.Random) -> None:
        self.app = Flask(name)
        self.app.add_url_rule("/", "view", self.view)
        self.app.add_url_rule("/<int:page>", "page", lambda page: {"next": page + 1})
        self._steps = [
            (chance.choice(["once", "often", "ever", "poll", "pages"]), chance.choice(others))
            for _ in range(chance.randint(1, 2))
        ]

    def view(self) -> ResponseReturnValue:
        for does, url in self._steps:
            if does == "pages":
                page = 1
                while is_up(f"{url}{page}"):
                    page += 1
            elif does == "poll":
                while is_up(url):
                    pass
            elif does == "ever":
                while not is_up(url):
                    pass
            elif not any(is_up(url) for _ in range(3 if does == "often" else 1)):
                return "unavailable", 503
        return "shown"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(cases(100, 20)))
def test_every_exploration_ends(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of systems that make calls without end, whatever these wait for."""
    for module in unending, calls_without_end:
        monkeypatch.setattr(module, "MOST_ALIKE", 10)
    monkeypatch.setattr(unending, "MOST_DEPTH", 6)
    monkeypatch.setattr(calls_without_end, "MOST_DEPTH", 6)
    chance = random.Random(seed)
    urls = [FRONT, BACK, OTHER]
    services = {
        url: RandomService(url[7:-6], [each for each in urls if each != url], chance).app
        for url in urls
    }
    began = time.monotonic()
    result = explore(
        lambda: requests.get(FRONT, timeout=9),
        services,
        faults=FaultModel(("ConnectionError",), default_statuses=()),
        max_executions=400,
    )
    assert result.executions
    assert result.remaining == 0 or len(result.executions) == 400, time.monotonic() - began
