"""Budgets: the maximum size of fault sets, and the limits of an exploration."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.planned import CallFaults

MAX_EXECUTIONS = "max_executions"
MAX_SECONDS = "max_seconds"
FAIL_FAST = "fail_fast"


class Reach:
    """The faults of a set that are needed to reach its calls.

    :param ledger: the executions so far.
    :param faults: the set.
    """

    def __init__(self, ledger: Ledger, faults: FaultSet) -> None:
        self._ledger = ledger
        self._faults = tuple(faults)
        # The calls made under no fault, under the first, under the first two, and so on, as far as
        # anybody asked: nearly all calls are made under no fault.
        self._made: list[set[ExecutionIndex]] = []
        self._prefix = FaultSet()
        self.reaching = {self.to(planned.index) for planned in faults} - {None}

    def _calls(self, faults: FaultSet) -> set[ExecutionIndex]:
        execution = self._ledger.execution_of(faults)
        if execution is not None:
            return {call.index for call in execution.trace.invocations}
        calls = self._ledger.behaviour.predict(faults.by_index()).calls
        return {call.index for call, _, _ in calls}

    def to(self, index: ExecutionIndex) -> PlannedFault | None:
        """The fault that is needed to reach a call, if any."""
        for count in range(len(self._faults) + 1):
            if index in self._made_under(count):
                return self._faults[count - 1] if count else None
        return None

    def _made_under(self, count: int) -> set[ExecutionIndex]:
        """The calls made under the first faults, of which the shorter ones were asked for."""
        if count == len(self._made):
            if count:
                self._prefix = self._prefix.plus(self._faults[count - 1])
            self._made.append(self._calls(self._prefix))
        return self._made[count]


class FaultBudget:
    """Bounds the faults of a set, without those needed to reach a call.

    The call of a fallback is made only after another call has failed. If the fallback fails, too,
    the set counts as one fault: the fault needed to reach the fallback is free. A fault that is
    tried alone makes a set with all others of one such fault.

    :param ledger: the executions so far.
    :param most: maximum number of faults, or ``None``.
    """

    def __init__(self, ledger: Ledger, most: int | None) -> None:
        self._ledger = ledger
        self._most = most

    def allowed(self, faults: FaultSet, later: Sequence[CallFaults]) -> Sequence[CallFaults]:
        """The calls that may fail in addition to these faults.

        :param later: calls made under the faults, each with its faults.
        """
        planned = self._ledger.planned
        most, mixed = self._most, bool(faults) and planned.some_alone
        if not mixed and (most is None or len(faults) < most):
            return later
        reach = Reach(self._ledger, faults)
        is_alone = mixed and any(planned.is_alone(each.fault) for each in faults)
        allowed: list[CallFaults] = []
        for call, possible in later:
            size = len(faults) + 1 - len({*reach.reaching, reach.to(call.index)} - {None})
            if most is not None and size > most:
                continue
            if not mixed or size == 1:
                allowed.append((call, possible))
            elif not is_alone:
                joining = tuple(each for each in possible if not planned.is_alone(each.fault))
                allowed.append((call, joining))
            else:
                allowed.append((call, ()))
        return allowed


class Limits:
    """The limits of an exploration.

    :param max_executions: maximum number of executions, or ``None``.
    :param max_seconds: how long to begin new ones, in seconds from now, or ``None``.
    :param clock: the time, in seconds.
    :param assumed: names of the limits that nobody has set.
    """

    def __init__(
        self,
        max_executions: int | None,
        max_seconds: float | None,
        clock: Callable[[], float],
        assumed: Container[str] = (),
    ) -> None:
        self._max_executions = max_executions
        self._max_seconds = max_seconds
        self._clock = clock
        self._assumed = assumed
        self._began = clock()

    def left(self, executed: int) -> int | None:
        """The number of executions left, if limited.

        :param executed: number of executions so far.
        """
        return None if self._max_executions is None else self._max_executions - executed

    def reached(self, executed: int) -> str | None:
        """The name of the reached limit, if any.

        :param executed: number of executions so far.
        """
        if self._max_executions is not None and executed >= self._max_executions:
            return MAX_EXECUTIONS
        if self._max_seconds is not None and self._clock() - self._began >= self._max_seconds:
            return MAX_SECONDS
        return None

    def unset(self, reached: str | None) -> tuple[str, ...]:
        """Why an exploration that such a limit ended proves less, if nobody has set the limit."""
        if reached is None or reached not in self._assumed:
            return ()
        most = f"{self._max_executions:,} executions"
        if reached == MAX_SECONDS:
            most = f"{self._max_seconds:g} seconds"
        shown = f"the default limit of {most} ended the exploration; set {reached} to go on"
        return (f"{shown}: nothing is known of the fault sets that were not run",)
