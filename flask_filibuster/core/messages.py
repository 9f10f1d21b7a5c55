"""What an instrumented service says to a server, and hears from it, independent of transport."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.faults import Fault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import CallSite, Crash
from flask_filibuster.core.vclock import VectorClock


@dataclass(frozen=True, slots=True)
class InvocationStarted:
    """A service is about to make a call (*create*). Times out after ``timeout`` seconds."""

    request_id: str
    index: ExecutionIndex
    source: str
    method: str
    url: str
    callsite: CallSite | None
    timeout: tuple[float | None, float | None]
    vclock: VectorClock
    origin_vclock: VectorClock
    position: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to *create*: the invocation's number, and the fault to inject, if any."""

    generated_id: int
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A service received a request; ``generated_id`` is ``None`` for a test's own request."""

    request_id: str
    index: ExecutionIndex
    service: str
    method: str
    path: str
    generated_id: int | None = None


@dataclass(frozen=True, slots=True)
class InvocationCompleted:
    """A call has ended (*invocation_complete*), with what the caller's code gets to see."""

    request_id: str
    index: ExecutionIndex
    generated_id: int
    vclock: VectorClock
    outcome: Outcome
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """A note, outside the wire protocol: what a service answered, or the exception ending it."""

    request_id: str
    index: ExecutionIndex
    answer: Outcome | None = None
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class InjectionFailed:
    """A note, outside the wire protocol: a fault that was decided on could not be made real."""

    request_id: str
    index: ExecutionIndex
    reason: str
