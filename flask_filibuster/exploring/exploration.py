"""The loop: plan, run, learn; for every subject and every search, in this file alone.

An execution has two halves, :meth:`Exploration.begin` and :meth:`Exploration.end`. A subject of
this process (:meth:`Exploration.run`) and a driver in another process, which requests the next
execution in one HTTP request and reports its end in another, therefore take the same steps. (A
generator could not serve both: a remote driver gets the verdict before the next set is planned.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.room import with_room
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.results.execution import Execution, Observation, judged
from flask_filibuster.results.result import Result

Progress = Callable[[Any, Execution], None]
"""Called after each execution, with the search and the execution."""


class Search(Protocol):
    """Selects the next fault set: an ``Explorer``, or a remote server."""

    @property
    def executed(self) -> int:
        """Number of executions so far."""

    @property
    def waiting(self) -> int | None:
        """Number of planned executions; ``None`` if unknown."""

    @property
    def pruned_count(self) -> int | None:
        """Number of pruned fault sets; ``None`` if unknown."""

    def next(self) -> FaultSet | None:
        """The next fault set."""

    def learn(self, faults: FaultSet, observation: Observation, extra: str = "") -> Execution:
        """Learn from the observation of a fault set, and record ``extra`` with it."""

    def result(self) -> Result:
        """The result so far."""


class OneExecution:
    """A search over the single fault set of a counterexample.

    :param faults: the set.
    """

    pruned_count = 0

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
    """A session: adds the notes of the observer to a result."""

    def completed(self, result: Result) -> Result:
        """The result with the session's notes and problems."""


class Exploration:
    """All executions of one subject.

    :param name: its name.
    :param search: selects the next fault set.
    :param session: observes the executions.
    :param interruption: handles signals during the exploration; by default, they keep their effect.
    :param progress: called after each execution.
    :ivar under_way: the faults of the execution under way, if there is one.
    :ivar counted: whether the last execution belongs to the result; ``False`` for a retried one.
    :ivar failed: number of failed executions in the result.
    :ivar over: whether all executions are done, or the exploration was abandoned.
    :ivar superfluous: number of executions that workers began ahead and the search did not need.
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
        :raises JournalError: the journal cannot record the sets pruned before it.
        """
        with self._interruption.held():
            self.under_way = None if self.over else self.search.next()
            self.over = self.under_way is None
        return self.under_way

    def end(self, observation: Observation, kept: str = "") -> Execution:
        """Learn from the execution under way and record it; signals can't separate the two.

        :param observation: the observation of the execution.
        :param kept: text to store with it in the journal.
        :raises JournalError: the journal cannot record it.
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

    @with_room  # Whatever the depth that it is called at.
    def run(
        self, subject: Subject, observe: Callable[[FaultSet], Observation] | None = None
    ) -> None:
        """Run a subject of this process until the search is over.

        :param subject: the subject.
        :param observe: runs the subject elsewhere; by default, it runs in this thread.
        :raises FilibusterError: the subject cannot run, or the journal cannot record it.
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
        """The result so far."""
        result = self._session.completed(self.search.result())
        return replace(result, superfluous=self.superfluous) if self.superfluous else result

    @property
    def words(self) -> str:
        """Its name, or a description for a driver that doesn't name explorations."""
        return self.name or "the driver's exploration"

    def describe(self) -> dict[str, Any]:
        """Its current state, as plain data."""
        faults = self.under_way
        return {
            "name": self.words,
            "under_way": faults is not None,
            "over": self.over,
            "executed": self.search.executed,
            "pruned": self.search.pruned_count,
            "waiting": self.search.waiting,
            "failed": self.failed,
            "faults": [str(planned) for planned in faults or ()],
        }
