"""The loop: plan, run, learn; for every subject and every search, in this file alone.

An execution has two halves, :meth:`Exploration.begin` and :meth:`Exploration.end`, so that a
subject of this process (:meth:`Exploration.run`) and a driver elsewhere, which asks for the next
execution in one HTTP request and tells how it ended in another, go through the same steps. (A
generator could not serve both: a driver elsewhere is told the verdict before the next set is
planned.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.results.execution import Execution, Observation, judged
from flask_filibuster.results.result import Result

Progress = Callable[[Any, Execution], None]
"""Called after each execution, with the search and the execution."""


class Search(Protocol):
    """Decides which fault set is next: an ``Explorer``, or a server elsewhere."""

    @property
    def executed(self) -> int:
        """How many executions have been made."""

    @property
    def waiting(self) -> int | None:
        """How many are known to be still to come; ``None`` if unknown."""

    @property
    def left_out(self) -> int | None:
        """How many fault sets reduction has pruned; ``None`` if unknown."""

    def next(self) -> FaultSet | None:
        """The next fault set."""

    def learn(self, faults: FaultSet, observation: Observation, extra: str = "") -> Execution:
        """Take in what running it has shown, and keep ``extra`` with it."""

    def result(self) -> Result:
        """What has been found so far."""


class OneExecution:
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


class Completing(Protocol):
    """A session: adds to a result what only the observer of the executions knows."""

    def completed(self, result: Result) -> Result:
        """The result with the session's notes and problems."""


class Exploration:
    """All executions of one subject.

    :param name: what it is called.
    :param search: decides which fault set is next.
    :param session: observes the executions.
    :param interruption: what signals do meanwhile; by default, what they always do.
    :param progress: called after each execution.
    :ivar under_way: the faults of the execution under way, if there is one.
    :ivar counted: whether the last execution is one of the result, and not one that is made again.
    :ivar failed: how many executions of the result have failed.
    :ivar over: whether nothing is left to run, or it was given up.
    :ivar superfluous: how many executions were begun ahead, beside others, and not needed.
    """

    def __init__(
        self,
        name: str,
        search: Search,
        session: Completing,
        *,
        interruption: Interruption | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.name = name
        self.search = search
        self.under_way: FaultSet | None = None
        self.counted = True
        self.failed = 0
        self.over = False
        self.superfluous = 0
        self._session = session
        self._interruption = interruption or Interruption()
        self._progress = progress

    def __repr__(self) -> str:
        state = "over" if self.over else "under way" if self.under_way is not None else "waiting"
        return f"<Exploration {self.name!r}: {self.search.executed} executed, {state}>"

    def begin(self) -> FaultSet | None:
        """Plan the next execution.

        :returns: its faults; ``None`` after the last.
        :raises JournalError: what was pruned before it cannot be recorded.
        """
        with self._interruption.held():
            self.under_way = None if self.over else self.search.next()
            self.over = self.under_way is None
        return self.under_way

    def end(self, observation: Observation, kept: str = "") -> Execution:
        """Learn from the execution that was begun, and record it: all of that, or nothing.

        :param observation: what was seen.
        :param kept: what is kept with it in the journal.
        :raises JournalError: it cannot be recorded.
        """
        if self.under_way is None:
            raise ValueError("no execution is under way")
        with self._interruption.held():
            before = self.search.executed
            execution = self.search.learn(self.under_way, observation, kept)
            self.under_way = None
            self.counted = self.search.executed > before
            self.failed += self.counted and execution.verdict == "failed"
        return execution

    def run(
        self, subject: Subject, observe: Callable[[FaultSet], Observation] | None = None
    ) -> None:
        """Run a subject of this process until nothing is left.

        :param subject: the subject.
        :param observe: runs it somewhere else; by default, in this thread.
        :raises FilibusterError: it cannot be run, or recorded, any more.
        """
        observe = observe or subject.run
        faults = self.begin()
        while faults is not None:
            with self._interruption.noticed():
                observation = observe(faults)
            execution = self.end(observation, subject.kept(observation))
            faults = self.begin()
            if self._progress is not None:
                self._progress(self.search, execution)

    def abandon(self) -> None:
        """Begin no further execution."""
        self.under_way, self.over = None, True

    def result(self) -> Result:
        """What has been found so far."""
        result = self._session.completed(self.search.result())
        return replace(result, superfluous=self.superfluous) if self.superfluous else result

    @property
    def words(self) -> str:
        """Its name; that of the one exploration of a driver which knows no names, in words."""
        return self.name or "the driver's exploration"

    def describe(self) -> dict[str, Any]:
        """What it is doing, as plain data."""
        faults = self.under_way
        return {
            "name": self.words,
            "under_way": faults is not None,
            "over": self.over,
            "executed": self.search.executed,
            "left_out": self.search.left_out,
            "waiting": self.search.waiting,
            "failed": self.failed,
            "faults": [str(planned) for planned in faults or ()],
        }
