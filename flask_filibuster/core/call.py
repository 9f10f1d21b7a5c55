"""Calls: the outgoing operations of services, and their call sites."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.vocabulary import Family

# RFC 9110, sections 9.2.1 and 9.2.2.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_REPEATABLE = _SAFE | {"PUT", "DELETE"}


@dataclass(frozen=True, slots=True)
class CallSite:
    """The source location of a call or an exception.

    :ivar file: path of the source file.
    :ivar line: line number, from 1.
    :ivar function: qualified name of the function.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Call:
    """One remote call, seen from the service that makes it.

    :ivar index: its execution index.
    :ivar source: name of the calling service; empty for a request made by the test itself.
    :ivar target: name of the service reached, or the URL's host if no service reported.
    :ivar method: the operation: HTTP method, verb of a statement, command; upper case.
    :ivar url: the URL called; empty where the operation has none.
    :ivar callsite: the application's line that makes the call, if known.
    :ivar timeout: connect and read timeout in seconds, each ``None`` where there is none.
    :ivar outcome: its outcome; ``None`` while it is under way.
    :ivar fault: the injected fault, if any.
    :ivar position: orders the calls of one handler by the program, independent of the scheduling
        of its threads.
    :ivar api: module and function called, as analysis files name them; empty for ``requests`` and
        the method.
    :ivar library: the client that makes the call.
    :ivar family: the kind of service called.
    :ivar idempotency_key: the header ``Idempotency-Key``, by which the callee recognises a
        repetition; empty if absent.
    :ivar safe: whether the call changes nothing, according to the client; ``None``: the method
        decides.
    :ivar repeatable: whether the call is idempotent, according to the client; ``None``: the method
        decides.
    """

    index: ExecutionIndex
    source: str
    target: str
    method: str
    url: str
    callsite: CallSite | None = None
    timeout: tuple[float | None, float | None] = (None, None)
    outcome: Outcome | None = None
    fault: Fault | None = None
    position: tuple[tuple[int, ...], ...] = ()
    api: str = ""
    library: str = REQUESTS
    family: Family = "http"
    idempotency_key: str = ""
    safe: bool | None = None
    repeatable: bool | None = None

    @property
    def operation(self) -> str:
        """The operation in the terms of its family; for HTTP, the method."""
        return self.method

    @property
    def has_timeout(self) -> bool:
        """Whether the call has a timeout."""
        return self.timeout != (None, None)

    @property
    def is_safe(self) -> bool:
        """Whether the call changes nothing at the callee."""
        return self.family == "http" and self.method in _SAFE if self.safe is None else self.safe

    @property
    def is_repeatable(self) -> bool:
        """Whether the call is idempotent."""
        if self.idempotency_key or self.is_safe:
            return True
        if self.repeatable is None:
            return self.family == "http" and self.method in _REPEATABLE
        return self.repeatable

    def ended(self, target: str, outcome: Outcome | None) -> Call:
        """The call with its end, and the service that it reached.

        One for each call of each execution: ``dataclasses.replace`` takes twice the time.

        :param target: name of the service.
        :param outcome: its outcome; ``None`` if it has not ended.
        """
        return Call(
            self.index,
            self.source,
            target,
            self.method,
            self.url,
            self.callsite,
            self.timeout,
            outcome,
            self.fault,
            self.position,
            self.api,
            self.library,
            self.family,
            self.idempotency_key,
            self.safe,
            self.repeatable,
        )

    def describe(self) -> str:
        """The call in words: ``users -> bookings  GET http://bookings:5003/bookings/chris``."""
        return f"{self.source} -> {self.target}  {self.method} {self.url}".rstrip()
