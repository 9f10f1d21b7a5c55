"""What an instrumented service says to a server, and hears from it, independent of transport."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.core.vocabulary import Family


@dataclass(frozen=True, slots=True)
class InvocationStarted:
    """A service is about to make a call (*create*). Times out after ``timeout`` seconds.

    :ivar functions: qualified names of the application's functions on the stack, innermost first.
    :ivar target: what the client knows of the callee; a URL's host says it where this is empty.
    :ivar api: as for :class:`Call`, and so are those that follow.
    """

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
    functions: tuple[str, ...] = ()
    api: str = ""
    target: str = ""
    library: str = REQUESTS
    family: Family = "http"
    idempotency_key: str = ""
    safe: bool | None = None
    repeatable: bool | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to *create*: the invocation's number, and the fault to inject, if any.

    :ivar refusal: why a fault that the server asked for cannot be injected, in words.
    """

    generated_id: int
    fault: Fault | None = None
    refusal: str | None = None


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
    """A call has ended (*invocation_complete*), with what the caller's code gets to see.

    :ivar answer: what the callee answered where that answer was lost.
    """

    request_id: str
    index: ExecutionIndex
    generated_id: int
    vclock: VectorClock
    outcome: Outcome
    fault: Fault | None = None
    answer: Outcome | None = None


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """A note, outside the wire protocol: what a service answered, or the exception ending it."""

    request_id: str
    index: ExecutionIndex
    answer: Outcome | None = None
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """A note, outside the wire protocol: the test itself is about to make this request.

    :ivar told_by_callee: whether it ends when the service says so, as nothing watches the sender.
    """

    request_id: str
    index: ExecutionIndex
    method: str
    url: str
    timeout: tuple[float | None, float | None] = (None, None)
    position: tuple[tuple[int, ...], ...] = ()
    told_by_callee: bool = False


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A note, outside the wire protocol: the test itself has got an answer, or an exception."""

    request_id: str
    index: ExecutionIndex
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ReportsLost:
    """A note, outside the wire protocol: a service could not tell what it had to, at the time.

    :ivar age: how many seconds ago that was.
    """

    request_id: str
    reason: str
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class InjectionFailed:
    """A note, outside the wire protocol: a fault that was decided on could not be made real."""

    request_id: str
    index: ExecutionIndex
    reason: str
