"""Whether each fault of a failure is needed for it to show."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.results.bug import signature
from flask_filibuster.results.execution import SHRINK, Execution
from flask_filibuster.results.judging import failures_of
from flask_filibuster.search.budget import Reach
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import Prediction
from flask_filibuster.search.plan import Plan


class Shrinking:
    """Runs the smallest set that shows a bug without each of its faults, where that is unknown.

    If the bug shows all the same, the same is done with the smaller set.

    :param ledger: what has been seen.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looked_at = 0
        self._waiting: list[Plan] = []

    @property
    def waiting(self) -> int:
        """How many sets are known to be still to come."""
        return len(self._waiting)

    def next(self) -> Plan | None:
        """A set with one fault less of which nothing is known."""
        executed = len(self._ledger.executions)
        if executed != self._looked_at:
            self._looked_at = executed
            self._waiting = list(self._unknown())
        return self._waiting[0] if self._waiting else None

    def upcoming(self) -> Iterator[FaultSet]:
        """The other ones."""
        return (plan.faults for plan in self._waiting)

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """The ledger says it all."""

    def _unknown(self) -> Iterator[Plan]:
        for failure in failures_of(self._ledger.executions):
            if len(failure.faults) < 2:
                continue
            reaching = Reach(self._ledger, failure.faults).reaching
            for planned in failure.faults:
                smaller = failure.faults.without(planned)
                if self._ledger.attempt_at(smaller) is not None:
                    continue
                prediction = self._ledger.behaviour.predict(smaller.by_index())
                how, reached = signature(failure.error), planned not in reaching
                if self._may_show(smaller, prediction, how, reached=reached):
                    yield Plan(smaller, SHRINK, predicted=prediction)

    def _may_show(
        self, faults: FaultSet, prediction: Prediction, how: str, *, reached: bool
    ) -> bool:
        """Whether the test may fail in this way under these faults, as far as is known.

        :param prediction: what is known.
        :param reached: whether their calls are made even if no other prediction says so.
        """
        if prediction.answer not in (None, how):
            return False
        calls = {call.index: call for call, _, _ in prediction.calls}
        if not reached and any(planned.index not in calls for planned in faults):
            return False
        # A call that has a timeout because another one failed cannot time out without that.
        return all(
            planned.fault in [each.fault for each in self._ledger.ways.of(calls[planned.index])]
            for planned in faults
            if planned.index in calls
        )
