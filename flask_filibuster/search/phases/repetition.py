"""The repetition of the fault-free execution, to check that it is deterministic."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.results.execution import PASSED, REPEAT, Execution, Observation
from flask_filibuster.results.findings import Finding, shortened
from flask_filibuster.search.determinism import differences, varying_bodies
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import Prediction
from flask_filibuster.search.plan import Plan


class Repetition:
    """Runs the fault-free execution a second time, before any other.

    :param ledger: the executions so far.
    :param wanted: whether to repeat it.
    :ivar findings: the differences.
    :ivar problems: why further executions would prove nothing.
    :ivar notes: the consequences of the differences for reduction.
    """

    def __init__(self, ledger: Ledger, *, wanted: bool) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._ledger = ledger
        self._wanted = wanted

    @property
    def waiting(self) -> int:
        """Zero: the repetition is not one of the fault sets."""
        return 0

    def next(self) -> Plan | None:
        """The empty set, once more after the first execution, if that made any call."""
        if not self._wanted or not self._ledger.executions:
            return None
        if not self._ledger.executions[0].trace.invocations:
            return None  # Without a call, there is no fault whose effect chance could hide.
        return Plan(FaultSet(), REPEAT)

    def upcoming(self) -> Iterator[FaultSet]:
        """No sets besides the next one."""
        return iter(())

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """Not one of the exploration's executions; see :meth:`compare`."""

    def compare(self, execution: Execution, observation: Observation) -> bool:
        """Compare it with the first.

        :returns: whether to continue.
        """
        self._wanted = False
        first = self._ledger.executions[0]
        if execution.verdict != PASSED:
            error = execution.error
            how = "; ".join(execution.problems)
            if not how and error is not None:
                text = str(error).strip().partition("\n")[0]
                how = shortened(f"{type(error).__name__}: {text}")
            self.problems.append(
                f"the test passed the first fault-free execution, but not the second ({how}); "
                "make it deterministic first, by resetting what outlives it (caches, rows, mocks "
                "that count their calls) in a fixture: no failure can be attributed to a fault"
            )
            return False
        self._ledger.learn(observation, PASSED)
        self.findings = differences(first.trace, execution.trace)
        varying = varying_bodies(first.trace, execution.trace)
        if varying:
            self.notes.append(
                f"answer bodies of {', '.join(varying)} vary between executions (a time? an id?), "
                "so reduction can't recognise equivalent faults there, and prunes fewer fault sets"
            )
        return True
