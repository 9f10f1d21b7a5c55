"""Answers what became of a fault set, and why: computed when it is asked for.

An answer is made of what the search keeps anyway: the executions, the trees of behaviour, the
classes of the reduction. Nothing is noted for it while the search runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.judging import judge
from flask_filibuster.results.oracles.base import Oracle
from flask_filibuster.results.why.explanation import Explanation, Member, Step
from flask_filibuster.search.frontier import Search
from flask_filibuster.search.ledger import Ledger, ending_of
from flask_filibuster.search.reduction.contexts import FaultClass
from flask_filibuster.search.reduction.exact import Reduction
from flask_filibuster.search.why import wording
from flask_filibuster.search.why.naming import Asked, readings_of
from flask_filibuster.search.why.path import Path
from flask_filibuster.search.why.teaching import Teaching, observed


@dataclass(frozen=True, slots=True)
class Why:
    """Explains fault sets of one exploration; see :meth:`Result.why`.

    :ivar ledger: the executions, and what was learned from them.
    :ivar reduction: the reduction.
    :ivar search: the search.
    :ivar max_faults: as for the search.
    :ivar outages: whether outages are tried.
    :ivar oracles: the oracles that judge the executions; ``None``: all.
    :ivar limit: the limit that ended the exploration, if one did.
    :ivar stopped: whether it ended because it could prove nothing.
    """

    ledger: Ledger = field(repr=False)
    reduction: Reduction = field(repr=False)
    search: Search = field(repr=False)
    max_faults: int | None = None
    outages: bool = False
    oracles: tuple[Oracle, ...] | None = None
    limit: str | None = None
    stopped: bool = False

    def ended(self, limit: str | None, *, stopped: bool) -> Why:
        """The same, at the end of the exploration."""
        return replace(self, limit=limit, stopped=stopped)

    def __call__(self, asked: Asked) -> Explanation:
        """What became of a fault set.

        :param asked: the set, or its name.
        :raises FaultNameError: no fault has that name, or several have it.
        """
        readings = readings_of(asked, self.known())
        answers = (_Answer(self, faults) for faults in readings)
        first = next(answers)
        # Of calls that look alike, those are meant that are made.
        meant = (each for each in chain([first], answers) if each.is_reached)
        return next(meant, first).explanation()

    def known(self) -> Sequence[PlannedFault]:
        """The faults of the calls that executions made, and the outages."""
        found: dict[tuple[object, ...], PlannedFault] = {}
        seen: set[int] = set()
        made = [call for each in self.ledger.executions for call in each.trace.invocations]
        # Those without a fault first: only their answers tell which parts of them could be altered.
        for call in sorted(made, key=lambda each: each.fault is not None):
            possible = self.ledger.planned.of(call) if call.source else ()
            if id(possible) not in seen:  # The ledger has one object for alike calls.
                seen.add(id(possible))
                found.update({each.key: each for each in possible if each.key not in found})
        ended = (each.ended().faults for each in self.ledger.executions)
        for faults in chain(ended, self.search.upcoming()):
            for planned in faults:
                if planned.outage is not None:
                    found.setdefault(planned.key, planned)
        return list(found.values())


class _Answer:
    """The answer for one fault set.

    :param why: the exploration.
    :param faults: the set, in any order.
    """

    def __init__(self, why: Why, faults: FaultSet) -> None:
        self._why = why
        self._ledger = why.ledger
        self._asked = faults
        self._path = Path(why.ledger, why.reduction, why.max_faults, faults)

    @property
    def is_reached(self) -> bool:
        """Whether all its calls are made, as far as known."""
        stuck = self._path.stuck
        return stuck is None or stuck.fate != "not reached"

    def explanation(self) -> Explanation:
        """The answer."""
        faults = self._path.faults
        execution = self._execution()
        if execution is not None:
            return self._executed(execution)
        if not self._ledger.executions:
            return Explanation(faults, "left over", ("Not executed: nothing was executed.",))
        if self._why.stopped:
            return Explanation(faults, "left over", (wording.STOPPED,))
        if faults.has_outage and not self._why.outages:
            return Explanation(faults, "excluded", (wording.NO_OUTAGES,))
        stuck = self._path.stuck
        if stuck is not None and stuck.fate == "not in the model":
            return self._stuck()
        stand = self._why.reduction.representative_of(faults)
        if stand is not None and stand != faults:
            return self._represented(stand)
        prediction = self._why.reduction.predict(faults) if stuck is None else None
        if prediction is not None and prediction.answer is not None:
            return self._predicted()
        before = self._predicted_before()
        if before is not None:
            return before
        return self._stuck() if stuck is not None else self._left_over()

    def _execution(self) -> Execution | None:
        """The execution of the set; results show an outage of a single call as its fault."""
        faults = self._path.faults
        shown = (each for each in self._ledger.executions if each.faults.has_outage)
        return self._ledger.attempt_at(faults) or next(
            (each for each in shown if each.ended().faults == faults), None
        )

    def _executed(self, execution: Execution) -> Explanation:
        faults = execution.faults
        reasons = [wording.executed(execution), wording.purpose(execution)]
        stand = None
        if execution.verdict == "inconclusive":
            reasons += [f"{each[:1].upper()}{each[1:]}." for each in execution.problems]
        else:
            stand = self._why.reduction.representative_of(faults)
            reasons += wording.smaller(self._failing(faults.identity, ending_of(execution)))
        if stand is not None and stand != faults:
            reasons.append(wording.built_on(stand, self._ledger.execution_of(stand)))
        reasons += wording.bugs(self._bugs(execution))
        return Explanation(
            execution.ended().faults,
            "executed",
            tuple(filter(None, reasons)),
            execution=execution.number,
            ending=None if execution.verdict == "inconclusive" else ending_of(execution),
            members=self._members(faults),
            representative=stand if stand != faults else None,
            represented_by=self._number(stand) if stand != faults else None,
            steps=observed(execution),
        )

    def _failing(
        self, identity: frozenset[tuple[object, ...]], how: str | None
    ) -> Execution | None:
        """The smallest execution with fewer of these faults that fails in this way, if any.

        :param identity: the identity of the fault set.
        :param how: the ending of the test.
        """
        failing = (
            each
            for each in self._ledger.executions
            if each.verdict == "failed"
            and each.faults.identity < identity
            and ending_of(each) == how
        )
        return min(failing, key=lambda each: each.size, default=None)

    def _bugs(self, execution: Execution | None) -> Iterator[str]:
        """The bugs that oracles found in an execution, in words."""
        if execution is not None:
            found = judge(self._ledger.executions, oracles=self._why.oracles).findings
            yield from (
                each.message
                for each in found
                if each.broken and execution.number in each.executions
            )

    def _represented(self, stand: FaultSet) -> Explanation:
        faults = self._path.faults
        execution = self._ledger.execution_of(stand)
        steps, ending = self._steps(stand)
        if ending is None:  # A step is in doubt now, but was not when the class was formed.
            ending = next((each.answer for each in self._last_class(faults)), "") or None
        return Explanation(
            faults,
            "represented",
            (
                wording.represented(stand, execution, self._end(ending, steps, execution)),
                *wording.bugs(self._bugs(execution)),
                *wording.smaller(
                    None if ending is None else self._failing(faults.identity, ending)
                ),
                wording.ASSUMES_REACTION,
            ),
            ending=ending,
            members=self._members(faults),
            representative=stand,
            represented_by=self._number(stand),
            steps=steps,
        )

    def _last_class(self, faults: FaultSet) -> Iterator[FaultClass]:
        classes = self._why.reduction.classes_of(faults)
        yield from classes[-1:]

    def _predicted_before(self) -> Explanation | None:
        """The answer if the set was predicted once, and is in doubt now."""
        faults = self._path.faults
        pruned = next((each for each in self._why.search.pruned if each.faults == faults), None)
        if pruned is None:
            return None
        ending = pruned.answer or None
        reasons = wording.predicted_before(self._end(ending, ())), wording.ASSUMES_NO_MEMORY
        steps, _ = self._steps(faults)
        return Explanation(faults, "predicted", reasons, ending=ending, steps=steps)

    def _predicted(self) -> Explanation:
        faults = self._path.faults
        steps, ending = self._steps(faults)
        shown = self._failing(faults.identity, ending)
        return Explanation(
            faults,
            "predicted",
            (
                wording.predicted(self._end(ending, steps)),
                *wording.smaller(shown),
                wording.ASSUMES_NO_MEMORY,
            ),
            ending=ending,
            members=self._members(faults),
            steps=steps,
        )

    def _steps(self, faults: FaultSet) -> tuple[tuple[Step, ...], str | None]:
        """The steps under a set, executed or predicted, and how the test ends."""
        execution = self._ledger.execution_of(faults)
        if execution is not None:
            return observed(execution), ending_of(execution)
        prediction = self._ledger.behaviour.predict(faults.by_index())
        teaching = Teaching(self._ledger.executions)
        return teaching.steps(faults, prediction), prediction.answer

    def _end(
        self, ending: str | None, steps: Sequence[Step], shown: Execution | None = None
    ) -> str:
        """How the test ends, in words, and which execution showed that."""
        by = None
        if ending is not None and shown is None:
            by = Teaching(self._ledger.executions).ended_by(steps, ending)
        return wording.ends(ending, self._ledger.executions, by)

    def _stuck(self) -> Explanation:
        stuck = self._path.stuck
        if stuck is None:
            return self._left_over()
        steps, ending = self._steps(self._path.so_far)
        return Explanation(
            self._path.faults,
            stuck.fate,
            stuck.reasons,
            ending=ending if stuck.fate == "not reached" else None,
            members=self._members(self._path.so_far),
            representative=self._path.so_far if stuck.fate == "not reached" else None,
            represented_by=self._number(self._path.so_far) if stuck.fate == "not reached" else None,
            steps=steps if stuck.fate == "not reached" else (),
        )

    def _left_over(self) -> Explanation:
        faults, why = self._path.faults, self._why
        if faults.has_outage and why.limit is None:
            return Explanation(faults, "excluded", (wording.OTHER_OUTAGES,))
        return Explanation(
            faults,
            "left over",
            (wording.left_over(why.limit, len(self._ledger.executions)),),
            members=self._members(self._path.so_far),
        )

    def _number(self, faults: FaultSet | None) -> int | None:
        execution = None if faults is None else self._ledger.execution_of(faults)
        return None if execution is None else execution.number

    def _members(self, faults: FaultSet) -> tuple[Member, ...]:
        return tuple(self._classes(faults))

    def _classes(self, faults: FaultSet) -> Iterator[Member]:
        for planned, known in zip(faults, self._why.reduction.classes_of(faults), strict=False):
            home = known.place if known.place.sees_for_itself else known.place.home
            shown = home.class_of(planned) or known
            context = shown.place.faults
            stand = shown.representative
            yield Member(
                planned,
                known.representative,
                tuple(each.fault for each in shown.faults),
                context,
                self._number(context.plus(planned)),
                self._number(context.plus(stand)),
            )
