"""The search: starts at the fault-free execution and adds one fault at a time."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from flask_filibuster.core.bounds.attempts import FOLLOWED, Loop, loop_of
from flask_filibuster.core.bounds.unending import was_ended
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder, PlannedFault
from flask_filibuster.core.vocabulary import Purpose
from flask_filibuster.errors import ConfigError
from flask_filibuster.results.execution import PASSED, PROBE, SEARCH, Execution
from flask_filibuster.results.result import Pruned
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.budget import FaultBudget
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import PredictedCall, Prediction
from flask_filibuster.search.outages import Outages
from flask_filibuster.search.plan import Plan
from flask_filibuster.search.planned import CallFaults
from flask_filibuster.search.reduction.contexts import Candidate
from flask_filibuster.search.reduction.equivalence import EquivalenceReduction
from flask_filibuster.search.reduction.exact import ExactReduction, NoReduction, Reduction

logger = logging.getLogger(__name__)

_REDUCTIONS: Mapping[str, type[NoReduction]] = {
    "equivalence": EquivalenceReduction,
    "exact": ExactReduction,
    "none": NoReduction,
}


def reduction_named(name: str, behaviour: Behaviour) -> Reduction:
    """The reduction of that name.

    :param behaviour: the learned behaviour, current at each decision.
    :raises ConfigError: there is no such reduction.
    """
    if name not in _REDUCTIONS:
        raise ConfigError("reduction", name, " or ".join(map(repr, _REDUCTIONS)))
    return _REDUCTIONS[name](behaviour)


class Search:
    """Opens one set for each fault of each call that an executed set left intact.

    Smallest sets come first; sets of one size follow the order of the sets that they extend, then
    that of their last call, the latest first, then the rank of its kind of fault. So a callee's own
    calls fail before the call to it: its answers are seen by then, and need not be injected.

    :param ledger: the executions so far.
    :param reduction: decides which sets to prune.
    :param max_faults: maximum number of faults in a set, see :class:`FaultBudget`; ``None``: no
        limit.
    :param purpose: the purpose of its executions.
    :param outages: finds outages; ``None``: there are none.
    :ivar pruned: sets with a complete prediction.
    :ivar newly_pruned: the pruned sets with reasons, until the explorer collects them.
    :ivar cut_by_size: number of sets not opened because of ``max_faults``.
    """

    def __init__(
        self,
        ledger: Ledger,
        reduction: Reduction,
        max_faults: int | None = None,
        *,
        purpose: Purpose = SEARCH,
        outages: Outages | None = None,
    ) -> None:
        self.pruned: list[Pruned] = []
        self.cut_by_size = 0
        self.newly_pruned: list[tuple[Pruned, str]] = []
        self._ledger = ledger
        self._reduction = reduction
        self._budget = FaultBudget(ledger, max_faults)
        self._purpose = purpose
        self._outages = outages
        self._waiting: deque[Candidate] = deque([Candidate(FaultSet())])
        self._seen: set[frozenset[int]] = {frozenset()}

    def __repr__(self) -> str:
        return f"<Search, {len(self._waiting)} sets to go, {len(self.pruned)} predicted>"

    @property
    def waiting(self) -> int:
        """Number of known fault sets that are neither run nor pruned."""
        return len(self._waiting)

    @property
    def to_be_pruned(self) -> int:
        """Number of waiting sets that already have a representative and will be pruned."""
        return sum(map(self._reduction.prunes, self._waiting))

    def next(self) -> Plan | None:
        """The next set that may show something new."""
        waiting, reduction = self._waiting, self._reduction
        while self._has_next():
            candidate = waiting[0]
            if reduction.prunes(candidate):
                waiting.popleft()
                self.newly_pruned.append((Pruned(candidate.faults, ""), "equivalence"))
                if logger.isEnabledFor(logging.DEBUG):  # formatting a FaultSet is slow
                    logger.debug(
                        "pruned, its last fault has a representative: %r", candidate.faults
                    )
                reduction.prune(candidate)
                continue
            if self._is_probed(candidate):
                continue
            prediction = self._prediction_of(candidate)
            if prediction is None or self._is_worth_running(candidate.faults, prediction.answer):
                if not self._was_lost(candidate.faults):
                    logger.debug("planned: %r", candidate.faults)
                    return Plan(candidate.faults, self._purpose, candidate, prediction)
                waiting.popleft()
                continue
            waiting.popleft()
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug("pruned, predicted %s: %r", prediction.answer, candidate.faults)
            self.pruned.append(Pruned(candidate.faults, prediction.answer or ""))
            self.newly_pruned.append((self.pruned[-1], "predicted"))
            self._settle(candidate, prediction)
        return None

    def _has_next(self) -> bool:
        """Whether a set is waiting; outages are opened before the first combination of faults."""
        outages, waiting = self._outages, self._waiting
        if outages is not None and (not waiting or waiting[0].is_combination):
            opened = [each for opening in outages.found() for each in self._opened(*opening)]
            waiting.extendleft(reversed(opened))
        return len(waiting) > 0

    def _opened(self, faults: FaultSet, outage: PlannedFault) -> Iterator[Candidate]:
        """The set with an outage in addition, if it is no known one."""
        if not self._budget.allowed(faults, [(outage.call, (outage,))]):
            self.cut_by_size += 1
            return
        candidate = Candidate(FaultSet())
        for planned in (*faults, outage):
            seen = self._seen_at(candidate.faults)
            if seen is None or all(call.index != planned.index for call, _, _ in seen.calls):
                return
            (candidate,) = self._reduction.grow(candidate, seen, [planned])
        identity = self._ledger.planned.identity(candidate.faults)
        if identity not in self._seen:
            self._seen.add(identity)
            yield candidate

    def _seen_at(self, faults: FaultSet) -> Prediction | None:
        """The course of an execution under a set, as far as known."""
        execution = self._ledger.execution_of(faults)
        seen = self._reduction.predict(faults)
        return seen if execution is None else self._reduction.as_seen(seen, execution.trace)

    def _is_probed(self, candidate: Candidate) -> bool:
        """Whether a probe has run a set; if so, build on its execution."""
        if not self._ledger.probed:
            return False
        execution = self._ledger.execution_of(candidate.faults)
        if execution is None or execution.purpose != PROBE:
            return False
        seen = self._reduction.predict(candidate.faults)
        self._waiting.popleft()
        self._settle(candidate, self._reduction.as_seen(seen, execution.trace))
        return True

    def upcoming(self) -> Iterator[FaultSet]:
        """The waiting sets that are not pruned so far."""
        for candidate in list(self._waiting):
            if self._reduction.prunes(candidate):
                continue
            prediction = self._prediction_of(candidate)
            if prediction is None or self._is_worth_running(candidate.faults, prediction.answer):
                yield candidate.faults

    def _prediction_of(self, candidate: Candidate) -> Prediction | None:
        """The reduction's prediction for a set; computed again only if it may have changed."""
        known = candidate.prediction
        if known is None or not self._ledger.behaviour.holds(known):
            known = candidate.prediction = self._reduction.predict(candidate.faults)
        return known

    def _was_lost(self, faults: FaultSet) -> bool:
        """Whether a set had an inconclusive execution in another phase, which is reported."""
        attempt = self._ledger.attempt_at(faults) if self._ledger.lost_any else None
        return attempt is not None and attempt.verdict == "inconclusive"

    def _is_worth_running(self, faults: FaultSet, answer: str | None) -> bool:
        """Whether a set may show something new, or is predicted to show a new bug.

        A predicted failure is run, to confirm it and to report the calls that lead to it.
        """
        return answer is None or (answer != PASSED and not self._ledger.is_shown(answer, faults))

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Build on an execution."""
        candidate: Candidate = plan.subject
        if self._waiting and self._waiting[0] is candidate:
            self._waiting.popleft()
        if execution.verdict == "inconclusive" or was_ended(execution.trace):
            return  # Each of the calls of a loop without end could fail: nothing new, and no end.
        self._settle(candidate, self._reduction.as_seen(seen, execution.trace))

    def build_on(self, candidates: Iterable[Candidate]) -> None:
        """Build on sets that were not built upon before, and reopen the sets of their classes."""
        for candidate in candidates:
            faults = candidate.faults
            seen = self._seen_at(faults)
            if seen is not None:
                self._grow(candidate, seen)
        self._reopen()

    def _settle(self, candidate: Candidate, prediction: Prediction) -> None:
        if self._reduction.settle(candidate, prediction):
            self._grow(candidate, prediction)
        self._reopen()

    def _reopen(self) -> None:
        """Reopen wrongly pruned sets, before all others."""
        reopened = self._reduction.reopened()
        for each in reopened:
            logger.debug("reopened: %r", each.faults)
        self._waiting.extendleft(reversed(reopened))

    def _grow(self, candidate: Candidate, prediction: Prediction) -> None:
        """Open the sets with one more fault, on a call after all failed calls."""
        faults = candidate.faults
        if faults.is_flapping:
            # The faults of the calls that fail are built upon; which calls these are, here,
            # may be chance once another fault leads to more of them in another thread.
            return
        later = self._later(faults, prediction.calls)
        allowed = self._budget.allowed(faults, later)
        planned = _in_order([each for _, each in allowed])
        if len(allowed) < len(later):
            self.cut_by_size += sum(len(each) for _, each in later) - len(planned)
        for grown in self._reduction.grow(candidate, prediction, planned):
            identity = self._ledger.planned.identity(grown.faults)
            if identity not in self._seen:
                self._seen.add(identity)
                self._waiting.append(grown)

    def _later(self, faults: FaultSet, calls: Sequence[PredictedCall]) -> list[CallFaults]:
        """The calls after the last failed call, each with its faults."""
        after = _after_last_failed(faults, calls)
        unending, planned = self._ledger.unending, self._ledger.planned
        if unending:
            after = [call for call in after if not _is_followed_enough(call, faults, unending)]
        # Requests of the test itself have no source; they never fail.
        return [(call, planned.of(call)) for call in after if call.source]


def _after_last_failed(faults: FaultSet, calls: Sequence[PredictedCall]) -> list[Call]:
    """The calls after the last one that fails under a fault set."""
    by_index = faults.by_index()
    if isinstance(by_index, FaultsInOrder):
        failing = [by_index.of(call) is not None for call, _, _ in calls]
        last = max((place for place, fails in enumerate(failing) if fails), default=-1)
        return [call for call, _, _ in calls[last + 1 :]]
    after: list[Call] = []
    for call, _, _ in calls:
        if call.index in by_index:
            after.clear()
        else:
            after.append(call)
    return after


def _is_followed_enough(call: Call, faults: FaultSet, unending: Container[Loop]) -> bool:
    """Whether a call is another attempt of a loop without end, after several failed ones."""
    loop = loop_of(call)
    return loop in unending and sum(loop_of(each.call) == loop for each in faults) >= FOLLOWED


def _in_order(faults: Sequence[Sequence[PlannedFault]]) -> list[PlannedFault]:
    """Faults in the order of the search: the latest call first, each call's faults by rank."""
    return list(chain.from_iterable(reversed(faults)))
