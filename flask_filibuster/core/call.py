"""Calls: what a service asks of another one, and where in its source."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.outcome import Outcome


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
    :ivar method: HTTP method, upper case.
    :ivar url: the URL called.
    :ivar callsite: where in the application the call was made, if that could be told.
    :ivar timeout: connect and read timeout in seconds, each ``None`` where there is none.
    :ivar outcome: how it ended; ``None`` while it is under way.
    :ivar fault: the fault that was injected, if any.
    :ivar position: orders the calls of one handler as the program makes them, whichever of its
        threads happened to run first.
    :ivar api: module and function called, as a client of another project names them; empty for
        ``requests`` and the method.
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

    @property
    def has_timeout(self) -> bool:
        """Whether the call gives up waiting at some time."""
        return self.timeout != (None, None)

    def describe(self) -> str:
        """The call in words: ``users -> bookings  GET http://bookings:5003/bookings/chris``."""
        return f"{self.source} -> {self.target}  {self.method} {self.url}"
