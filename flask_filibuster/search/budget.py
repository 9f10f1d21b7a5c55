"""Budgets: how large a fault set may be, and how long an exploration may take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.ways import CallFaults

MAX_EXECUTIONS = "max_executions"
MAX_SECONDS = "max_seconds"


class Reach:
    """Which faults of a set it takes for calls to be made at all.

    :param ledger: what has been seen.
    :param faults: the set.
    """

    def __init__(self, ledger: Ledger, faults: FaultSet) -> None:
        self._ledger = ledger
        prefix = FaultSet()
        # The calls made under no fault, under the first, under the first two, and so on, each with
        # the fault that was added.
        self._made: list[tuple[PlannedFault | None, set[ExecutionIndex]]] = [
            (None, self._calls(prefix))
        ]
        for planned in faults:
            prefix = prefix.plus(planned)
            self._made.append((planned, self._calls(prefix)))
        self.reaching = {self.to(planned.index) for planned in faults} - {None}

    def _calls(self, faults: FaultSet) -> set[ExecutionIndex]:
        execution = self._ledger.execution_of(faults)
        if execution is not None:
            return {call.index for call in execution.trace.invocations}
        calls = self._ledger.behaviour.predict(faults.by_index()).calls
        return {call.index for call, _, _ in calls}

    def to(self, index: ExecutionIndex) -> PlannedFault | None:
        """The fault without which a call is not made, if there is one."""
        return next((planned for planned, calls in self._made if index in calls), None)


class FaultBudget:
    """Bounds the faults of a set, without those that it takes to reach a call at all.

    The call of a fallback is made only because another call has failed. When it fails, too, that
    is one fault, and how it was come by does not count.

    :param ledger: what has been seen.
    :param most: count of faults, or ``None``.
    """

    def __init__(self, ledger: Ledger, most: int | None) -> None:
        self._ledger = ledger
        self._most = most

    def allowed(self, faults: FaultSet, later: Sequence[CallFaults]) -> Sequence[CallFaults]:
        """Those of the calls that may be made to fail on top of these faults.

        :param later: calls made under the faults, each with its ways to fail.
        """
        most = self._most
        if most is None or len(faults) < most:
            return later
        reach = Reach(self._ledger, faults)
        return [
            (call, ways)
            for call, ways in later
            if len(faults) + 1 - len({*reach.reaching, reach.to(call.index)} - {None}) <= most
        ]


class Limits:
    """How much an exploration may run.

    :param max_executions: how many test executions, or ``None``.
    :param max_seconds: for how long to begin new ones, in seconds from now, or ``None``.
    :param clock: the time, in seconds.
    """

    def __init__(
        self, max_executions: int | None, max_seconds: float | None, clock: Callable[[], float]
    ) -> None:
        self._max_executions = max_executions
        self._max_seconds = max_seconds
        self._clock = clock
        self._began = clock()

    def left(self, executed: int) -> int | None:
        """How many more executions there may be, if that is limited.

        :param executed: how many there were.
        """
        return None if self._max_executions is None else self._max_executions - executed

    def reached(self, executed: int) -> str | None:
        """The limit that has been reached, by its name, if one has.

        :param executed: how many executions there were.
        """
        if self._max_executions is not None and executed >= self._max_executions:
            return MAX_EXECUTIONS
        if self._max_seconds is not None and self._clock() - self._began >= self._max_seconds:
            return MAX_SECONDS
        return None
