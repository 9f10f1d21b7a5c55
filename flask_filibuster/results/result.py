"""The result of an exploration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.results.bug import Failure, distinct
from flask_filibuster.results.execution import AUDIT, SHRINK, Execution
from flask_filibuster.results.findings import Finding, find


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


@dataclass(frozen=True)
class Result:
    """What an exploration found.

    :ivar executions: the test executions, in order.
    :ivar pruned: the fault sets that reduction left out.
    :ivar classes: the classes of ways to fail that equivalence reduction has formed.
    :ivar remaining: fault sets that a limit left undone (more may lie behind them).
    :ivar limit: which limit that was: ``"max_executions"`` or ``"max_seconds"``.
    :ivar cut_by_size: fault sets that ``max_faults`` left undone (more may lie behind them).
    :ivar ambiguities: handlers that did different things in the same situation: index, what was
        seen before, what was seen then.
    :ivar notes: what a user should know of the exploration itself.
    :ivar problems: why the exploration as a whole proves less than it seems to, in words.
    :ivar observed: findings about the exploration itself: chance, and reduction that did not hold.
    :ivar unlisted: how many sets were left out beyond those in ``pruned``.
    :ivar superfluous: executions that were begun ahead of their turn and turned out not to be
        needed.
    :ivar recalled: how many of the executions were not run but taken from a journal.
    :ivar reached: names of the services that were called.
    :ivar asked: names of services that the test, or a service, asked about: whether it fails.
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

    @property
    def left_out(self) -> int:
        """Count of the fault sets that reduction left out."""
        return count_of(self.pruned) + self.unlisted

    @property
    def generated(self) -> int:
        """Count of the fault sets that were judged: run or left out by reduction."""
        return len(self.executions) + self.left_out

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """The distinct bugs, each with its smallest fault set."""
        return distinct(self.executions)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found without any assertion."""
        return (*find(self.executions), *self.observed)

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

    @property
    def ok(self) -> bool:
        """Whether no execution failed, and none was lost. Findings and budgets do not count."""
        failed = any(each.verdict == "failed" for each in self.executions)
        return not (self.problems or failed or self.inconclusive)
