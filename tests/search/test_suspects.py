"""The pruned sets that most likely differ from the prediction are run by default."""

from __future__ import annotations

import pytest

from flask_filibuster.results.execution import AUDIT
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from flask_filibuster.search.phases import suspects
from tests.support.applications import never
from tests.support.cases import cases
from tests.support.driving import run_all
from tests.support.remembering import MODEL, remembering, stateful
from tests.support.simulation import FunctionalTest, Orderly, Service, Simulation, Step

LEAVES: dict[str, Service] = {name: Orderly() for name in "abcde"}
NEVER = FunctionalTest(("front",), never)


def explored(seed: int, reduction: str = "equivalence", audit: int | None = None) -> Result:
    explorer = Explorer(MODEL, reduction=reduction, audit=audit)
    return run_all(explorer, remembering(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(cases(300, 30)))
def test_what_handlers_remember_is_found(seed: int) -> None:
    """How an attempt failed, and what failed in an earlier request of the test."""
    everything = explored(seed, "none", audit=0)
    result = explored(seed)
    assert bool(result.failures) == bool(everything.failures)
    assert len(result.executions) <= len(everything.executions)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [17, 33, 53])
def test_each_of_two_loops_is_tried(seed: int) -> None:
    """The contexts of one loop leave room for another one."""
    assert run_all(Explorer(MODEL, audit=None), remembering(seed, most=2)).failures


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(cases(20, 5)))
def test_what_is_lost_is_told(seed: int) -> None:
    """Handlers that act on a failure at a later call, and apps that count failures."""
    result = run_all(Explorer(MODEL, audit=None), stateful(seed))
    assert result.failures or result.notes


@pytest.mark.slow
def test_many_later_calls_are_told() -> None:
    """All of their sets are run, or none."""
    steps = tuple((Step(name),) for name in "abcde")
    services: dict[str, Service] = {
        "front": Orderly(steps),
        **{name: Orderly() for name in "abcde"},
    }
    few, many = (
        run_all(Explorer(MODEL, audit=audit), Simulation(services, NEVER).run)
        for audit in (0, None)
    )
    assert len(few.executions) == len(many.executions)
    assert not few.notes
    (note,) = many.notes
    assert note.startswith("120 pruned fault sets, in which a call")


def test_later_calls_respect_max_faults() -> None:
    simulation = Simulation({"front": Orderly(((Step("b"),), (Step("c"),))), **LEAVES}, NEVER)
    result = run_all(Explorer(MODEL, audit=None, max_faults=1), simulation.run)
    assert max(len(each.faults) for each in result.executions) == 1
    assert not result.notes


def handing_on(attempts: int, requests: int = 1) -> Simulation:
    step = Step("back", attempts=attempts, gives_up=503)
    services: dict[str, Service] = {"front": Orderly(((step,),)), "back": Orderly()}
    return Simulation(services, FunctionalTest(("front",) * requests, never))


def audited(simulation: Simulation, reduction: str = "equivalence") -> list[list[str]]:
    result = run_all(Explorer(MODEL, reduction=reduction, audit=None), simulation.run)
    assert not result.findings or all(each.severity != "warning" for each in result.findings)
    return [
        [str(planned.fault.outcome) for planned in each.faults]
        for each in result.executions
        if each.purpose == AUDIT
    ]


def test_attempts_fail_after_each_member() -> None:
    sets = audited(handing_on(attempts=2))
    assert sets[:3] == [
        ["Timeout", "ConnectionError"],
        ["429", "ConnectionError"],
        ["500", "ConnectionError"],
    ]
    assert len(sets) == 12


def test_requests_fail_alike() -> None:
    sets = audited(handing_on(attempts=1, requests=3), "exact")
    assert {(first, second) for first, second in sets} <= {
        (fault, fault) for fault in ("ConnectionError", "Timeout", "429", "500")
    }
    assert sets


def test_single_calls_have_no_suspects() -> None:
    assert audited(handing_on(attempts=1)) == []


def test_suspects_left_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "MOST_DIFFERENT", 2)
    result = run_all(Explorer(MODEL, audit=None), handing_on(attempts=2).run)
    (note,) = result.notes
    assert note.startswith("10 pruned fault sets, in which a call, an attempt")
