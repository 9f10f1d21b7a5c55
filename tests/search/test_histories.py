"""Handlers that remember earlier requests of a test are told from those that act at random."""

from __future__ import annotations

import itertools

import pytest

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from flask_filibuster.search.histories import acting_on_history
from tests.support.cases import in_earnest
from tests.support.driving import run_all
from tests.support.remembering import MODEL, judge, remembering
from tests.support.simulation import (
    Answer,
    FunctionalTest,
    Orderly,
    Part,
    Service,
    SimulatedCall,
    Simulation,
)


def found(result: Result) -> tuple[set[str], set[str]]:
    """The handlers that behaved differently, and those of them that acted on history."""
    indexes = {index for index, _, _ in result.ambiguities}
    traces = (execution.trace for execution in result.executions)
    return set(indexes), set(acting_on_history(traces, indexes))


@pytest.mark.parametrize("seed", [1, 7])
def test_memory_of_requests_is_history(seed: int) -> None:
    differing, remembered = found(run_all(Explorer(MODEL, audit=None), remembering(seed)))
    assert remembered
    assert remembered == differing


@in_earnest
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_more_memory_is_history(seed: int) -> None:
    differing, remembered = found(run_all(Explorer(MODEL, audit=None), remembering(seed)))
    assert remembered == differing


class Flipping:
    """Acts on how often it was called, in all executions together."""

    body = "plain"
    observed = True

    def __init__(self) -> None:
        self.times = itertools.count()

    def handle(self, content: str) -> Part:
        for line in (1, 2):
            yield SimulatedCall("back", line=line)
        return Answer((200, 503)[next(self.times) % 2])


@pytest.mark.parametrize("requests", [1, 3])
def test_rows_that_outlive_executions_are_not(requests: int) -> None:
    """Equal histories end differently."""
    services: dict[str, Service] = {"front": Flipping(), "back": Orderly()}
    simulation = Simulation(services, FunctionalTest(("front",) * requests, judge))
    twice = [simulation.run(FaultSet()).trace for _ in range(2)]
    assert not acting_on_history(twice, [call.index for call in twice[0].requests])
