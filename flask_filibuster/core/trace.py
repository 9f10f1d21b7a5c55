"""What happened in one test execution: its calls, their outcomes, and the answers given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.faults import Fault
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
class Invocation:
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


@dataclass(frozen=True, slots=True)
class Crash:
    """An exception that no handler of the application caught.

    :ivar error: class name and message.
    :ivar site: innermost line of the application's own code in the traceback.
    """

    error: str
    site: CallSite | None


@dataclass(frozen=True, slots=True)
class Handling:
    """The handling of one request by one service.

    :ivar index: execution index of the invocation that caused it.
    :ivar service: name of the service.
    :ivar method: HTTP method.
    :ivar path: path of the request.
    :ivar answer: what it answered; ``None`` if the application never got that far.
    :ivar crash: the exception that ended it, if one did.
    """

    index: ExecutionIndex
    service: str
    method: str
    path: str
    answer: Outcome | None = None
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that was seen in one test execution.

    :ivar requests: the requests that the test itself made, in order.
    :ivar invocations: the calls made by services, each followed by the calls made below it.
    :ivar handlings: every request handled, by execution index.
    """

    requests: tuple[Invocation, ...] = ()
    invocations: tuple[Invocation, ...] = ()
    handlings: Mapping[ExecutionIndex, Handling] = field(default_factory=dict)
    _by_index: Mapping[ExecutionIndex, Invocation] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(cls, calls: Iterable[Invocation], handlings: Iterable[Handling]) -> Trace:
        """Put the records of an execution, in whatever order they came, into the trace's order."""
        listed = list(calls)
        indexes = {call.index for call in listed}
        children: dict[ExecutionIndex, list[Invocation]] = {}
        for call in listed:
            parent = call.index.parent
            # A call below one that nobody has told of is, as far as is known, the test's own.
            children.setdefault(parent if parent in indexes else ROOT, []).append(call)
        for siblings in children.values():
            siblings.sort(key=lambda call: (call.position, call.index))
        ordered = list(_preorder(children, ROOT))
        # Only the test has no name. What a service calls on its behalf can be made to fail.
        requests = [call for call in children.get(ROOT, ()) if not call.source]
        known = {call.index for call in requests}
        # In the order of their calls, too: which of two parallel ones came first is chance.
        handled = {handling.index: handling for handling in handlings}
        places = [call.index for call in ordered if call.index in handled]
        places += sorted(handled.keys() - indexes)
        return cls(
            requests=tuple(requests),
            invocations=tuple(call for call in ordered if call.index not in known),
            handlings={index: handled[index] for index in places},
            _by_index={call.index: call for call in ordered},
        )

    def call(self, index: ExecutionIndex) -> Invocation | None:
        """The call with that execution index, if it was made."""
        return self._by_index.get(index)

    def calls(self) -> dict[ExecutionIndex, list[Invocation]]:
        """The calls of each handler, in order, by the handler's execution index."""
        grouped: dict[ExecutionIndex, list[Invocation]] = {}
        for call in (*self.requests, *self.invocations):
            parent = call.index.parent
            grouped.setdefault(parent if parent in self._by_index else ROOT, []).append(call)
        return grouped


def _preorder(
    children: dict[ExecutionIndex, list[Invocation]], index: ExecutionIndex
) -> Iterator[Invocation]:
    for call in children.get(index, ()):
        yield call
        yield from _preorder(children, call.index)
