"""The result of an exploration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.results.bug import Bug, Failure
from flask_filibuster.results.execution import AUDIT, SHRINK, Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.judging import Judgement, judge
from flask_filibuster.results.oracles.base import Oracle
from flask_filibuster.results.proof import EXIT_CODES, gaps_of, verdict_of


@dataclass(frozen=True, slots=True)
class Pruned:
    """A fault set that reduction left out.

    :ivar faults: the set.
    :ivar answer: how the test would have ended: ``"passed"``, or what would have failed and where.
    """

    faults: FaultSet
    answer: str


@dataclass(frozen=True, slots=True)
class EquivalenceClass:
    """Ways for one call to fail that were followed by the same events.

    :ivar call: the call.
    :ivar ways: how it was made to fail.
    :ivar representative: the one of them that larger fault sets were built on.
    :ivar context: the faults under which all this was seen.
    """

    call: Call
    ways: tuple[Fault, ...]
    representative: Fault
    context: FaultSet


def count_of(pruned: Sequence[Pruned]) -> int:
    """How many sets these are. Of a retry loop without an end, ``len`` cannot hold the number."""
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


@dataclass(frozen=True)
class Result:
    """What an exploration found.

    >>> result = explore(test, services)
    >>> result.ok, result.exit_code, len(result.bugs)
    (False, 1, 1)

    :ivar executions: the test executions, in order.
    :ivar pruned: the fault sets that reduction left out.
    :ivar classes: the classes of ways to fail that equivalence reduction has formed.
    :ivar remaining: fault sets that a limit left undone (more may lie behind them).
    :ivar limit: which limit that was: ``"max_executions"`` or ``"max_seconds"``.
    :ivar cut_by_size: fault sets that ``max_faults`` left undone (more may lie behind them).
    :ivar ambiguities: handlers that did different things in the same situation: index, what was
        seen before, what was seen then.
    :ivar notes: what a user should know of the exploration itself, in words. What oracles of
        severity ``"note"`` found is in ``findings``.
    :ivar problems: why the exploration as a whole proves nothing, in words.
    :ivar observed: findings about the exploration itself: chance, and reduction that did not hold.
    :ivar unlisted: how many sets were left out beyond those in ``pruned``.
    :ivar superfluous: executions that were begun ahead of their turn and turned out not to be
        needed.
    :ivar recalled: how many of the executions were not run but taken from a journal.
    :ivar reached: names of the services that were called.
    :ivar asked: names of services that the test, or a service, asked about: whether it fails.
    :ivar oracles: what the executions are judged by; ``None``: by all oracles that there are.
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

    @property
    def left_out(self) -> int:
        """Count of the fault sets that reduction left out."""
        return count_of(self.pruned) + self.unlisted

    @property
    def generated(self) -> int:
        """Count of the fault sets that were judged: run or left out by reduction."""
        return len(self.executions) + self.left_out

    @cached_property
    def _judgement(self) -> Judgement:
        return judge(self.executions, oracles=self.oracles, observed=self.observed)

    @property
    def bugs(self) -> tuple[Bug, ...]:
        """The bugs, smallest fault set first, each with everything that it shows itself by.

        A failed assertion and the exception that nothing caught behind it are one bug. What fails
        without any fault is none: see :attr:`gaps`.
        """
        return self._judgement.bugs

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What asks for a bug."""
        return tuple(each for each in self.findings if each.severity == "warning")

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What the test itself noticed, one for each bug, each with its smallest fault set."""
        return self._judgement.failures

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the oracles found, of any severity."""
        return self._judgement.findings

    @property
    def inconclusive(self) -> tuple[Execution, ...]:
        """Executions that were not what was planned, and so prove nothing.

        Those are not among them that were to show whether a failure needs a fault: it does, then;
        nor those of a sample that are findings, as what they showed is that reduction was wrong.
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
    def gaps(self) -> tuple[str, ...]:
        """Why the exploration proves nothing, in words; empty if it proves something."""
        return tuple(gaps_of(self.executions, self.inconclusive, self.problems))

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
        """What came out, in a few words: ``"2 bugs, 1 warning"``, ``"nothing found"``."""
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

    def incomplete(self, problem: str) -> Result:
        """The result of an exploration that has not come to its end.

        :param problem: why, in words.
        """
        return replace(self, problems=(*self.problems, problem))

    def raise_for_bugs(self) -> None:
        """Fail, with the report as the message, unless the result is ok.

        :raises ExplorationFailedError: there are bugs, or the exploration proves nothing. It is an
            :class:`AssertionError`, and has the result as its ``result``.

        >>> from flask_filibuster import explore
        >>> explore(lambda: None).raise_for_bugs()
        Traceback (most recent call last):
            ...
        flask_filibuster.results.result.ExplorationFailedError: ...
        """
        if not self.ok:
            raise ExplorationFailedError(self)

    def __str__(self) -> str:
        """The report, as the command line prints it."""
        # Only here, as a report is made of a result: see the contracts in setup.cfg.
        from flask_filibuster.report.renderings import render

        return render(self)
