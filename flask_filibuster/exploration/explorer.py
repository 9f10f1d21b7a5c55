"""The loop of the search: plan, run, learn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_model import FaultModel
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.faults import Fault
from flask_filibuster.core.trace import Invocation, Trace
from flask_filibuster.exploration.behaviour import Behaviour
from flask_filibuster.exploration.failures import signature
from flask_filibuster.exploration.reduction import Reduction, reduction_named
from flask_filibuster.exploration.result import Execution, Pruned, Result

Timeouts = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Observation:
    """What running the test once showed.

    :ivar trace: what was seen.
    :ivar error: the exception that the test ended in, or ``None``.
    :ivar problems: what kept the execution from being what was planned, in words.
    :ivar asked: what the test asked about the faults: names of services, ``None`` for any of them.
    """

    trace: Trace
    error: BaseException | None = None
    problems: tuple[str, ...] = ()
    asked: frozenset[str | None] = frozenset()


class Explorer:
    """Decides which fault set to run next, and learns from each that was run.

    Sets come smallest first; among sets of one size, in the order of the sets they grew from, then
    exceptions before statuses (an exception can be injected at once, a status belongs to a service
    that has to be reached first), then in the order in which the application makes the calls.

    :param model: which calls can fail how.
    :param reduction: ``"exact"`` or ``"none"``.
    :param max_faults: largest set to run, or ``None``.
    :param max_executions: how many to run, or ``None``.
    """

    def __init__(
        self,
        model: FaultModel,
        *,
        reduction: str = "exact",
        max_faults: int | None = None,
        max_executions: int | None = None,
    ) -> None:
        self._model = model
        self._max_faults = max_faults
        self._max_executions = max_executions
        self._behaviour = Behaviour()
        self._reduction: Reduction = reduction_named(reduction)(self._behaviour)
        self._waiting: deque[FaultSet] = deque([FaultSet()])
        self._seen: set[frozenset[int]] = {frozenset()}
        self._planned: dict[tuple[ExecutionIndex, str, Timeouts], _Ways] = {}
        self._numbers: dict[PlannedFault, int] = {}
        self._names: dict[tuple[ExecutionIndex, Fault], int] = {}
        self._executions: list[Execution] = []
        self._pruned: list[Pruned] = []
        self._reached: set[ExecutionIndex] = set()
        self._cut_by_size = 0
        self._stopped = False

    def next(self) -> FaultSet | None:
        """The next fault set to run, or ``None`` when nothing is left or the budget is used up.

        Sets that reduction leaves out are counted on the way. The first set is the empty one.
        """
        while self._waiting and not self._stopped:
            if self._max_executions is not None and len(self._executions) >= self._max_executions:
                return None
            faults = self._waiting[0]
            prediction = self._reduction.predict(faults)
            if prediction is None or prediction.answer is None:
                return faults
            self._waiting.popleft()
            self._pruned.append(Pruned(faults, prediction.answer))
            # Requests of the test itself have no source; they are not made to fail.
            self._grow(faults, [call for call, _ in prediction.calls if call.source])
        return None

    def learn(self, faults: FaultSet, observation: Observation) -> Execution:
        """Take in what running ``faults``, the set that :meth:`next` gave, has shown.

        :returns: the execution with its verdict.
        """
        if self._waiting and self._waiting[0] is faults:
            self._waiting.popleft()
        trace = observation.trace
        problems = (
            *observation.problems,
            *self._broken_promises(faults, trace),
            *self._broken_connections(faults, trace),
        )
        error = observation.error
        verdict = "inconclusive" if problems else "passed" if error is None else "failed"
        execution = Execution(
            number=len(self._executions) + 1,
            faults=faults,
            trace=trace,
            verdict=verdict,
            error=error,
            problems=problems,
        )
        self._executions.append(execution)
        if verdict == "inconclusive" or (verdict == "failed" and not faults):
            self._stopped = self._stopped or not faults
            return execution
        ending = signature(error) if error is not None else "passed"
        self._behaviour.learn(trace, ending, faults=faults.by_index(), asked=observation.asked)
        self._grow(faults, trace.invocations)
        return execution

    def _broken_promises(self, faults: FaultSet, trace: Trace) -> Iterable[str]:
        """Calls before the last fault that did not happen as the executions before led to expect.

        What comes after the last fault is what the execution is run to find out.
        """
        if not faults:
            return
        remaining = {planned.index for planned in faults}
        for call, key in self._behaviour.predict(faults.by_index()).calls:
            seen = trace.call(call.index)
            if seen is None:
                yield f"a call that was made before was not made again: {call.describe()}"
                return
            if call.index in remaining:
                remaining.discard(call.index)
                if not remaining:
                    return
            elif key is not None and seen.outcome is not None and seen.outcome.key != key[0]:
                yield (
                    f"{call.describe()} ended in {seen.outcome}, "
                    f"where it had ended in {key[0]} before"
                )
                return

    def _broken_connections(self, faults: FaultSet, trace: Trace) -> Iterable[str]:
        """Calls that reached nobody, though they did before and nothing was to fail there.

        Where services are processes of their own, one may have been stopped or started anew.
        """
        planned = [each.index.rstrip("]") for each in faults]
        for call in trace.invocations:
            outcome = call.outcome
            if call.fault is not None or outcome is None:
                continue
            if outcome.exception is None:
                self._reached.add(call.index)
            elif outcome.exception == "ConnectionError" and call.index in self._reached:
                inside = call.index.rstrip("]")
                if not any(each.startswith(inside) for each in planned):
                    yield (
                        f"{call.describe()} ended in a ConnectionError that was not planned, "
                        "where it had reached somebody before"
                    )

    def _grow(self, faults: FaultSet, calls: Iterable[Invocation]) -> None:
        """Open the sets with one fault more, on a call that comes after all those that failed."""
        failed = {planned.index for planned in faults}
        later: list[_Ways] = []
        for call in calls:
            if call.index in failed:
                failed.discard(call.index)
                later.clear()
            else:
                later.append(self._ways(call))
        if self._max_faults is not None and len(faults) >= self._max_faults:
            self._cut_by_size += sum(len(way.exceptions) + len(way.statuses) for way in later)
            return
        for planned in (
            *(fault for way in later for fault in way.exceptions),
            *(fault for way in later for fault in way.statuses),
        ):
            grown = faults.plus(planned)
            identity = frozenset(self._numbers[each] for each in grown)
            if identity not in self._seen:
                self._seen.add(identity)
                self._waiting.append(grown)

    def _ways(self, call: Invocation) -> _Ways:
        """The planned faults for a call, made once so that they compare by identity."""
        key = call.index, call.target, call.timeout
        ways = self._planned.get(key)
        if ways is None:
            exceptions, statuses = self._model.ways(call)
            ways = _Ways(
                tuple(PlannedFault(call, fault) for fault in exceptions),
                tuple(PlannedFault(call, fault) for fault in statuses),
            )
            self._planned[key] = ways
            for planned in (*ways.exceptions, *ways.statuses):
                name = planned.index, planned.fault
                self._numbers[planned] = self._names.setdefault(name, len(self._names))
        return ways

    @property
    def waiting(self) -> int:
        """How many known fault sets have been neither run nor left out."""
        return len(self._waiting)

    @property
    def executed(self) -> int:
        """How many fault sets have been run."""
        return len(self._executions)

    @property
    def left_out(self) -> int:
        """How many fault sets reduction has left out."""
        return len(self._pruned)

    def result(self) -> Result:
        """What has been found so far."""
        return Result(
            executions=tuple(self._executions),
            pruned=tuple(self._pruned),
            remaining=0 if self._stopped else len(self._waiting),
            cut_by_size=self._cut_by_size,
            ambiguities=tuple(self._behaviour.ambiguities),
        )


@dataclass(frozen=True, slots=True)
class _Ways:
    exceptions: tuple[PlannedFault, ...]
    statuses: tuple[PlannedFault, ...]


def run_all(explorer: Explorer, run: Callable[[FaultSet], Observation]) -> Result:
    """Explore to the end.

    :param explorer: the search.
    :param run: runs the test once under a fault set.
    """
    while (faults := explorer.next()) is not None:
        explorer.learn(faults, run(faults))
    return explorer.result()
