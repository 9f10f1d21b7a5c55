"""Finds out whether a loop of attempts has an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flask_filibuster.core.bounds.attempts import (
    FAILED_ATTEMPTS,
    FOLLOWED,
    Loop,
    attempts_of,
    further,
    loop_of,
    round_of,
)
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.execution import PROBE, Execution, Observation
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import Prediction
from flask_filibuster.search.plan import Plan
from flask_filibuster.search.planned import PlannedFaults


class Probing:
    """Lets every further attempt of a loop fail, once, before the search goes on.

    Otherwise the search would take some executions for each attempt, and never know whether the
    loop has an end.

    :param ledger: the executions so far.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looked_at = 0
        self._probed: set[tuple[Loop, Fault]] = set()
        self._waiting: list[Plan] = []

    @property
    def waiting(self) -> int:
        """Number of known sets to come."""
        return len(self._waiting)

    def next(self) -> Plan | None:
        """The attempts of a loop that has gone on so far, and those that may follow."""
        executions = self._ledger.executions
        for execution in executions[self._looked_at :]:
            self._look(execution)
        self._looked_at = len(executions)
        return self._waiting[0] if self._waiting else None

    def upcoming(self) -> Iterator[FaultSet]:
        """No sets besides the next one: the search waits for it."""
        return iter(())

    def learned(
        self,
        plan: Plan,  # noqa: ARG002 - by the protocol
        execution: Execution,
        seen: Prediction | None,  # noqa: ARG002
    ) -> None:
        """Have the loop no longer followed, if it has no end."""
        self._waiting.pop(0)
        self._ledger.probed = True
        attempts = attempts_of(execution.faults)
        size = round_of(attempts, execution.trace)
        if len(attempts) >= FAILED_ATTEMPTS and size:
            self._ledger.unending.update(loop_of(each.call) for each in attempts[-size:])

    def _look(self, execution: Execution) -> None:
        faults = execution.faults
        if len(faults) < FOLLOWED or execution.verdict == "inconclusive":
            return
        # What is called without any fault, too, is no other attempt. (First: most calls are.)
        baseline = self._ledger.executions[0].trace
        if baseline.call(faults.last.index) is not None:
            return
        if any(baseline.call(each.index) is not None for each in tuple(faults)[-FOLLOWED + 1 :]):
            return
        attempts = attempts_of(faults)
        if not FOLLOWED <= len(attempts) < FAILED_ATTEMPTS:
            return
        key = loop_of(attempts[-1].call), attempts[-1].fault
        size = 0 if key in self._probed else round_of(attempts, execution.trace)
        if size:
            self._probed.add(key)
            added = further(attempts, size, FAILED_ATTEMPTS)
            self._waiting.append(Plan(FaultSet((*faults, *added)), PROBE))


def as_made(
    plan: Plan, observation: Observation, planned: PlannedFaults
) -> tuple[Plan, Observation]:
    """A probe without the attempts that were not made: these are no deviation from the plan.

    :param planned: the faults as the search plans them, which it compares by identity.
    """
    trace = observation.trace
    made = FaultSet(
        tuple(
            each if each.outage is not None else _own(each, call, planned)
            for each in plan.faults
            if (call := trace.call(each.index)) is not None
        )
    )
    told = {each.not_made for each in plan.faults if trace.call(each.index) is None}
    problems = tuple(each for each in observation.problems if each not in told)
    return replace(plan, faults=made), replace(observation, problems=problems)


def _own(fault: PlannedFault, call: Call, planned: PlannedFaults) -> PlannedFault:
    return next((own for own in planned.of(call) if own.fault == fault.fault), fault)
