"""The ledger: the executions so far, what they have shown, and whether one went as planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask_filibuster.core.bounds.attempts import Loop
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder, PlannedFault
from flask_filibuster.core.trace import Trace
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.bug import ending
from flask_filibuster.results.execution import PASSED, Execution, Observation
from flask_filibuster.search.behaviour import Behaviour, Injected
from flask_filibuster.search.nodes import Prediction
from flask_filibuster.search.planned import PlannedFaults


class Ledger:
    """The executions so far, and the behaviour learned from them.

    :param model: the faults of each call.
    :param faults_show: see :class:`Behaviour`.
    :ivar planned: the faults that can be planned.
    :ivar behaviour: the known behaviour of each handler.
    :ivar ambiguities: handlers that acted differently in the same situation: index, earlier action,
        later action. The test counts only if all calls of both executions had ended alike.
    :ivar executions: the executions, in order.
    :ivar failed: number of failed executions.
    :ivar reached: names of the services reached.
    :ivar asked: names of the services in questions about faults.
    :ivar probed: whether a loop was probed.
    :ivar unending: loops of attempts without an end, which the search does not follow.
    """

    def __init__(self, model: FaultModel, *, faults_show: bool = False) -> None:
        self.planned = PlannedFaults(model)
        self.behaviour = Behaviour(faults_show=faults_show)
        self.ambiguities: list[tuple[ExecutionIndex, str, str]] = []
        self.executions: list[Execution] = []
        self.failed = 0
        self.reached: set[str] = set()
        self.asked: set[str] = set()
        self.probed = False
        self.unending: set[Loop] = set()
        self._causes: dict[str, list[frozenset[ExecutionIndex]]] = {}
        self._by_identity: dict[frozenset[int], Execution] = {}
        self._inconclusive: dict[frozenset[int], Execution] = {}
        self._reached: set[ExecutionIndex] = set()

    def __repr__(self) -> str:
        return f"<Ledger of {len(self.executions)} executions, {self.failed} failed>"

    def attempted(self) -> Iterator[Execution]:
        """The executions, one for each fault set."""
        yield from self._by_identity.values()
        yield from (
            each
            for identity, each in self._inconclusive.items()
            if identity not in self._by_identity
        )

    def has_run(self, faults: FaultSet) -> bool:
        """Whether these faults have an execution, even an inconclusive one."""
        return self.attempt_at(faults) is not None

    @property
    def lost_any(self) -> bool:
        """Whether some executions were inconclusive."""
        return bool(self._inconclusive)

    def execution_of(self, faults: FaultSet) -> Execution | None:
        """The conclusive execution under these faults, if any."""
        return self._by_identity.get(self.planned.identity(faults))

    def attempt_at(self, faults: FaultSet) -> Execution | None:
        """The execution under these faults, even if inconclusive."""
        identity = self.planned.identity(faults)
        return self._by_identity.get(identity) or self._inconclusive.get(identity)

    def is_shown(self, ending: str, faults: FaultSet) -> bool:
        """Whether a known failure has the same ending, and failed no calls besides these.

        Finer than the identity of bugs for people (``results/identity.py``): by execution index, so
        that each round of a loop is run once before bugs are grouped by place. The published counts
        depend on it.

        :param ending: the ending of the test.
        :param faults: the fault set.
        """
        calls = self._failed(faults)
        return any(cause <= calls for cause in self._causes.get(ending, ()))

    def _failed(self, faults: FaultSet) -> set[ExecutionIndex]:
        """The calls that fail under a set, as far as known."""
        if not faults.has_outage:
            return {planned.index for planned in faults}
        in_order = FaultsInOrder(faults)
        calls = self.behaviour.predict(faults.by_index()).calls
        return {call.index for call, _, _ in calls if in_order.of(call) is not None}

    def judge(
        self, faults: FaultSet, observation: Observation, predicted: Prediction | None = None
    ) -> tuple[str, ...]:
        """Why an execution proves nothing, in words; empty if it went as planned.

        :param predicted: the prediction for these faults, if known.
        """
        if observation.problems and not observation.trace.requests:
            return observation.problems  # They explain the empty trace.
        return (
            *observation.problems,
            *self._broken_promises(faults, observation.trace, predicted),
            *self._broken_connections(faults, observation.trace),
        )

    def note(self, observation: Observation) -> None:
        """Record the services reached, and those in questions about faults."""
        trace = observation.trace
        self.reached.update([call.target for call in trace.invocations])
        self.reached.update([each.service for each in trace.handlings.values()])
        self.asked.update([name for name in observation.asked if name is not None])

    def enter(self, execution: Execution, observation: Observation) -> Prediction | None:
        """Add an execution, and learn from it if it is conclusive.

        :returns: the new prediction for its faults, if it was learned from.
        """
        self.executions.append(execution)
        self.failed += execution.verdict == "failed"
        identity = self.planned.identity(execution.faults)
        if execution.verdict == "inconclusive":
            self._inconclusive[identity] = execution
            return None
        self._by_identity[identity] = execution
        if execution.verdict == "failed" and not self.is_shown(
            ending_of(execution), execution.faults
        ):
            cause = frozenset(call.index for call, _ in execution.injected)
            self._causes.setdefault(ending_of(execution), []).append(cause)
        if execution.verdict != PASSED and not execution.faults:
            return None
        return self.learn(observation, ending_of(execution), execution.faults)

    def learn(
        self, observation: Observation, ending: str, faults: FaultSet | None = None
    ) -> Prediction:
        """Learn from an execution.

        :param observation: its observation.
        :param ending: the ending of the test.
        :param faults: its faults; none by default.
        :returns: the new prediction for these faults.
        """
        trace, known = observation.trace, len(self.behaviour.ambiguities)
        by_index = {} if faults is None else _injected(faults, trace)
        seen = self.behaviour.learn(trace, ending, faults=by_index, asked=observation.asked)
        self.ambiguities += [
            each
            for each in self.behaviour.ambiguities[known:]
            if each[0] != ROOT or self._has_run_alike(trace)
        ]
        return seen

    def _has_run_alike(self, trace: Trace) -> bool:
        """Whether an earlier execution was the same up to a step of the test that differs.

        A test sees more than the answers that it gets: how often a mock was called, a log, a row.
        All of these may differ if a call anywhere ended in another way.
        """
        earlier = (each.trace for each in self._by_identity.values() if each.trace is not trace)
        return any(_ran_alike(each, trace) for each in earlier)

    def _broken_promises(
        self, faults: FaultSet, trace: Trace, predicted: Prediction | None
    ) -> Iterator[str]:
        """Calls before the last fault that deviate from earlier executions.

        The calls after the last fault are unknown in advance.
        """
        if not faults:
            return
        remaining = {planned.index for planned in faults}
        if predicted is None or not self.behaviour.holds(predicted):
            predicted = self.behaviour.predict(faults.by_index())
        for call, key, _ in predicted.calls:
            seen = trace.call(call.index)
            if seen is None:
                yield f"expected call was not made: {call.describe()}"
                return
            if call.index in remaining:
                remaining.discard(call.index)
                if not remaining:
                    return
            elif (
                key is not None
                and seen.outcome is not None
                and seen.outcome.key != key[0]
                and not _any_inside(remaining, call.index)  # It ended after the fault.
            ):
                yield (
                    f"{call.describe()}: expected {key[0]} as in earlier executions, "
                    f"the call ended with {seen.outcome}"
                )
                return

    def _broken_connections(self, faults: FaultSet, trace: Trace) -> Iterable[str]:
        """Calls that failed to connect without a fault, but connected in earlier executions.

        A service that runs as a separate process may have stopped or restarted.
        """
        for call in trace.invocations:
            outcome = call.outcome
            if call.fault is not None or outcome is None:
                continue
            if outcome.exception is None:
                self._reached.add(call.index)
            elif (
                outcome.exception == "ConnectionError"
                and call.index in self._reached
                and not _any_inside([each.index for each in faults], call.index)
            ):
                yield (
                    f"{call.describe()}: unplanned ConnectionError; "
                    "the call reached a service in earlier executions"
                )


def _injected(faults: FaultSet, trace: Trace) -> Injected:
    """The faults that were injected, by the index of their call."""
    in_order = faults.by_index()
    if not isinstance(in_order, FaultsInOrder):
        return in_order
    return {call.index: PlannedFault(call, call.fault) for call in trace.invocations if call.fault}


def _ran_alike(before: Trace, then: Trace) -> bool:
    """Whether all calls ended in the same way, as far as both executions made the same ones."""
    for one, other in zip(before.course(), then.course(), strict=False):
        if one.index != other.index:
            return True
        if one.fault != other.fault or str(one.outcome) != str(other.outcome):
            return False
    return True


def _any_inside(indexes: Iterable[ExecutionIndex], index: ExecutionIndex) -> bool:
    """Whether any of these calls is that one, or was made below it."""
    inside = index.rstrip("]")
    return any(each.startswith(inside) for each in indexes)


def ending_of(execution: Execution) -> str:
    """The ending of the test: equal for executions with the same failure."""
    return PASSED if execution.error is None else ending(execution.error)
