"""The result of an exploration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.exploration.failures import Failure, distinct
from flask_filibuster.exploration.findings import Finding, find


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of the functional test.

    :ivar number: its place in the order of the run, from 1.
    :ivar faults: what was made to fail.
    :ivar trace: what happened.
    :ivar verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
    :ivar error: the exception that the test ended in, or ``None``.
    :ivar problems: why it is inconclusive, in words.
    """

    number: int
    faults: FaultSet
    trace: Trace
    verdict: str
    error: BaseException | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pruned:
    """A fault set that reduction left out.

    :ivar faults: the set.
    :ivar answer: how the test would have ended: ``"passed"``, or what would have failed and where.
    """

    faults: FaultSet
    answer: str


@dataclass(frozen=True)
class Result:
    """What an exploration found.

    :ivar executions: the test executions, in order.
    :ivar pruned: the fault sets that reduction left out.
    :ivar remaining: fault sets that ``max_executions`` left undone (more may lie behind them).
    :ivar cut_by_size: fault sets that ``max_faults`` left undone (more may lie behind them).
    :ivar ambiguities: handlers that did different things in the same situation: index, what was
        seen before, what was seen then.
    :ivar notes: what a user should know of the exploration itself.
    :ivar problems: why the exploration as a whole proves less than it seems to, in words.
    """

    executions: tuple[Execution, ...] = ()
    pruned: tuple[Pruned, ...] = ()
    remaining: int = 0
    cut_by_size: int = 0
    ambiguities: tuple[tuple[ExecutionIndex, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def generated(self) -> int:
        """Count of the fault sets that were judged: run or left out by reduction."""
        return len(self.executions) + len(self.pruned)

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """The distinct bugs, each with its smallest fault set."""
        return distinct(self.executions)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found without any assertion."""
        return find(self.executions)

    @property
    def inconclusive(self) -> tuple[Execution, ...]:
        """Executions that were not what was planned, and so prove nothing."""
        return tuple(each for each in self.executions if each.verdict == "inconclusive")

    @property
    def ok(self) -> bool:
        """Whether every execution passed, and none was lost. Findings and budgets do not count."""
        return not self.problems and all(each.verdict == "passed" for each in self.executions)
