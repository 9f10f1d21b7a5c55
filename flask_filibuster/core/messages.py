"""The messages between instrumented services and a server, independent of transport.

Unlike other records, they are not frozen: a frozen one sets each of its fields by a call, and all
together took longer to make than what is done with them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.core.vocabulary import Family


@dataclass(slots=True)
class InvocationStarted:
    """A service is about to make a call (*create*). Times out after ``timeout`` seconds.

    :ivar functions: qualified names of the application's functions on the stack, innermost first.
    :ivar target: the callee's name, as far as the client knows it; if empty, the URL's host.
    :ivar api: this and the following fields as for :class:`Call`.
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


@dataclass(slots=True)
class Decision:
    """The answer to *create*: the call's number, and the fault to inject, if any.

    :ivar refusal: why the fault that the server plans cannot be injected, in words.
    :ivar unending: why the execution has no end, and this call is not made, in words.
    """

    generated_id: int
    fault: Fault | None = None
    refusal: str | None = None
    unending: str | None = None


@dataclass(slots=True)
class RequestReceived:
    """A service received a request; ``generated_id`` is ``None`` for a test's own request."""

    request_id: str
    index: ExecutionIndex
    service: str
    method: str
    path: str
    generated_id: int | None = None


@dataclass(slots=True)
class InvocationCompleted:
    """A call has ended (*invocation_complete*), with the outcome that the caller sees.

    :ivar answer: the callee's answer, if it was lost.
    """

    request_id: str
    index: ExecutionIndex
    generated_id: int
    vclock: VectorClock
    outcome: Outcome
    fault: Fault | None = None
    answer: Outcome | None = None


@dataclass(slots=True)
class RequestAnswered:
    """A note, outside the wire protocol: the answer of a handler, or the exception ending it."""

    request_id: str
    index: ExecutionIndex
    answer: Outcome | None = None
    crash: Crash | None = None


@dataclass(slots=True)
class RequestStarted:
    """A note, outside the wire protocol: the test itself is about to make this request.

    :ivar told_by_callee: whether the service reports the end, as the sender is not instrumented.
    """

    request_id: str
    index: ExecutionIndex
    method: str
    url: str
    timeout: tuple[float | None, float | None] = (None, None)
    position: tuple[tuple[int, ...], ...] = ()
    told_by_callee: bool = False


@dataclass(slots=True)
class RequestEnded:
    """A note, outside the wire protocol: a request of the test itself has ended."""

    request_id: str
    index: ExecutionIndex
    outcome: Outcome


@dataclass(slots=True)
class ReportsLost:
    """A note, outside the wire protocol: an earlier report of a service was lost.

    :ivar age: seconds since then.
    """

    request_id: str
    reason: str
    age: float = 0.0


@dataclass(slots=True)
class InjectionFailed:
    """A note, outside the wire protocol: a planned fault could not be injected."""

    request_id: str
    index: ExecutionIndex
    reason: str
