"""Calls: what a service asks of another one, and where in its source."""

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
    """Where in the application a call, or an exception, comes from.

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
    :ivar target: name of the service that was reached, or the URL's host where none reported.
    :ivar method: the operation: HTTP method, verb of a statement, command; upper case.
    :ivar url: the URL called; empty where the operation has none.
    :ivar callsite: where in the application the call was made, if that could be told.
    :ivar timeout: connect and read timeout in seconds, each ``None`` where there is none.
    :ivar outcome: how it ended; ``None`` while it is under way.
    :ivar fault: the fault that was injected, if any.
    :ivar position: orders the calls of one handler as the program makes them, whichever of its
        threads happened to run first.
    :ivar api: module and function called, as analysis files name them; empty for ``requests`` and
        the method.
    :ivar library: the client that makes it.
    :ivar family: what kind of service it is made to.
    :ivar idempotency_key: what tells the callee that a repetition is one (the header
        ``Idempotency-Key``); empty where there is none.
    :ivar safe: whether the client says that it changes nothing; ``None``: its method tells.
    :ivar repeatable: whether the client says that making it twice does what making it once does;
        ``None``: its method tells.
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
        """What the call does, in the words of its family; for HTTP, its method."""
        return self.method

    @property
    def has_timeout(self) -> bool:
        """Whether the call gives up waiting at some time."""
        return self.timeout != (None, None)

    @property
    def is_safe(self) -> bool:
        """Whether the call changes nothing at the callee."""
        return self.family == "http" and self.method in _SAFE if self.safe is None else self.safe

    @property
    def is_repeatable(self) -> bool:
        """Whether making the call again does no more than making it once did."""
        if self.idempotency_key or self.is_safe:
            return True
        if self.repeatable is None:
            return self.family == "http" and self.method in _REPEATABLE
        return self.repeatable

    def describe(self) -> str:
        """The call in words: ``users -> bookings  GET http://bookings:5003/bookings/chris``."""
        return f"{self.source} -> {self.target}  {self.method} {self.url}".rstrip()
