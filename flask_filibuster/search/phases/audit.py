"""Phases that put reduction to the test: by samples of what it pruned, or by all of that."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.execution import AUDIT, EXHAUSTIVE, Execution
from flask_filibuster.results.findings import REDUCTION, Finding
from flask_filibuster.results.result import Pruned
from flask_filibuster.search.frontier import Search
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import Key, Prediction
from flask_filibuster.search.plan import Plan
from flask_filibuster.search.reduction.exact import NoReduction, Reduction
from flask_filibuster.search.reduction.pruned import PrunedSets

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is predicted of a set.

    :ivar stand: the set that stands for it.
    :ivar prediction: what is known of that.
    """

    stand: FaultSet
    prediction: Prediction


class Doubts:
    """Compares executions with what reduction has predicted of them.

    :param ledger: what has been seen.
    :param reduction: what has predicted it.
    :param search: to which sets go that are to be built upon after all.
    :ivar findings: where reduction did not hold.
    """

    def __init__(self, ledger: Ledger, reduction: Reduction, search: Search) -> None:
        self.findings: list[Finding] = []
        self._ledger = ledger
        self._reduction = reduction
        self._search = search

    def expected(self, faults: FaultSet) -> _Expected | None:
        """What is predicted of a set, if anything is."""
        stand = self._reduction.representative_of(faults)
        prediction = None if stand is None else self._reduction.predict(stand)
        if stand is None or prediction is None or prediction.answer is None:
            return None
        return _Expected(stand, prediction)

    def compare(
        self, expected: _Expected | None, execution: Execution, seen: Prediction | None
    ) -> None:
        """Note where an execution was not as expected, and build on it then."""
        if expected is None:
            return
        if seen is None:
            culprit = _not_made(execution)
        elif seen.answer is None:
            return  # Ambiguous, which is told of as such.
        else:
            culprit = _culprit(expected.prediction, seen, execution.faults)
        if culprit is None:
            return
        logger.debug("reduction does not hold for %r: %s", execution.faults, culprit)
        self.findings.append(_finding(culprit, expected, execution))
        self._search.build_on(self._reduction.doubt(execution.faults))


class Audit:
    """Runs some of the sets that reduction has pruned.

    :param ledger: what has been seen.
    :param reduction: what has left them out.
    :param search: the search, which is over when they are chosen.
    :param doubts: what becomes of surprises.
    :param count: how many to run.
    :param seed: of the choice.
    :ivar aim: how much of it that is, in words.
    """

    def __init__(
        self,
        ledger: Ledger,
        reduction: Reduction,
        search: Search,
        doubts: Doubts,
        *,
        count: int,
        seed: int,
    ) -> None:
        self._ledger = ledger
        self._reduction = reduction
        self._search = search
        self._doubts = doubts
        self._count = count
        self._seed = seed
        self._chosen: list[Pruned] | None = None
        self.aim = f"a sample of {count}"

    @property
    def over(self) -> bool:
        """Whether all of the sample was run."""
        return self._chosen is not None and not self._chosen

    @property
    def waiting(self) -> int:
        """How many are still to be run; before they are chosen, they are among those pruned."""
        return len(self._chosen or ())

    def next(self) -> Plan | None:
        """The next of the sample."""
        if self._chosen is None:
            self._chosen = self._choose()
        while self._chosen:
            faults = self._chosen[0].faults
            if self._ledger.attempt_at(faults) is None:
                return Plan(faults, AUDIT, self._doubts.expected(faults))
            self._chosen.pop(0)
        return None

    def _choose(self) -> list[Pruned]:
        chance = random.Random(self._seed)  # noqa: S311 - to be chosen again, not to be secret
        pruned = self._reduction.all_pruned(self._search.pruned, self._ledger)
        if isinstance(pruned, PrunedSets):
            return pruned.sample(self._count, chance)
        return chance.sample(list(pruned), min(self._count, len(pruned)))

    def upcoming(self) -> Iterator[FaultSet]:
        """The rest of the sample."""
        return (each.faults for each in self._chosen or ())

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Compare it with what was predicted."""
        if self._chosen:
            self._chosen.pop(0)
        self._doubts.compare(plan.subject, execution, seen)


class Everything:
    """Runs what reduction has pruned, all of it.

    :param ledger: what has been seen.
    :param doubts: what becomes of surprises.
    :param max_faults: as for the search.
    :ivar aim: how much of it that is, in words.
    """

    aim = "all"

    def __init__(self, ledger: Ledger, doubts: Doubts, max_faults: int | None) -> None:
        self._ledger = ledger
        self._doubts = doubts
        self._search = Search(ledger, NoReduction(ledger.behaviour), max_faults, purpose=EXHAUSTIVE)
        self._begun = False

    @property
    def over(self) -> bool:
        """Whether all of it was run."""
        return self._begun and not self._search.waiting

    @property
    def waiting(self) -> int:
        """How many sets are known of that have not been run or pruned."""
        return self._search.waiting if self._begun else 0

    def next(self) -> Plan | None:
        """The next set that was not run before."""
        self._begun = True
        while (plan := self._search.next()) is not None:
            before = self._ledger.attempt_at(plan.faults)
            if before is None:
                return Plan(plan.faults, EXHAUSTIVE, (plan, self._doubts.expected(plan.faults)))
            self._search.learned(plan, before, None)
        return None

    def upcoming(self) -> Iterator[FaultSet]:
        """The sets that were not run before."""
        if not self._begun:
            return iter(())
        return (
            faults for faults in self._search.upcoming() if self._ledger.attempt_at(faults) is None
        )

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Build on it, and compare it with what was predicted."""
        own, expected = plan.subject
        self._search.learned(own, execution, seen)
        self._doubts.compare(expected, execution, seen)


def _not_made(execution: Execution) -> tuple[ExecutionIndex, str, str] | None:
    """What should have made a call that was to fail, if that is all that went wrong.

    Of a set of a sample, nobody has seen all the calls yet: reduction has said that they are made.
    """
    if execution.purpose != AUDIT:
        return None
    missing = [each for each in execution.faults if execution.trace.call(each.index) is None]
    if not missing or len(execution.problems) > len(missing):
        return None
    call = missing[0].call
    return call.index.parent, call.describe(), "something else"


def _culprit(
    expected: Prediction, seen: Prediction, faults: FaultSet
) -> tuple[ExecutionIndex, str, str] | None:
    """The handler whose calls ended as expected, and which did something else all the same.

    :returns: its index, what was expected of it and what it did; ``None`` if all was as expected.
    """
    failed = {planned.index for planned in faults}
    foreseen, done = _steps(expected, failed), _steps(seen, failed)
    for index, steps in done.items():
        before = foreseen.get(index)
        if before is None:
            continue  # A handler that only came into play by what another one did.
        for then, now in zip(before, steps, strict=False):
            if then == now:
                continue
            if then[0] == now[0] and then[1] is not None:
                break  # The same call, which ended otherwise: that is its callee's doing.
            return index, then[2], now[2]
    return None


Step = tuple[object, object, str]


def _steps(prediction: Prediction, failed: set[ExecutionIndex]) -> dict[ExecutionIndex, list[Step]]:
    """What each handler does: its calls with their outcomes, then its answer, in words, too."""
    steps: dict[ExecutionIndex, list[Step]] = {ROOT: []}
    answers: dict[ExecutionIndex, Key | None] = {}
    for call, key, _ in prediction.calls:
        caller = call.index.parent
        answers[call.index] = key
        # What the two sets let fail is not the same, and not to be compared.
        ended: object = "failed" if call.index in failed else key
        steps.setdefault(caller, []).append((call.index, ended, call.describe()))
    for index, key in answers.items():
        if index not in failed:
            status = "?" if key is None else key[0]
            # Of what makes no calls, nobody knows why its body is another one.
            answer: object = key if index in steps else status
            steps.setdefault(index, []).append((("answer", answer), None, f"the answer {status}"))
    steps[ROOT].append((None, None, f"the verdict {prediction.answer}"))
    return steps


def _finding(
    culprit: tuple[ExecutionIndex, str, str], expected: _Expected, execution: Execution
) -> Finding:
    index, then, now = culprit
    service, who = _named(index, execution.trace)
    stand = "; ".join(str(planned.fault) for planned in expected.stand) or "none"
    return Finding(
        kind=REDUCTION,
        message=(
            f"reduction does not hold here: {who} was expected to go on with {then}, as under the "
            f"faults that stand for these ({stand}), but went on with {now}"
        ),
        service=service,
        site=None,
        faults=execution.faults,
        executions=(execution.number,),
        severity="warning",
    )


def _named(index: ExecutionIndex, trace: Trace) -> tuple[str, str]:
    handling = trace.handlings.get(index)
    if handling is None:
        return "", "the test" if index == ROOT else f"what made the call {index}"
    return handling.service, f"{handling.service}, {handling.method} {handling.path},"
