"""Finds out whether each fault of a failure is needed, and each call of an outage."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.bug import ending
from flask_filibuster.results.execution import SHRINK, Execution
from flask_filibuster.results.judging import failures_of
from flask_filibuster.search.budget import Reach
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import Prediction
from flask_filibuster.search.plan import Plan


class Shrinking:
    """Runs a bug's smallest set without each of its faults, if the outcome is unknown.

    In place of an outage, it also runs the fault of each single call. If the bug still occurs, the
    smaller set takes its place.

    :param ledger: the executions so far.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looked_at = 0
        self._waiting: list[Plan] = []

    @property
    def waiting(self) -> int:
        """Number of known sets to come."""
        return len(self._waiting)

    def next(self) -> Plan | None:
        """An unknown set with one fault less."""
        executed = len(self._ledger.executions)
        if executed != self._looked_at:
            self._looked_at = executed
            self._waiting = list(self._unknown())
        return self._waiting[0] if self._waiting else None

    def upcoming(self) -> Iterator[FaultSet]:
        """The other unknown sets."""
        return (plan.faults for plan in self._waiting)

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Nothing to do: the ledger has the execution."""

    def _unknown(self) -> Iterator[Plan]:
        for failure in failures_of(self._ledger.executions):
            shown = failure.executions[0]
            if len(shown.injected) < 2:
                continue
            how = ending(failure.error)
            reaching = Reach(self._ledger, shown.faults).reaching
            for smaller, planned in _smaller(shown):
                if self._ledger.attempt_at(smaller) is not None:
                    continue
                prediction = self._ledger.behaviour.predict(smaller.by_index())
                # Which call of an outage is made without the others is not known in advance.
                reached = planned.outage is None and planned not in reaching
                if self._may_show(smaller, prediction, how, reached=reached):
                    yield Plan(smaller, SHRINK, predicted=prediction)

    def _may_show(
        self, faults: FaultSet, prediction: Prediction, how: str, *, reached: bool
    ) -> bool:
        """Whether the test may fail in this way under these faults, as far as known.

        :param prediction: the prediction for these faults.
        :param reached: whether their calls are made even without a prediction of that.
        """
        if prediction.answer not in (None, how):
            return False
        calls = {call.index: call for call, _, _ in prediction.calls}
        # A complete prediction knows better than the search's order: a call that is not in it is
        # not made, even if the removed fault was not the last one needed to reach the call.
        certain = prediction.answer is not None or not reached
        if certain and any(planned.index not in calls for planned in faults):
            return False
        # A call that has a timeout only after another one failed cannot time out without that.
        return all(
            planned.fault in [each.fault for each in self._ledger.planned.of(calls[planned.index])]
            for planned in faults
            if planned.index in calls
        )


def _smaller(execution: Execution) -> Iterator[tuple[FaultSet, PlannedFault]]:
    """The next smaller fault sets, each with the fault that is left out, or an outage."""
    faults = execution.faults
    for planned in faults:
        if len(faults) > 1:
            yield faults.without(planned), planned
        failed = planned.failed(execution.trace.invocations)
        if planned.outage is not None and len(failed) > 1:
            for call in failed:
                alone = PlannedFault(call, planned.fault)
                yield (
                    FaultSet(tuple(alone if each is planned else each for each in faults)),
                    planned,
                )
