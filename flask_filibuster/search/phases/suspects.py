"""Runs the pruned sets that most likely show what reduction cannot know.

Reduction takes it that a handler reacts to a fault where it happens, and keeps nothing beyond its
request. Three kinds of code do otherwise: a loop whose next attempt depends on how the last one
failed, an app that remembers failures from one request of the test to the next, and a handler that
keeps how a call failed until a later call fails. The third kind looks like every handler that does
without an answer: its sets are run if they are few, and a note tells of them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from flask_filibuster.core.bounds.attempts import Loop, loop_of
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.execution import AUDIT, Execution
from flask_filibuster.search.budget import FaultBudget
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import Prediction
from flask_filibuster.search.phases.audit import Doubts
from flask_filibuster.search.plan import Plan
from flask_filibuster.search.reduction.exact import Reduction

MOST_OF_KIND = 24
"""Sets that are run for each of the two kinds."""

MOST_DIFFERENT = 48
"""The same, if they all differ: each has other faults, or is about another call."""

MOST_LATER = 12
"""Sets in which a later call of a handler fails: all of them are run, or none."""


class Suspects:
    """Runs a few pruned sets after the search: see the module.

    :param ledger: the executions so far.
    :param reduction: the reduction that pruned them.
    :param doubts: handles unexpected executions.
    :param max_faults: as for the search; ``None``: no limit.
    """

    def __init__(
        self, ledger: Ledger, reduction: Reduction, doubts: Doubts, max_faults: int | None = None
    ) -> None:
        self._ledger = ledger
        self._reduction = reduction
        self._doubts = doubts
        self._chosen: list[FaultSet] | None = None
        self._left = 0
        self._budget = FaultBudget(ledger, max_faults)

    @property
    def waiting(self) -> int:
        """Number of sets to come; before the choice, they count as pruned."""
        return len(self._chosen or ())

    def next(self) -> Plan | None:
        """The next of the chosen sets."""
        if self._chosen is None:
            self._chosen = list(self._choose())
        while self._chosen:
            faults = self._chosen[0]
            if self._ledger.attempt_at(faults) is None:
                return Plan(faults, AUDIT, self._doubts.expected(faults))
            self._chosen.pop(0)
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not known after them, and what to run."""
        if not self._left:
            return ()
        note = (
            f"{self._left} pruned fault sets, in which a call, an attempt or a request follows one "
            "that failed in another way, were taken to end like their representatives; run "
            "--audit 100 or --exhaustive if your handlers remember how a call failed"
        )
        return (note,)

    def upcoming(self) -> Iterator[FaultSet]:
        """The chosen sets."""
        return iter(self._chosen or ())

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Compare the execution with its prediction."""
        if self._chosen:
            self._chosen.pop(0)
        self._doubts.compare(plan.subject, execution, seen)

    def _choose(self) -> Iterator[FaultSet]:
        for found in (self._remembered_attempts(), self._remembered_requests()):
            unknown = [each for each in found if self._ledger.attempt_at(each) is None]
            different, others = _different_first(unknown)
            more = max(0, MOST_OF_KIND - len(different))
            chosen = [*different[:MOST_DIFFERENT], *others[:more]]
            yield from chosen
            self._left += len(unknown) - len(chosen)
        later = [each for each in self._later_calls() if self._ledger.attempt_at(each) is None]
        if len(later) <= MOST_LATER:
            yield from later
        else:
            self._left += len(later)

    def _remembered_attempts(self) -> Iterator[FaultSet]:
        """For each member of a class, the next attempt fails, too."""
        yield from _in_turn(self._next_attempts())

    def _next_attempts(self) -> Iterator[Iterable[FaultSet]]:
        for faults, following in self._reduction.members():
            execution = self._ledger.execution_of(faults)
            if execution is None or following is None:
                continue
            call = execution.trace.call(following)
            failed = faults.last.call
            if call is None or (loop_of(call), call.url) != (loop_of(failed), failed.url):
                continue
            if loop_of(call) in self._ledger.unending:
                continue
            yield [faults.plus(planned) for planned in self._ledger.planned.of(call)]

    def _later_calls(self) -> Iterator[FaultSet]:
        """For each member of a class without other faults, a later call of the handler fails.

        Not if each step is known: exact reduction, too, would predict the end.
        """
        for faults, _ in self._reduction.members():
            execution = self._ledger.execution_of(faults)
            if len(faults) > 1 or faults.has_outage or execution is None:
                continue
            failed = faults.last.call
            if loop_of(failed) in self._ledger.unending:
                continue
            calls = execution.trace.calls().get(failed.index.parent, ())
            place = [call.index for call in calls].index(failed.index)
            later = [
                (call, self._ledger.planned.of(call))
                for call in calls[place + 1 :]
                if (loop_of(call), call.url) != (loop_of(failed), failed.url)
                and loop_of(call) not in self._ledger.unending
            ]
            for _, possible in self._budget.allowed(faults, later):
                for planned in possible:
                    found = faults.plus(planned)
                    known = self._reduction.predict(found)
                    if known is None or known.answer is None:
                        yield found

    def _remembered_requests(self) -> Iterator[FaultSet]:
        """The same call fails in the same way in all of several alike requests but the last."""
        if not self._ledger.executions or not self._reduction.prunes_any:
            return
        made: dict[tuple[Loop, str], dict[int, Call]] = {}
        for call in self._ledger.executions[0].trace.invocations:
            request, count = call.index.pairs[0]
            made.setdefault((loop_of(call), request), {}).setdefault(count, call)
        yield from _in_turn(_alike(self._ledger, list(each.values())) for each in made.values())


def _different_first(sets: Iterable[FaultSet]) -> tuple[list[FaultSet], list[FaultSet]]:
    """The sets whose last two faults differ from those of all before, and the others.

    What one loop remembers shows in the first context in which it is tried. Without that, the
    contexts of one loop take the place of another loop.
    """
    seen: set[tuple[tuple[Loop, Fault], ...]] = set()
    different: list[FaultSet] = []
    others: list[FaultSet] = []
    for each in sets:
        about = tuple((loop_of(planned.call), planned.fault) for planned in tuple(each)[-2:])
        (others if about in seen else different).append(each)
        seen.add(about)
    return different, others


def _in_turn(sets: Iterable[Iterable[FaultSet]]) -> Iterator[FaultSet]:
    """The first of each, then the second ones, and so on."""
    return (each for each in chain(*zip_longest(*sets)) if each is not None)


def _alike(ledger: Ledger, calls: list[Call]) -> Iterable[FaultSet]:
    """The same fault on all of these calls but the last, for each fault.

    None for two: what one fault does to the next request has been seen.
    """
    failing = calls[:-1]
    if len(failing) < 2:
        return
    options = [{each.fault: each for each in ledger.planned.of(call)} for call in failing]
    for fault in options[0]:
        planned: list[PlannedFault] = [each[fault] for each in options if fault in each]
        if len(planned) == len(failing):
            yield FaultSet(tuple(planned))
