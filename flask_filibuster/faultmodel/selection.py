"""Faults of some calls only: chosen by service, route, method, call site and tier."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.registry import known_kinds
from flask_filibuster.errors import FaultModelError
from flask_filibuster.faultmodel.patterns import pattern_of

# <name>, <int:name> and <path:name> as in a Flask route, and * as in a shell.
_VARIABLE = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>|\*")
_AT_A_LINE = re.compile(r"(?P<file>.+):(?P<line>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which calls: those that have all the properties given.

    :ivar service: name of the service reached, or a regular expression that matches all of it.
    :ivar route: path of the URL called; ``*``, ``<name>`` and ``<int:name>`` stand for anything up
        to the next slash, ``<path:name>`` also for slashes.
    :ivar method: the HTTP method, or the operation of another client.
    :ivar call_site: where the call is made: ``"views.py"``, ``"shop/views.py:31"``, or the name of
        a function.
    :ivar tier: 1 for calls of the services that the test itself reaches, 2 for those of the
        services below, and so on.
    :ivar writes: ``True``: only calls that may change something at the callee; ``False``: only the
        others.
    :raises FaultModelError: a value does not fit.
    """

    service: str | None = None
    route: str | None = None
    method: str | None = None
    call_site: str | None = None
    tier: int | None = None
    writes: bool | None = None

    def __post_init__(self) -> None:
        for name in ("service", "route", "method", "call_site"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise FaultModelError(f"{name} is {value!r}; it must be a text")
        if self.service is not None:
            pattern_of(_whole(self.service))
        if self.route is not None and not self.route.startswith("/"):
            raise FaultModelError(f"route is {self.route!r}; it must be a path like '/items/<id>'")
        if self.tier is not None and (type(self.tier) is not int or self.tier < 1):
            raise FaultModelError(f"tier is {self.tier!r}; it must be a whole number from 1")
        if self.writes is not None and not isinstance(self.writes, bool):
            raise FaultModelError(f"writes is {self.writes!r}; it must be True or False")

    def has(self, call: Call) -> bool:
        """Whether a call is one of these."""
        return (
            (self.service is None or bool(pattern_of(_whole(self.service)).match(call.target)))
            and (self.method is None or self.method.upper() == call.method)
            and (self.route is None or _is_on(self.route, call.url))
            and (self.call_site is None or _is_at(self.call_site, call))
            and (self.tier is None or call.index.depth == self.tier + 1)
            and (self.writes is None or self.writes is not call.is_safe)
        )

    @property
    def given(self) -> dict[str, Any]:
        """The properties that are given, by name."""
        values = ((each.name, getattr(self, each.name)) for each in fields(Selection))
        return {name: value for name, value in values if value is not None}

    def __str__(self) -> str:
        given = self.given
        writes = given.pop("writes", None)
        words = [f"{name.replace('_', ' ')} {value}" for name, value in given.items()]
        if writes is not None:
            words.append("writing" if writes else "reading")
        return f"calls: {', '.join(words)}" if words else "every call"


@dataclass(frozen=True, init=False)
class FaultsOf:
    """Faults of some calls, for ``FaultModel(faults=[…])``.

    >>> model = FaultsOf(503, "Timeout", service="reviews", method="GET")
    >>> str(model)
    'calls: service reviews, method GET'
    >>> model.faults
    (Fault(status=503), Fault(exception='Timeout'))

    :param faults: what can happen to these calls: :class:`~flask_filibuster.Fault` objects,
        statuses, names of exceptions of ``requests.exceptions``, names of kinds of fault.
    :param service: as for :class:`Selection`, like those that follow.
    :param route: path of the URL called.
    :param method: the HTTP method or operation.
    :param call_site: where the call is made.
    :param tier: the number of services between the test and the call.
    :param writes: whether the call may change something.
    :param instead: whether only these faults, and those of other selections with ``instead``, can
        happen to the calls; without faults: none.
    :raises FaultModelError: a value does not fit.
    """

    faults: tuple[Fault, ...]
    selection: Selection
    instead: bool = field(default=False)

    def __init__(
        self,
        *faults: Fault | int | str,
        service: str | None = None,
        route: str | None = None,
        method: str | None = None,
        call_site: str | None = None,
        tier: int | None = None,
        writes: bool | None = None,
        instead: bool = False,
    ) -> None:
        selection = Selection(service, route, method, call_site, tier, writes)
        if not isinstance(instead, bool):
            raise FaultModelError(f"instead is {instead!r}; it must be True or False")
        if not faults and not instead:
            raise FaultModelError(f"no fault is named for {selection}")
        object.__setattr__(self, "faults", tuple(map(fault_of, faults)))
        object.__setattr__(self, "selection", selection)
        object.__setattr__(self, "instead", instead)

    def __str__(self) -> str:
        return str(self.selection)


def fault_of(named: object) -> Fault:
    """A fault, by what names it in short.

    :param named: a fault, a status, the name of an exception or of a kind.
    :raises FaultModelError: it names none.
    """
    if isinstance(named, Fault):
        return named
    if isinstance(named, str):
        return Fault.of(named) if named in known_kinds() else Fault(exception=named)
    if type(named) is int:
        return Fault(status=named)
    raise FaultModelError(
        f"{named!r} is no fault; it must be a Fault, a status, or the name of an exception or of "
        f"a kind of fault ({', '.join(known_kinds())})"
    )


def _whole(service: str) -> str:
    return f"(?:{service})$"


def _is_on(route: str, url: str) -> bool:
    return _route(route).fullmatch(unquote(urlsplit(url).path) or "/") is not None


@lru_cache(maxsize=64)
def _route(route: str) -> re.Pattern[str]:
    pattern, done = "", 0
    for found in _VARIABLE.finditer(route):
        anything = ".+" if found[1] == "path" else "[^/]+" if found[0] != "*" else "[^/]*"
        pattern += re.escape(route[done : found.start()]) + anything
        done = found.end()
    return re.compile(pattern + re.escape(route[done:]))


def _is_at(place: str, call: Call) -> bool:
    site = call.callsite
    if site is None:
        return False
    at = _AT_A_LINE.fullmatch(place)
    if at is not None:
        return site.line == int(at["line"]) and _is_file(at["file"], site.file)
    if place.endswith(".py"):
        return _is_file(place, site.file)
    return site.function == place or site.function.endswith(f".{place}")


def _is_file(named: str, file: str) -> bool:
    wanted, parts = PurePath(named).parts, PurePath(file).parts
    return parts[-len(wanted) :] == wanted
