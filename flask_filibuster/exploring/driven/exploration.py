"""An exploration whose executions a driver in another process runs, over the protocol."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.exploration import Exploration, Search
from flask_filibuster.exploring.session import Session
from flask_filibuster.results.bug import TestFailedError
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result
from flask_filibuster.server.conductor import OutOfTurnError, Verdict
from flask_filibuster.server.execution import TestExecution


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The execution that the driver is running."""

    number: int
    faults: FaultSet
    execution: TestExecution


class DrivenExploration:
    """One exploration, stepped by a driver that begins and completes each execution.

    :param name: its name.
    :param search: selects the next fault set.
    :param session: observes the executions.
    :ivar exploration: its state, and its result.
    :ivar under_way: the execution that the driver is running, if there is one.
    """

    def __init__(self, name: str, search: Search, session: Session) -> None:
        self.name = name
        self.exploration = Exploration(name, search, session)
        self.under_way: UnderWay | None = None
        self._session = session
        self._ended = 0
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<DrivenExploration {self.exploration!r}>"

    @property
    def over(self) -> bool:
        """Whether all executions are done, or the exploration was abandoned."""
        return self.exploration.over

    @property
    def executed(self) -> int:
        """Number of executions so far."""
        return self.exploration.search.executed

    @property
    def waiting(self) -> int:
        """Number of planned executions."""
        return 0 if self.over else self.exploration.search.waiting or 0

    def has_next(self, number: int) -> FaultSet | None:
        """Begin execution ``number``, if there is one.

        :raises OutOfTurnError: another execution is next.
        """
        with self._lock:
            current = self.under_way
            if current is not None and current.number == number:
                return current.faults
            if current is not None and current.number == number - 1:
                problem = "the driver began the next execution without a result of this one"
                self.complete(current.number, Verdict(failed=False, problem=problem))
            if self.over:
                return None
            following = self._ended + 1
            if number != following:
                raise OutOfTurnError(f"execution {number} requested, but {following} is next")
            faults = self.exploration.begin()
            if faults is not None:
                self.under_way = UnderWay(number, faults, self._session.begin(faults))
            return faults

    def complete(self, number: int, verdict: Verdict) -> Execution:
        """End execution ``number``.

        :raises OutOfTurnError: it is not under way.
        """
        with self._lock:
            current = self.under_way
            if current is None or current.number != number:
                raise OutOfTurnError(f"execution {number} is not under way")
            self.under_way = None
            self._ended += 1
            observation = self._session.observe(current.execution, _error_of(verdict))
            if verdict.problem is not None:
                problems = (verdict.problem, *observation.problems)
                observation = replace(observation, problems=problems)
            return self.exploration.end(observation)

    def abandon(self) -> None:
        """End it, together with the execution under way."""
        with self._lock:
            current, self.under_way = self.under_way, None
            self.exploration.abandon()
            if current is not None:
                self._session.abandon(current.execution)

    def result(self) -> Result:
        """The result so far."""
        return self.exploration.result()


def _error_of(verdict: Verdict) -> TestFailedError | None:
    if not verdict.failed:
        return None
    text = verdict.error or "the driver reported a failed test"
    return TestFailedError(text, verdict.signature or text)
