"""Calls: the outgoing operations of services, their call sites, and the calls of an outage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from urllib.parse import urlsplit

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.vocabulary import Family, counted

# RFC 9110, sections 9.2.1 and 9.2.2.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_REPEATABLE = _SAFE | {"PUT", "DELETE"}

MOST_OF_OUTAGE = 5000
"""Calls that an outage fails at most. A loop of one line is ended before, and is a bug."""

Site = tuple[str, str, int]
"""The service that makes a call, the file and the line."""


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
    :ivar start: when it began, in seconds by the clock of the execution, virtual or real. Times
        differ between executions, so they do not count in comparisons.
    :ivar end: when it ended; ``None`` if it has not, or nobody knows.
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
    start: float = field(default=0.0, compare=False, repr=False)
    end: float | None = field(default=None, compare=False, repr=False)

    @property
    def seconds(self) -> float:
        """How long it took; 0 if nobody knows."""
        return 0.0 if self.end is None else max(self.end - self.start, 0.0)

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

    def begun(self, start: float) -> Call:
        """The call with its start; like :meth:`ended`, faster than ``dataclasses.replace``."""
        return self._with(self.target, self.outcome, start, self.end)

    def ended(self, target: str, outcome: Outcome | None, end: float | None = None) -> Call:
        """The call with its end, and the service that it reached.

        :param target: name of the service.
        :param outcome: its outcome; ``None`` if it has not ended.
        :param end: when it ended.
        """
        return self._with(target, outcome, self.start, end)

    def _with(self, target: str, outcome: Outcome | None, start: float, end: float | None) -> Call:
        """A copy; one or two for each call of each execution."""
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
            start,
            end,
        )

    def describe(self) -> str:
        """The call in words: ``users -> bookings  GET http://bookings:5003/bookings/chris``."""
        return f"{self.source} -> {self.target}  {self.method} {self.url}".rstrip()


@dataclass(frozen=True, slots=True)
class Outage:
    """A fault on every call to a service, or of one call site to it, in an execution.

    >>> Outage("reviews", failed=3).words()
    'every call to reviews (3 calls)'
    >>> Outage("reviews", first=2).words()
    'the first 2 calls to reviews'

    :ivar service: name of the service.
    :ivar places: the hosts with ports, or URLs without scheme and query, where it answers: until it
        does, its name may be unknown.
    :ivar site: the only call site that it applies to; ``None``: to all.
    :ivar first: *flapping*: the number of calls that fail before the service works; ``None``: all.
    :ivar failed: the number of calls that failed, once it is known.
    :ivar attempts: whether all of these were attempts of the same call.
    """

    service: str
    places: tuple[str, ...] = ()
    site: Site | None = None
    first: int | None = None
    failed: int = field(default=0, compare=False)
    attempts: bool = field(default=False, compare=False)

    @property
    def most(self) -> int:
        """The number of calls that it fails at most."""
        return MOST_OF_OUTAGE if self.first is None else self.first

    def covers(self, call: Call) -> bool:
        """Whether it applies to a call, if that is not one too many."""
        is_of_test = not call.source
        if is_of_test or (self.site is not None and self.site != site_of(call)):
            return False
        if call.target == self.service:
            return True
        host, path = place_of_url(call.url)
        return host != "" and (host in self.places or f"{host}{path}" in self.places)

    def ended(self, calls: Iterable[Call]) -> Outage:
        """The outage with the calls that it failed."""
        failed = list(calls)
        alike = {(each.source, each.method, each.url, site_of(each)) for each in failed}
        attempts = len(alike) == 1 and len(failed) > 1
        return replace(self, failed=len(failed), attempts=attempts)

    def words(self) -> str:
        """The calls in words."""
        whose = f" to {self.service}"
        if self.site is not None:
            _, file, line = self.site
            whose += f" from {PurePath(file).name}:{line}"
        if self.first is not None:
            calls = "attempt" if self.attempts else "call"
            number = f"{self.first} {calls}s" if self.first > 1 else calls
            return f"the first {number}{'' if self.attempts else whose}"
        if self.attempts:
            return f"all {self.failed} attempts"
        return f"every call{whose}" + (f" ({counted(self.failed, 'call')})" if self.failed else "")


def site_of(call: Call) -> Site | None:
    """The call site of a call, without the function; ``None``: unknown."""
    site = call.callsite
    return None if site is None else (call.source, site.file, site.line)


def place_of_url(url: str) -> tuple[str, str]:
    """Host with port, and path of a URL.

    >>> place_of_url("http://reviews:5000/reviews/1?page=2")
    ('reviews:5000', '/reviews/1')
    """
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].lower(), parts.path
