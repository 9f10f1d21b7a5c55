"""Phases that check the reduction: they run a sample of the pruned sets, or all of them."""

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
    """The prediction for a set.

    :ivar stand: its representative set.
    :ivar prediction: the prediction for that one.
    """

    stand: FaultSet
    prediction: Prediction


class Doubts:
    """Compares executions with the predictions of the reduction.

    :param ledger: the executions so far.
    :param reduction: the reduction.
    :param search: the search, which builds on sets of split classes.
    :ivar findings: the cases in which reduction does not hold.
    """

    def __init__(self, ledger: Ledger, reduction: Reduction, search: Search) -> None:
        self.findings: list[Finding] = []
        self._ledger = ledger
        self._reduction = reduction
        self._search = search

    def expected(self, faults: FaultSet) -> _Expected | None:
        """The prediction for a set, if any."""
        stand = self._reduction.representative_of(faults)
        prediction = None if stand is None else self._reduction.predict(stand)
        if stand is None or prediction is None or prediction.answer is None:
            return None
        return _Expected(stand, prediction)

    def compare(
        self, expected: _Expected | None, execution: Execution, seen: Prediction | None
    ) -> None:
        """Report an unexpected execution, and build on it."""
        if expected is None:
            return
        if seen is None:
            culprit = _not_made(execution)
        elif seen.answer is None:
            return  # Ambiguous, and reported as such.
        else:
            culprit = _culprit(expected.prediction, seen, execution.faults)
        if culprit is None:
            return
        logger.debug("reduction does not hold for %r: %s", execution.faults, culprit)
        self.findings.append(_finding(culprit, expected, execution))
        self._search.build_on(self._reduction.doubt(execution.faults))


class Audit:
    """Runs a sample of the pruned sets.

    :param ledger: the executions so far.
    :param reduction: the reduction that pruned them.
    :param search: the search, complete before the choice.
    :param doubts: handles unexpected executions.
    :param count: number of sets to run.
    :param seed: seed of the choice.
    :ivar aim: the size of the sample, in words.
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
        """Whether the whole sample was run."""
        return self._chosen is not None and not self._chosen

    @property
    def waiting(self) -> int:
        """Number of chosen sets to come; before the choice, they count as pruned."""
        return len(self._chosen or ())

    def next(self) -> Plan | None:
        """The next set of the sample."""
        if self._chosen is None:
            self._chosen = self._choose()
        while self._chosen:
            faults = self._chosen[0].faults
            if self._ledger.attempt_at(faults) is None:
                return Plan(faults, AUDIT, self._doubts.expected(faults))
            self._chosen.pop(0)
        return None

    def _choose(self) -> list[Pruned]:
        chance = random.Random(self._seed)  # noqa: S311 - reproducible, not secret
        pruned = self._reduction.all_pruned(self._search.pruned, self._ledger)
        if isinstance(pruned, PrunedSets):
            return pruned.sample(self._count, chance)
        return chance.sample(list(pruned), min(self._count, len(pruned)))

    def upcoming(self) -> Iterator[FaultSet]:
        """The rest of the sample."""
        return (each.faults for each in self._chosen or ())

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Compare the execution with its prediction."""
        if self._chosen:
            self._chosen.pop(0)
        self._doubts.compare(plan.subject, execution, seen)


class Everything:
    """Runs all pruned sets.

    :param ledger: the executions so far.
    :param doubts: handles unexpected executions.
    :param max_faults: as for the search.
    :ivar aim: the number of sets, in words.
    """

    aim = "all"

    def __init__(self, ledger: Ledger, doubts: Doubts, max_faults: int | None) -> None:
        self._ledger = ledger
        self._doubts = doubts
        self._search = Search(ledger, NoReduction(ledger.behaviour), max_faults, purpose=EXHAUSTIVE)
        self._begun = False

    @property
    def over(self) -> bool:
        """Whether all sets were run."""
        return self._begun and not self._search.waiting

    @property
    def waiting(self) -> int:
        """Number of known sets that are neither run nor pruned."""
        return self._search.waiting if self._begun else 0

    def next(self) -> Plan | None:
        """The next set without an execution."""
        self._begun = True
        while (plan := self._search.next()) is not None:
            before = self._ledger.attempt_at(plan.faults)
            if before is None:
                return Plan(plan.faults, EXHAUSTIVE, (plan, self._doubts.expected(plan.faults)))
            self._search.learned(plan, before, None)
        return None

    def upcoming(self) -> Iterator[FaultSet]:
        """The known sets without an execution."""
        if not self._begun:
            return iter(())
        return (
            faults for faults in self._search.upcoming() if self._ledger.attempt_at(faults) is None
        )

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Build on the execution, and compare it with its prediction."""
        own, expected = plan.subject
        self._search.learned(own, execution, seen)
        self._doubts.compare(expected, execution, seen)


def _not_made(execution: Execution) -> tuple[ExecutionIndex, str, str] | None:
    """The handler that did not make a planned call, if that is the only problem.

    For a set of a sample, no execution has shown that all its calls are made; the reduction
    predicts them.
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
    """The first handler that deviates although its calls ended as expected.

    :returns: its index, the expected and the observed step; ``None`` if there is no such handler.
    """
    failed = {planned.index for planned in faults}
    foreseen, done = _steps(expected, failed), _steps(seen, failed)
    for index, steps in done.items():
        before = foreseen.get(index)
        if before is None:
            continue  # A handler that runs only because another one deviates.
        for then, now in zip(before, steps, strict=False):
            if then == now:
                continue
            if then[0] == now[0] and then[1] is not None:
                break  # The same call with another outcome: the callee deviates.
            return index, then[2], now[2]
    return None


Step = tuple[object, object, str]


def _steps(prediction: Prediction, failed: set[ExecutionIndex]) -> dict[ExecutionIndex, list[Step]]:
    """The steps of each handler, also in words: its calls with outcomes, then its answer."""
    steps: dict[ExecutionIndex, list[Step]] = {ROOT: []}
    answers: dict[ExecutionIndex, Key | None] = {}
    for call, key, _ in prediction.calls:
        caller = call.index.parent
        answers[call.index] = key
        # The two sets fail different calls, whose outcomes are not comparable.
        ended: object = "failed" if call.index in failed else key
        steps.setdefault(caller, []).append((call.index, ended, call.describe()))
    for index, key in answers.items():
        if index not in failed:
            status = "?" if key is None else key[0]
            # The body of a handler without calls may vary for unknown reasons.
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
            f"reduction does not hold for {who}: expected {then} next, as under the representative "
            f"faults ({stand}), but observed {now}"
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
        return "", "the test" if index == ROOT else f"the handler of {index}"
    return handling.service, f"{handling.service}, {handling.method} {handling.path}"
