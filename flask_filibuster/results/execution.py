"""Executions: one run of the subject under one fault set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.core.vocabulary import Purpose, Verdict

PASSED: Final = "passed"

# Why a test execution is run: see :class:`Execution`.
SEARCH: Final = "search"
REPEAT: Final = "repeat"
EXHAUSTIVE: Final = "exhaustive"
AUDIT: Final = "audit"
SHRINK: Final = "shrink"
PROBE: Final = "probe"


@dataclass(frozen=True, slots=True, repr=False)
class Execution:
    """One run of the functional test.

    :ivar number: its number in the exploration, from 1.
    :ivar faults: the injected faults.
    :ivar trace: requests and calls of the execution.
    :ivar verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
    :ivar error: the exception that ended the test, or ``None``.
    :ivar problems: reasons why it is inconclusive, in words.
    :ivar purpose: ``"search"``; ``"repeat"``: the fault-free execution, once more, to see whether
        it is the same; ``"exhaustive"`` and ``"audit"``: a set that reduction pruned; ``"shrink"``:
        to see whether a fault is needed for a failure; ``"probe"``: to see whether a loop of
        attempts has an end.
    """

    number: int
    faults: FaultSet
    trace: Trace
    verdict: Verdict
    error: BaseException | None = None
    problems: tuple[str, ...] = ()
    purpose: Purpose = SEARCH

    @property
    def injected(self) -> tuple[tuple[Call, Fault], ...]:
        """The faults by call: an outage once for each call that it failed."""
        if not self.faults.has_outage:
            return tuple([(planned.call, planned.fault) for planned in self.faults])
        calls = self.trace.invocations
        return tuple([(call, call.fault) for call in calls if call.fault is not None])

    @property
    def size(self) -> tuple[int, int]:
        """The number of faults, and that of the calls that fail."""
        return len(self.faults), len(self.injected)

    def ended(self) -> Execution:
        """The execution, with outages that know the calls that they failed."""
        if not self.faults.has_outage:
            return self
        return replace(self, faults=self.faults.ended(self.trace.invocations))

    @property
    def seconds(self) -> float:
        """How long the requests of the test took, by the clock of the execution."""
        return sum(request.seconds for request in self.trace.requests)

    def __repr__(self) -> str:
        return f"<Execution {self.number}: {self.verdict}, {self.faults!r}>"


@dataclass(frozen=True, slots=True)
class Observation:
    """The observations of one run of the test.

    :ivar trace: requests and calls.
    :ivar error: the exception that ended the test, or ``None``.
    :ivar problems: deviations from the planned execution, in words.
    :ivar asked: what the test asked about the faults: names of services, ``None`` for any of them.
    """

    trace: Trace
    error: BaseException | None = None
    problems: tuple[str, ...] = ()
    asked: frozenset[str | None] = frozenset()


def judged(faults: FaultSet, observation: Observation) -> Execution:
    """An observation outside of any search as an execution with its verdict."""
    verdict: Verdict
    if observation.problems:
        verdict = "inconclusive"
    else:
        verdict = "passed" if observation.error is None else "failed"
    trace, error = observation.trace, observation.error
    return Execution(1, faults, trace, verdict, error, observation.problems).ended()
