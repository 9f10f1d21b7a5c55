"""Audits of equivalence reduction: samples of what was pruned, and surprises in them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.execution import AUDIT
from flask_filibuster.results.result import Result
from tests.support.applications import never, on
from tests.support.cases import in_earnest
from tests.support.reductions import FOUR_WAYS, all_sets, explored
from tests.support.simulation import (
    PASSED,
    Answer,
    FirstError,
    FunctionalTest,
    Orderly,
    Part,
    Seen,
    Service,
    SimulatedCall,
    Simulation,
    Step,
)


def chosen(results: Iterable[Result]) -> list[list[str]]:
    return [
        [repr(each.faults) for each in result.executions if each.purpose == AUDIT]
        for result in results
    ]


@in_earnest
@pytest.mark.slow
def test_large_audit_takes_a_sample() -> None:
    """It doesn't list all pruned sets."""
    services: dict[str, Service] = {
        "front": Orderly(tuple((Step(f"s{number}", gives_up=None),) for number in range(9))),
        **{f"s{number}": Orderly() for number in range(9)},
    }
    test = FunctionalTest(("front",), never)
    model = FaultModel(("ConnectionError",), default_statuses=(500, 502, 503))
    first, again, other = (
        explored(Simulation(services, test), model, audit=10, seed=seed) for seed in (1, 1, 2)
    )
    assert first.generated == 5**9
    samples = chosen([first, again, other])
    assert [len(set(each)) for each in samples] == [10, 10, 10]
    assert samples[0] == samples[1] != samples[2]
    some = random.Random(0).sample(range(1000), 5)
    assert len({first.pruned[number].faults for number in some}) == 5
    assert all(first.pruned[number].answer == PASSED for number in some)


def test_failure_of_an_audit_is_shrunk() -> None:
    """The second call's failure has nothing to do with it."""

    def judge(seen: Seen) -> str:
        return FirstError.__name__ if seen[-1][0] == "500" else PASSED

    @dataclass(frozen=True)
    class Forgetful:
        body: str = "plain"
        observed: bool = True

        def handle(self, content: str) -> Part:
            replies = []
            for number, name in enumerate(("first", "unrelated", "second")):
                replies.append((yield SimulatedCall(name, line=number + 1)))
            slow = replies[0].outcome.exception == "Timeout"
            return Answer(500 if slow and replies[2].outcome.failed else 200)

    names = ("first", "unrelated", "second")
    services: dict[str, Service] = {"front": Forgetful(), **{name: Orderly() for name in names}}
    simulation = Simulation(services, FunctionalTest(("front",), judge))
    found = [explored(simulation, FOUR_WAYS, audit=40, seed=seed).failures for seed in range(3)]
    assert any(found)
    for failure in (failure for each in found for failure in each):
        assert [planned.service for planned in failure.faults] == ["first", "second"]


@dataclass(frozen=True)
class TellsOn:
    """Tells another service how its first call has failed, once the second has failed, too."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        first = yield SimulatedCall("first", line=1)
        second = yield SimulatedCall("second", line=2)
        if second.outcome.failed:
            how = str(first.outcome.exception or first.outcome.status)
            told = yield SimulatedCall("told", "POST", content=how, line=3)
            if told.outcome.status == 404:
                last = yield SimulatedCall("last", line=4)
                if last.outcome.failed:
                    return Answer(500)
        return Answer(200)


@dataclass(frozen=True)
class Particular:
    """Makes no calls, and answers one particular question otherwise than all others."""

    observed: bool
    body: str = "plain"

    def handle(self, content: str) -> Part:
        yield from ()
        return Answer(404 if content == "503" else 200)


@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("options", [{"exhaustive": True}, {"audit": 1000}], ids=str)
def test_surprising_leaf_is_a_finding(observed: bool, options: dict[str, Any]) -> None:
    """A callee without calls of its own answers as nobody expected."""
    services: dict[str, Service] = {
        "front": TellsOn(),
        "first": Orderly(),
        "second": Orderly(),
        "told": Particular(observed),
        "last": Orderly(),
    }
    model = FaultModel(("ConnectionError",), default_statuses=(500, 503))
    test = FunctionalTest(("front",), on("500"))
    result = explored(Simulation(services, test), model, **options)
    assert result.failures
    assert {finding.kind for finding in result.observed} == {"reduction does not hold"}
    assert "expected the answer 200 next, as under" in result.observed[0].message
    assert "observed the answer 404" in result.observed[0].message
    assert all_sets(result) == all_sets(explored(Simulation(services, test), model, "none"))


@dataclass(frozen=True)
class Chooses:
    """Chooses its fallback by how another call has failed."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        first = yield SimulatedCall("first", line=1)
        second = yield SimulatedCall("second", line=2)
        if second.outcome.failed:
            other = "rare" if first.outcome.status == 503 else "common"
            yield SimulatedCall(other, line=3)
        return Answer(200)


def test_unmade_call_of_audit_is_found() -> None:
    names = ("first", "second", "common", "rare")
    services: dict[str, Service] = {"front": Chooses(), **{name: Orderly() for name in names}}
    simulation = Simulation(services, FunctionalTest(("front",), never))
    model = FaultModel(("ConnectionError",), default_statuses=(500, 503))
    found = [explored(simulation, model, audit=2, seed=seed) for seed in range(6)]
    lost = [
        (result, execution)
        for result in found
        for execution in result.executions
        if execution.verdict == "inconclusive"
    ]
    assert lost
    for result, execution in lost:
        assert (execution.purpose, result.ok) == (AUDIT, True)
        (finding,) = (each for each in result.observed if execution.number in each.executions)
        assert "front, GET /: expected front -> common" in finding.message
        assert "but observed something else" in finding.message
        # The search goes on from there.
        assert any(each.faults.last.service == "rare" for each in result.executions[1:])


@dataclass(frozen=True)
class Exact:
    """Tells in its answer everything that happened; only one history leads to two more calls."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        history = []
        for number in range(4):
            part = yield SimulatedCall(f"s{number}", line=number + 1)
            history.append(str(part.outcome.exception or part.outcome.status))
        if set(history) == {"ConnectionError"}:
            first = yield SimulatedCall("first", line=8)
            yield SimulatedCall("second", line=9)
            if first.outcome.failed:
                return Answer(200, "first")
        return Answer(200, ",".join(history))


@pytest.mark.slow
def test_audit_has_the_size_asked_for() -> None:
    """Though few of many sets are pruned."""
    names = ("s0", "s1", "s2", "s3", "first", "second")
    services: dict[str, Service] = {"front": Exact(), **{name: Orderly() for name in names}}
    model = FaultModel(("ConnectionError",), default_statuses=(404, 500, 502, 503, 504))
    test = FunctionalTest(("front",), never)
    result = explored(Simulation(services, test), model, audit=10)
    audited = [each for each in result.executions if each.purpose == AUDIT]
    assert len(audited) == 10
    assert 0 < result.pruned_count < len(result.executions) // 10
