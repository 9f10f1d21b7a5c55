"""One exploration that a driver elsewhere runs: whose turn it is, and what has come of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.session import Session
from flask_filibuster.results.bug import TestFailedError
from flask_filibuster.results.execution import Execution, Observation, judged
from flask_filibuster.results.result import Result
from flask_filibuster.server.conductor import OutOfTurnError, Verdict
from flask_filibuster.server.execution import TestExecution


class Search(Protocol):
    """Decides which faults are next: an ``Explorer``, or less."""

    @property
    def executed(self) -> int:
        """How many fault sets have been run."""

    @property
    def waiting(self) -> int:
        """How many are known to be still to come."""

    @property
    def left_out(self) -> int:
        """How many reduction has left out."""

    def next(self) -> FaultSet | None:
        """The next fault set."""

    def learn(self, faults: FaultSet, observation: Observation, extra: str = "") -> Execution:
        """Take in what running it has shown, and keep what the driver wants kept with it."""

    def result(self) -> Result:
        """What has been found so far."""


class Replaying:
    """A search over a single fault set: that of a counterexample.

    :param faults: the set.
    """

    left_out = 0

    def __init__(self, faults: FaultSet) -> None:
        self._faults = faults
        self._executions: tuple[Execution, ...] = ()

    @property
    def executed(self) -> int:
        """1 after its execution."""
        return len(self._executions)

    @property
    def waiting(self) -> int:
        """1 before its execution."""
        return 1 - self.executed

    def next(self) -> FaultSet | None:
        """The set, once."""
        return None if self._executions else self._faults

    def learn(self, faults: FaultSet, observation: Observation, extra: str = "") -> Execution:  # noqa: ARG002
        """Judge its execution."""
        execution = judged(faults, observation)
        self._executions = (execution,)
        return execution

    def result(self) -> Result:
        """The one execution."""
        return Result(executions=self._executions)


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The execution whose turn it is."""

    number: int
    faults: FaultSet
    execution: TestExecution


class Exploration:
    """One exploration: a search, and the execution that a driver runs for it.

    :param name: what it is called.
    :param search: decides what is next.
    :param session: observes the executions.
    :ivar counted: whether the last execution is one of the result, and not one that is run again.
    """

    def __init__(self, name: str, search: Search, session: Session) -> None:
        self.name = name
        self.began = time.monotonic()
        self.search = search
        self.session = session
        self.under_way: UnderWay | None = None
        self.over = False
        self.failed = 0
        self.counted = True
        self._ended = 0
        self.lock = threading.RLock()

    def has_next(self, number: int) -> FaultSet | None:
        """Begin execution ``number``, if there is one.

        :raises OutOfTurnError: it is another one's turn.
        """
        with self.lock:
            current = self.under_way
            if current is not None and current.number == number:
                return current.faults
            if current is not None and current.number == number - 1:
                problem = "the driver went on to the next execution without a word on this one"
                self.complete(current.number, Verdict(failed=False, problem=problem))
            if self.over:
                return None
            turn = self._ended + 1
            if number != turn:
                raise OutOfTurnError(f"execution {number} is asked for, but {turn} is next")
            faults = self.search.next()
            if faults is None:
                self.over = True
                return None
            self.under_way = UnderWay(number, faults, self.session.begin(faults))
            return faults

    def complete(self, number: int, verdict: Verdict, extra: str = "") -> Execution:
        """End execution ``number``.

        :param extra: what is to be kept with it, where it is.
        :raises OutOfTurnError: it is not under way.
        """
        with self.lock:
            current = self.under_way
            if current is None or current.number != number:
                raise OutOfTurnError(f"execution {number} is not under way")
            self.under_way = None
            self._ended += 1
            error = None
            if verdict.failed:
                text = verdict.error or "the driver says that the test failed"
                error = TestFailedError(text, verdict.signature or text)
            observation = self.session.observe(current.execution, error)
            if verdict.problem is not None:
                problems = (verdict.problem, *observation.problems)
                observation = replace(observation, problems=problems)
            before = self.search.executed
            execution = self.search.learn(current.faults, observation, extra)
            self.counted = self.search.executed > before
            self.failed += self.counted and execution.verdict == "failed"
            return execution

    def abandon(self) -> None:
        """End it, with whatever is under way."""
        with self.lock:
            current, self.under_way, self.over = self.under_way, None, True
            if current is not None:
                self.session.abandon(current.execution)

    def describe(self) -> dict[str, Any]:
        """What it is doing, as plain data."""
        current = self.under_way
        return {
            "name": self.name or "the driver's exploration",
            "under_way": current is not None,
            "over": self.over,
            "executed": self.search.executed,
            "left_out": self.search.left_out,
            "waiting": self.search.waiting,
            "failed": self.failed,
            "faults": [] if current is None else [str(planned) for planned in current.faults],
        }
