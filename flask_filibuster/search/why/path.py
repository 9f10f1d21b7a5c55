"""How the search comes to a fault set: one fault after the other, in the order of their calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_filibuster.core.bounds.attempts import FOLLOWED, loop_of
from flask_filibuster.core.bounds.unending import was_ended
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder, PlannedFault
from flask_filibuster.results.why.explanation import Fate
from flask_filibuster.search.budget import FaultBudget
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.reduction.exact import Reduction
from flask_filibuster.search.why import wording


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why the search does not come to a set.

    :ivar fate: in a word or two.
    :ivar reasons: in sentences.
    """

    fate: Fate
    reasons: tuple[str, ...]


class Path:
    """The way of the search to a fault set, as far as it goes.

    :param ledger: the executions so far.
    :param reduction: the reduction.
    :param max_faults: as for the search.
    :param faults: the set, in any order.
    :ivar so_far: the faults that the search comes to, in the order of their calls.
    :ivar faults: the set in that order, with the faults that it does not come to at its end.
    :ivar stuck: why it goes no further; ``None``: it comes to all of them.
    """

    def __init__(
        self, ledger: Ledger, reduction: Reduction, max_faults: int | None, faults: FaultSet
    ) -> None:
        self._ledger = ledger
        self._reduction = reduction
        self._budget = FaultBudget(ledger, max_faults)
        self._max_faults = max_faults
        self.so_far = FaultSet()
        self.stuck: Stuck | None = None
        rest = [_own(each, ledger) for each in faults]
        while rest and self.stuck is None:
            self.stuck = self._on_inconclusive()
            if self.stuck is not None:
                break
            course = self._after_failed(self.so_far)
            places = {call.index: place for place, call in reversed(list(enumerate(course)))}
            reached = [each for each in rest if each.index in places]
            if not reached:
                self.stuck = self._not_reached(rest[0])
                break
            planned = min(reached, key=lambda each: places[each.index])
            call = course[places[planned.index]]
            planned = _own(planned, ledger, call)
            self.stuck = self._obstacle(planned, call)
            if self.stuck is None:
                rest = [each for each in rest if each.key != planned.key]
                self.so_far = self.so_far.plus(planned)
        self.faults = FaultSet((*self.so_far, *rest))

    def _after_failed(self, faults: FaultSet) -> Sequence[Call]:
        """The calls under a set, those after the last one that it fails."""
        calls = self._course(faults)
        in_order = FaultsInOrder(faults)
        failed = [place for place, call in enumerate(calls) if in_order.of(call) is not None]
        return calls[failed[-1] + 1 :] if failed else calls

    def _course(self, faults: FaultSet) -> Sequence[Call]:
        execution = self._ledger.execution_of(faults)
        if execution is not None:
            return [each for each in execution.trace.invocations if each.source]
        prediction = self._ledger.behaviour.predict(faults.by_index())
        if prediction.answer is None:
            stand = self._reduction.representative_of(faults)
            if stand is not None and stand != faults:
                return self._course(stand)
        return [call for call, _, _ in prediction.calls if call.source]

    def _not_reached(self, planned: PlannedFault) -> Stuck:
        before = self.so_far
        if any(planned.index == each.index for each in before):
            return Stuck("not reached", (wording.one_fault(planned),))
        made_in = next(
            (
                each
                for each in self._ledger.executions
                if each.trace.call(planned.index) is not None
            ),
            None,
        )
        if before and self._ledger.attempt_at(before) is None:
            prediction = self._ledger.behaviour.predict(before.by_index())
            if prediction.answer is None and self._reduction.representative_of(before) in (
                None,
                before,
            ):
                return Stuck("left over", (wording.unknown_course(planned, before),))
        reasons = wording.not_reached(planned, before, self._ledger.execution_of(before), made_in)
        return Stuck("not reached", reasons)

    def _on_inconclusive(self) -> Stuck | None:
        """Whether the search builds nothing on the faults so far, as their effect is unknown."""
        execution = self._ledger.attempt_at(self.so_far)
        if execution is None or execution.verdict != "inconclusive":
            return None
        return Stuck("not built upon", (wording.on_inconclusive(execution),))

    def _obstacle(self, planned: PlannedFault, call: Call) -> Stuck | None:
        """Why the search does not add a fault to those before it."""
        ledger, before = self._ledger, self.so_far
        possible = ledger.planned.of(call)
        if planned.outage is None and all(each.fault != planned.fault for each in possible):
            return Stuck("not in the model", (wording.not_in_model(planned, possible),))
        execution = ledger.execution_of(before)
        if execution is not None and was_ended(execution.trace):
            return Stuck("not built upon", (wording.on_unending(execution),))
        if before.is_flapping:
            return Stuck("not built upon", (wording.ON_FLAPPING,))
        loop = loop_of(call)
        if loop in ledger.unending and sum(loop_of(p.call) == loop for p in before) >= FOLLOWED:
            return Stuck("excluded", (wording.in_unending(planned, FOLLOWED),))
        allowed = self._budget.allowed(before, [(call, (planned,))])
        if not allowed:
            return Stuck("excluded", (wording.too_many(self._max_faults),))
        if planned not in allowed[0][1]:
            alone = next((p for p in (*before, planned) if p.fault.kind.alone), planned)
            return Stuck("excluded", (wording.tried_alone(alone),))
        return None


def _own(planned: PlannedFault, ledger: Ledger, call: Call | None = None) -> PlannedFault:
    """The search's own object for a fault, as it compares them by identity.

    :param call: the call as it is made now, if known: its timeouts decide on the faults.
    """
    if planned.outage is not None:
        outages = (each for execution in ledger.executions for each in execution.faults)
        return next((each for each in outages if each.key == planned.key), planned)
    possible = ledger.planned.of(planned.call if call is None else call)
    return next((each for each in possible if each.fault == planned.fault), planned)
