"""Explorations of simulated applications, and what is compared of two of them."""

from __future__ import annotations

from collections import Counter

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.bug import signature
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


def failures(result: Result) -> set[tuple[str, frozenset[ExecutionIndex]]]:
    """What failed, and which calls were made to fail for it."""
    return {
        (signature(failure.error), frozenset(planned.index for planned in failure.faults))
        for failure in result.failures
    }


def all_sets(result: Result) -> Counter[FaultSet]:
    return Counter(
        [
            *(execution.faults for execution in result.executions),
            *(pruned.faults for pruned in result.pruned),
        ]
    )
