"""Calls that never stop: when an execution is known to have no end.

A loop that polls for ever, a list whose last page links to another one, services that call each
other: the execution would run until the memory is full. Both bounds are far beyond what a test
makes a service do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import UnendingError

MOST_ALIKE = 2000
"""Calls of one line during one request."""
MOST_DEPTH = 20
"""Requests within each other. At some thirty, Python's own limit would end them."""

_SHORTEST = 30 * MOST_DEPTH  # An index of that depth is longer.


class Made(Protocol):
    """A call that is about to be made."""

    @property
    def index(self) -> ExecutionIndex:
        """Its execution index."""

    @property
    def callsite(self) -> CallSite | None:
        """The application's line that makes it, if known."""

    @property
    def method(self) -> str:
        """Its operation."""

    @property
    def url(self) -> str:
        """The URL called."""


class Unending:
    """Counts the calls of one execution."""

    __slots__ = ("_alike",)

    def __init__(self) -> None:
        self._alike: dict[object, int] = {}

    def check(self, call: Made) -> None:
        """Count a call that this very code makes.

        :raises UnendingError: it shows that the execution has no end.
        """
        reason = self.reason(call)
        if reason is not None:
            raise UnendingError(reason)

    def reason(self, call: Made) -> str | None:
        """Why the execution has no end, if this call shows that it has none."""
        if is_too_deep(call.index):
            return f"{call.method} {call.url}: more than {MOST_DEPTH} requests within each other"
        alike = alike_of(call)
        self._alike[alike] = made = self._alike.get(alike, 0) + 1
        if made <= MOST_ALIKE:
            return None
        where = "" if call.callsite is None else f" at {call.callsite}"
        return f"{call.method} {call.url}{where}: more than {MOST_ALIKE} times in one request"


def is_too_deep(index: ExecutionIndex) -> bool:
    """Whether a call is in too many requests within each other."""
    return len(index) > _SHORTEST and index.depth > MOST_DEPTH


def loops(calls: Iterable[Call]) -> Iterator[Call]:
    """The last call of each loop that went on until the execution was ended.

    :param calls: the calls of one request.
    """
    alike: dict[object, list[Call]] = {}
    for call in calls:
        alike.setdefault(alike_of(call), []).append(call)
    yield from (each[-1] for each in alike.values() if len(each) >= MOST_ALIKE)


def was_ended(trace: Trace) -> bool:
    """Whether an execution was ended because its calls never stop."""
    if len(trace.invocations) + len(trace.requests) < MOST_DEPTH - 1:
        return False
    if any(call.index.count('["') >= MOST_DEPTH for call in trace.invocations):
        return True
    handlers = trace.calls().values()
    return any(len(calls) >= MOST_ALIKE and any(loops(calls)) for calls in handlers)


def alike_of(call: Made | Call) -> object:
    """Equal for the calls of one loop in one request: pages and items differ in their URLs."""
    site = call.callsite
    place = call.index.pairs[-1][0] if site is None else (site.file, site.line)
    return call.index.parent, call.method, place
