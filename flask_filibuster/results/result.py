"""The result of an exploration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import UnexploredCall, is_part_of_any
from flask_filibuster.core.vocabulary import EXIT_CODES
from flask_filibuster.errors import FilibusterError
from flask_filibuster.results.bug import Bug, Failure
from flask_filibuster.results.execution import AUDIT, SHRINK, Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.judging import Judgement, judge
from flask_filibuster.results.oracles.base import Oracle
from flask_filibuster.results.proof import gaps_of, verdict_of, weakens
from flask_filibuster.results.unexplored import (
    UNEXPLORED_WARNS,
    UnexploredPolicy,
    unexplored_in,
)
from flask_filibuster.results.waiting.waits import Wait, longest_waits
from flask_filibuster.results.why.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Pruned:
    """A pruned fault set.

    :ivar faults: the set.
    :ivar answer: the predicted outcome of the test: ``"passed"``, or the failure and its place.
    """

    faults: FaultSet
    answer: str


@dataclass(frozen=True, slots=True)
class EquivalenceClass:
    """Faults of one call with the same observable effect.

    :ivar call: the call.
    :ivar faults: its faults.
    :ivar representative: the one of these that larger fault sets include.
    :ivar context: the other faults of the execution.
    """

    call: Call
    faults: tuple[Fault, ...]
    representative: Fault
    context: FaultSet


def count_of(pruned: Sequence[Pruned]) -> int:
    """The number of these sets, which may exceed the range of ``len`` for an endless retry loop."""
    total: int = getattr(pruned, "total", -1)
    return len(pruned) if total < 0 else total


class ExplorationFailedError(FilibusterError, AssertionError):
    """An exploration found bugs, or proves nothing.

    >>> try:
    ...     explore(test, services).raise_for_bugs()
    ... except ExplorationFailedError as error:
    ...     print(error.result.exit_code)
    1

    :param result: its result; the message is the report.
    """

    def __init__(self, result: Result) -> None:
        super().__init__(str(result))
        self.result = result


@dataclass(frozen=True, repr=False)
class Result:
    """The result of an exploration.

    >>> result = explore(test, services)
    >>> result.ok, result.exit_code, len(result.bugs)
    (False, 1, 1)

    :ivar executions: the executions, in order.
    :ivar pruned: the pruned fault sets.
    :ivar classes: the classes of faults that equivalence reduction formed.
    :ivar remaining: minimum number of fault sets that a limit excluded.
    :ivar limit: that limit: ``"max_executions"`` or ``"max_seconds"``.
    :ivar cut_by_size: minimum number of fault sets that ``max_faults`` excluded.
    :ivar ambiguities: handlers that acted differently in the same situation: index, earlier action,
        later action.
    :ivar notes: notes on the exploration itself, in words; notes of oracles are in ``findings``.
    :ivar problems: reasons why the exploration as a whole is incomplete, in words.
    :ivar observed: findings about the exploration itself: chance, and reduction that did not hold.
    :ivar unlisted: number of pruned sets that are not in ``pruned``.
    :ivar superfluous: number of executions that workers ran ahead and discarded.
    :ivar recalled: number of executions taken from a journal.
    :ivar reached: names of the services that were called.
    :ivar asked: names of services whose faults the test or a service asked about.
    :ivar oracles: the oracles that judge the executions; ``None``: all.
    :ivar policy: the consequence of unexplored calls.
    :ivar unfollowed: stand-ins of the test whose calls cannot fail, in words.
    :ivar expected: the status that the explored request must have without faults, if given.
    :ivar explain: explains fault sets, see :meth:`why`; ``None``: nothing can.
    """

    executions: tuple[Execution, ...] = ()
    pruned: Sequence[Pruned] = ()
    remaining: int = 0
    cut_by_size: int = 0
    ambiguities: tuple[tuple[ExecutionIndex, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    classes: tuple[EquivalenceClass, ...] = ()
    limit: str = "max_executions"
    observed: tuple[Finding, ...] = ()
    unlisted: int = 0
    superfluous: int = 0
    recalled: int = 0
    reached: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    oracles: tuple[Oracle, ...] | None = field(default=None, repr=False, compare=False)
    policy: UnexploredPolicy = field(default=UNEXPLORED_WARNS, repr=False, compare=False)
    unfollowed: tuple[str, ...] = field(default=(), repr=False, compare=False)
    expected: int | None = field(default=None, repr=False, compare=False)
    explain: Callable[[Any], Explanation] | None = field(default=None, repr=False, compare=False)

    @property
    def pruned_count(self) -> int:
        """Number of pruned fault sets."""
        return count_of(self.pruned) + self.unlisted

    @property
    def outages(self) -> int:
        """Number of executions with an outage."""
        return sum(each.faults.has_outage for each in self.executions)

    @property
    def generated(self) -> int:
        """Number of fault sets covered: run or pruned."""
        return len(self.executions) + self.pruned_count

    @cached_property
    def waits(self) -> tuple[Wait, ...]:
        """The longest wait for each route that the test requests, and its faults.

        Of the executions: a fault set that was pruned may take longer.
        """
        return longest_waits(self.executions)

    @cached_property
    def _judgement(self) -> Judgement:
        return judge(self.executions, oracles=self.oracles, observed=self.observed)

    @property
    def bugs(self) -> tuple[Bug, ...]:
        """The bugs, smallest fault set first, each with its symptoms.

        A failed assertion and the uncaught exception behind it are one bug. A failure without
        faults is no bug: see :attr:`gaps`.
        """
        return self._judgement.bugs

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings of severity ``"warning"``."""
        return tuple(each for each in self.findings if each.severity == "warning")

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The failures of the test, one for each bug, each with its smallest fault set."""
        return self._judgement.failures

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of the oracles, of any severity."""
        return self._judgement.findings

    @property
    def inconclusive(self) -> tuple[Execution, ...]:
        """Executions that deviated from their plan, and so prove nothing.

        Excluded are executions that check whether a failure needs a fault (a deviation shows that
        it does), and audited executions that are findings (they show that reduction was wrong).
        """
        told = {number for finding in self.observed for number in finding.executions}
        return tuple(
            each
            for each in self.executions
            if each.verdict == "inconclusive"
            and each.purpose != SHRINK
            and not (each.purpose == AUDIT and each.number in told)
        )

    @cached_property
    def unexplored(self) -> tuple[UnexploredCall, ...]:
        """What left the process and could not be made to fail, each with file, line and count."""
        return unexplored_in(self.executions, self.policy)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """Reasons why the exploration proves nothing, in words; empty if it proves something."""
        fails = self.policy.fails
        counting = self.unexplored if fails else ()
        shown = self.executions, self.inconclusive, self.problems
        gaps = gaps_of(*shown, counting, self.expected)
        return (*gaps, *(self._unfollowed if fails else ()))

    @cached_property
    def weakens(self) -> tuple[str, ...]:
        """Everything that makes it prove less, in words: what was unexplored, refused, broken."""
        weak = weakens(self.executions, self.unexplored, self.expected)
        return (*weak, *self._unfollowed)

    @property
    def _unfollowed(self) -> tuple[str, ...]:
        """The stand-ins that count, by the name of what they replace."""
        fine = self.policy.fine
        return tuple(each for each in self.unfollowed if not is_part_of_any(each.split()[0], fine))

    @property
    def ok(self) -> bool:
        """Whether no bug was found, and the exploration proves something.

        Warnings, notes and limits do not count.
        """
        return self.exit_code == EXIT_CODES["ok"]

    @property
    def exit_code(self) -> int:
        """0: ok; 1: bugs were found; 2: none was found, and the exploration proves nothing."""
        return EXIT_CODES[verdict_of(len(self.bugs), len(self.gaps))]

    @property
    def verdict(self) -> str:
        """The verdict, in a few words: ``"2 bugs, 1 warning"``, ``"nothing found"``."""
        counts = {
            "bug": len(self.bugs),
            "inconclusive execution": len(self.inconclusive),
            "warning": len(self.warnings),
        }
        parts = [f"{n} {noun if n == 1 else noun + 's'}" for noun, n in counts.items() if n]
        if self.problems:
            parts.append("incomplete")
        elif self.exit_code == EXIT_CODES["no proof"] and not self.inconclusive:
            parts.insert(0, "nothing proved")
        return ", ".join(parts) or "nothing found"

    def findings_behind(self, failure: Failure) -> tuple[Finding, ...]:
        """The findings that are the same bug as a failure of the test: what caused it.

        :param failure: one of :attr:`failures`.
        """
        return tuple(
            symptom
            for bug in self.bugs
            if any(each is failure for each in bug.symptoms)
            for symptom in bug.symptoms
            if isinstance(symptom, Finding)
        )

    def why(self, faults: Any) -> Explanation:
        """What became of a fault set: whether it was executed, and if not, what stands for it.

        >>> result = explore(test, services)
        >>> print(result.why("reviews ConnectionError"))  # doctest: +ELLIPSIS
        Executed as number 2: the test failed with ...

        :param faults: a :class:`FaultSet`, planned faults, a :class:`Counterexample` or the path of
            its file, or names as reports print them, like ``"reviews Timeout; movies 503"``.
        :raises FaultNameError: no fault of the exploration has that name, or several have it.
        :raises FilibusterError: the result is not one of an exploration.
        """
        if self.explain is None:
            raise FilibusterError("this result is not of an exploration, so it explains nothing")
        return self.explain(faults)

    def incomplete(self, problem: str) -> Result:
        """The result, marked as incomplete.

        :param problem: the reason, in words.
        """
        return replace(self, problems=(*self.problems, problem))

    def raise_for_bugs(self) -> None:
        """Fail, with the report as the message, unless the result is ok.

        :raises ExplorationFailedError: there are bugs, or the exploration proves nothing. It is an
            :class:`AssertionError`, and has the result as its ``result``.

        >>> from flask_filibuster import explore
        >>> explore(lambda: None).raise_for_bugs()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        flask_filibuster.results.result.ExplorationFailedError: ...
        """
        if not self.ok:
            raise ExplorationFailedError(self)

    def __repr__(self) -> str:
        executions = len(self.executions)
        return f"<Result: executions: {executions}, pruned: {self.pruned_count}, {self.verdict}>"

    def __str__(self) -> str:
        """The report, as the command line prints it."""
        # A report imports results: see the contracts in setup.cfg.
        from flask_filibuster.report.renderings import render

        return render(self)
