"""Explorations of simulated applications, and what is compared of two of them."""

from __future__ import annotations

from collections import Counter

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.bug import Bug, Failure, ending, signature
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support.driving import run_all
from tests.support.simulation import Simulation

FOUR_WAYS = FaultModel(("ConnectionError", "Timeout"), default_statuses=(500, 503))


def explored(
    simulation: Simulation,
    model: FaultModel,
    reduction: ReductionName = "equivalence",
    *,
    limit: int | None = None,
    exhaustive: bool = False,
    audit: int = 0,
    seed: int = 0,
) -> Result:
    explorer = Explorer(
        model,
        reduction=reduction,
        max_executions=limit,
        exhaustive=exhaustive,
        audit=audit,
        seed=seed,
    )
    return run_all(explorer, simulation.run)


def sequences(result: Result) -> set[tuple[ExecutionIndex, tuple[ExecutionIndex, ...]]]:
    """What every handler was seen to call, in order."""
    return {
        (handler, tuple(call.index for call in calls))
        for execution in result.executions
        for handler, calls in execution.trace.calls().items()
    }


def bugs(result: Result) -> set[tuple[str, frozenset[ExecutionIndex]]]:
    """What a user sees of it: each bug, and which calls were made to fail for it.

    A failed assertion behind which there is a finding is a symptom of that. Which of its fault
    sets are told apart as failures depends on which were run, and is not compared.
    """
    return {(_named(bug), _calls(bug.faults)) for bug in result.bugs}


def repeated(full: Result, reduced: Result) -> set[tuple[str, frozenset[ExecutionIndex]]]:
    """Bugs of combinations that were pruned because their end is one that a bug shows.

    Their faults, in other combinations, have been seen to do the same; without reduction they may
    count as a bug of their own because other lines make the calls.
    """
    shown = {ending(failure.error) for failure in reduced.failures}
    pruned = {each.faults for each in reduced.pruned if each.answer in shown}
    return {
        (_named(bug), _calls(bug.faults))
        for bug in full.bugs
        if len(bug.faults) > 1 and bug.faults in pruned
    }


def _calls(faults: FaultSet) -> frozenset[ExecutionIndex]:
    return frozenset(planned.index for planned in faults)


def _named(bug: Bug) -> str:
    if bug.cause is not None:
        return repr(bug.cause)
    (failure,) = (each for each in bug.symptoms if isinstance(each, Failure))
    return signature(failure.error)


def all_sets(result: Result) -> Counter[FaultSet]:
    return Counter(
        [
            *(execution.faults for execution in result.executions),
            *(pruned.faults for pruned in result.pruned),
        ]
    )
