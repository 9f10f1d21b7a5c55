"""What holds for the search with outages on any application: tried on random simulated ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import event, given

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.bug import ending
from flask_filibuster.results.execution import judged
from flask_filibuster.results.judging import failures_of
from flask_filibuster.results.result import Result
from tests.support.applications import (
    Application,
    applications,
    everything,
    explored,
    models,
    tried,
)
from tests.support.simulation import Simulation


def endings(result: Result) -> set[str]:
    return {ending(failure.error) for failure in result.failures}


def causes(result: Result) -> set[tuple[str, tuple[str, ...]]]:
    """The bugs that oracles found, without the calls at fault: a smaller set may have fewer."""
    return {(bug.cause.kind, bug.cause.what) for bug in result.bugs if bug.cause is not None}


def check_outages(result: Result, simulation: Simulation) -> None:
    """What holds for the result of exploring any application that is deterministic."""
    assert not result.inconclusive
    assert not result.ambiguities
    assert len({each.faults for each in result.executions}) == len(result.executions)
    for execution in result.executions:
        for planned in execution.faults:
            if planned.outage is not None:
                event("an outage")
                calls = execution.trace.invocations
                assert all(
                    call.fault is not None
                    for call in calls
                    if planned.outage.first is None
                    and planned.outage.covers(call)
                    and planned.fault.applies_to(call)
                )
                assert len(planned.failed(calls)) == planned.outage.failed
    for pruned in result.pruned:
        assert simulation.verdict(pruned.faults) == pruned.answer


def check_minimal(result: Result, simulation: Simulation) -> None:
    """No single call of an outage that shows a bug is enough to show it."""
    baseline, known = result.executions[0], {each.faults for each in result.executions}
    for failure in result.failures:
        faults, shown = failure.faults, failure.executions[0]
        for planned in faults:
            for call in planned.failed(shown.trace.invocations) if planned.outage else ():
                alone = PlannedFault(call, planned.fault)
                smaller = FaultSet(tuple(alone if each is planned else each for each in faults))
                if smaller in known:
                    continue  # Its failure has been compared with this one.
                again = judged(smaller, simulation.run(smaller))
                made = again.trace.call(call.index)
                if again.verdict == "failed" and made and made.callsite == call.callsite:
                    together = failures_of((baseline, shown, replace(again, number=3)))
                    assert [each.faults for each in together] != [smaller], failure


@pytest.mark.slow
@tried(60)
@given(applications(), models)
def test_exact_with_outages_loses_nothing(application: Application, model: FaultModel) -> None:
    full, reduced, checked = (Simulation(*application) for _ in range(3))
    none, exact = everything(full, model), explored(reduced, model, "exact", outages=True)
    checked.run(FaultSet())
    check_outages(exact, checked)
    assert full.steps == reduced.steps
    assert full.ends == reduced.ends
    assert endings(none) == endings(exact)
    assert causes(none) == causes(exact)
    check_minimal(exact, checked)
