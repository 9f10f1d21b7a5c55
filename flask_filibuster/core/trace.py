"""The trace of one execution: its calls, their outcomes, the answers of its handlers, the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.outcome import Outcome

Way: TypeAlias = Literal["connection", "datagram", "process", "fork", "replaced"]
"""How something left the process, or would have, had the test not replaced it."""


@dataclass(frozen=True, slots=True)
class UnexploredCall:
    """Something that left the process during an execution, and that no client explains.

    >>> str(UnexploredCall("connection", "db:5432", CallSite("shop.py", 7, "stock"), count=2))
    'connection to db:5432, 2 times, at shop.py:7 in stock'

    :ivar way: how it left.
    :ivar target: host and port, path of a Unix socket, first word of a command line, name of the
        function that another process runs, or name of the function that the test has replaced.
    :ivar callsite: the application's line behind it; ``None``: none is known, as in a thread of a
        library.
    :ivar url: the URL, if the standard library or the command line names one.
    :ivar count: how often it happened in one execution.
    :ivar apart: the URL of the app whose request made it, if that request took no part in the
        execution. It may have another port in each, so it does not count in comparisons.
    """

    way: Way
    target: str
    callsite: CallSite | None = None
    url: str = ""
    count: int = 1
    apart: str = field(default="", compare=False)

    @property
    def what(self) -> str:
        """What left, in words, without its place."""
        said = {"connection": "connection to ", "datagram": "datagram to ", "process": "process "}
        url = f" ({self.url})" if self.url else ""
        if self.way == "replaced":
            return f"call of {self.target}{url}, which the test replaces"
        return f"{said.get(self.way, 'fork: ')}{self.target}{url}"

    def __str__(self) -> str:
        times = f", {self.count} times" if self.count > 1 else ""
        at = "" if self.callsite is None else f", at {self.callsite}"
        return f"{self.what}{times}{at}"

    def is_in(self, fine: Iterable[str]) -> bool:
        """Whether a list of hosts, ``host:port``, names of commands and of functions includes it.

        >>> call = UnexploredCall("connection", "o7.ingest.sentry.io:443")
        >>> call.is_in([".sentry.io"]), call.is_in(["sentry.io"])
        (True, False)

        :param fine: the list; an entry that begins with a dot means all hosts below it.
        """
        if self.way == "replaced":
            return is_part_of_any(self.target, fine)
        target = self.target.lower()
        host = target.rpartition(":")[0].strip("[]") if ":" in target else target
        return any(
            each in (target, host) or (each[0] == "." and host.endswith(each))
            for each in map(str.lower, fine)
        )


def is_part_of_any(name: str, listed: Iterable[str]) -> bool:
    """Whether a list has a name of Python, or a class or a module that it is part of.

    >>> is_part_of_any("smtplib.SMTP.sendmail", ["smtplib.smtp"])
    True
    >>> is_part_of_any("smtplib.SMTP_SSL", ["smtplib.SMTP"])
    False

    :param name: the name, with dots.
    :param listed: the list; capital letters play no part.
    """
    return any(f"{name}.".lower().startswith(f"{each}.".lower()) for each in listed)


def together(calls: Iterable[UnexploredCall]) -> tuple[UnexploredCall, ...]:
    """Equal unexplored calls as one, with the sum of their counts, in order of appearance."""
    counts: dict[UnexploredCall, int] = {}
    for call in calls:
        key = replace(call, count=1)
        counts[key] = counts.get(key, 0) + call.count
    return tuple(replace(call, count=count) for call, count in counts.items())


@dataclass(frozen=True, slots=True)
class Crash:
    """An exception that the application did not catch.

    :ivar error: class name and message.
    :ivar site: innermost line of the application's own code in the traceback.
    """

    error: str
    site: CallSite | None


@dataclass(frozen=True, slots=True)
class Handling:
    """The handling of one request by one service.

    :ivar index: execution index of the call that caused it.
    :ivar service: name of the service.
    :ivar method: HTTP method.
    :ivar path: path of the request.
    :ivar answer: its answer; ``None`` if it gave none.
    :ivar crash: the exception that ended it, if any.
    """

    index: ExecutionIndex
    service: str
    method: str
    path: str
    answer: Outcome | None = None
    crash: Crash | None = None

    def ended(self, answer: Outcome | None, crash: Crash | None) -> Handling:
        """The handling with its end; ``dataclasses.replace`` takes twice the time."""
        return Handling(self.index, self.service, self.method, self.path, answer, crash)


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """Everything that was observed in one execution.

    :ivar requests: the requests that the test itself made, in order.
    :ivar invocations: the calls made by services, each followed by the calls made below it.
    :ivar handlings: every handled request, by execution index.
    :ivar unexplored: what left the process without being a call, each with its count.
    """

    requests: tuple[Call, ...] = ()
    invocations: tuple[Call, ...] = ()
    handlings: Mapping[ExecutionIndex, Handling] = field(default_factory=dict)
    unexplored: tuple[UnexploredCall, ...] = ()
    _by_index: Mapping[ExecutionIndex, Call] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __repr__(self) -> str:
        requests, calls = len(self.requests), len(self.invocations)
        return f"<Trace: requests of the test: {requests}, calls of services: {calls}>"

    @classmethod
    def of(
        cls,
        calls: Iterable[Call],
        handlings: Iterable[Handling],
        unexplored: tuple[UnexploredCall, ...] = (),
    ) -> Trace:
        """The trace of these records, given in any order."""
        listed = list(calls)
        indexes = {call.index for call in listed}
        children: dict[ExecutionIndex, list[Call]] = {}
        for call in listed:
            parent = call.index.parent
            # A call whose caller is unknown counts as a call of the test.
            children.setdefault(parent if parent in indexes else ROOT, []).append(call)
        for siblings in children.values():
            if len(siblings) > 1:
                siblings.sort(key=lambda call: (call.position, call.index))
        ordered: list[Call] = []
        _add_below(ROOT, children, ordered)
        # Only the test has no name. Calls with a named source can be made to fail.
        requests = [call for call in children.get(ROOT, ()) if not call.source]
        known = {call.index for call in requests}
        # In the order of their calls: the order of arrival of parallel ones is arbitrary.
        handled = {handling.index: handling for handling in handlings}
        places = [call.index for call in ordered if call.index in handled]
        places += sorted(handled.keys() - indexes)
        return cls(
            requests=tuple(requests),
            invocations=tuple(call for call in ordered if call.index not in known),
            handlings={index: handled[index] for index in places},
            unexplored=unexplored,
            _by_index={call.index: call for call in ordered},
        )

    def call(self, index: ExecutionIndex) -> Call | None:
        """The call with that execution index, if any."""
        return self._by_index.get(index)

    def course(self) -> Iterable[Call]:
        """The requests of the test and the calls of services, each followed by those below it."""
        return self._by_index.values()

    def calls(self) -> dict[ExecutionIndex, list[Call]]:
        """The calls of each handler, in order, by the handler's execution index."""
        grouped: dict[ExecutionIndex, list[Call]] = {}
        for call in (*self.requests, *self.invocations):
            parent = call.index.parent
            grouped.setdefault(parent if parent in self._by_index else ROOT, []).append(call)
        return grouped


def _add_below(
    index: ExecutionIndex, children: dict[ExecutionIndex, list[Call]], ordered: list[Call]
) -> None:
    """Add the calls below a call, each followed by those below it."""
    for call in children.get(index, ()):
        ordered.append(call)
        if call.index in children:
            _add_below(call.index, children, ordered)
