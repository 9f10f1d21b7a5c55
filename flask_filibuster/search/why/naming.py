"""Faults by their names, as reports print them."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import TypeAlias

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.errors import FaultNameError
from flask_filibuster.results.counterexample import Counterexample

Asked: TypeAlias = (
    "str | os.PathLike[str] | FaultSet | PlannedFault | Counterexample | Iterable[object]"
)
"""A fault set: itself, a counterexample or its file, or names of faults."""

NONE = "no faults"
_NUMBERED = re.compile(r"(.*\S)\s+#([1-9][0-9]{0,4})")
_MOST = 5
_MOST_READINGS = 100


def readings_of(asked: Asked, known: Sequence[PlannedFault]) -> Sequence[FaultSet]:
    """The fault sets that may be meant, the first calls of each name first.

    A fault has the names under which reports know it: ``reviews ConnectionError``, or the call and
    the fault, ``shop -> reviews  GET http://reviews:5000/  raises ConnectionError``. Several are
    separated by a semicolon and a space. ``#2`` after a name is the second call of that name;
    without a number, the name is that of any call that looks alike, such as another attempt.

    :param asked: see :data:`Asked`.
    :param known: the faults of the exploration, in the order of their calls.
    :raises FaultNameError: a name is unknown, or means faults of several calls.
    :raises CounterexampleError: the file is no counterexample.
    """
    if isinstance(asked, FaultSet):
        return (asked,)
    names = _Names(known)
    options = list(names.options(asked))
    readings = (
        FaultSet(each)
        for each in product(*options)
        if len({(planned.index, planned.outage) for planned in each}) == len(each)
    )
    found = list(islice(readings, _MOST_READINGS))
    if not found:
        raise FaultNameError(str(asked), (), ambiguous=True)
    return found


def _is_file(asked: object) -> bool:
    return isinstance(asked, str) and asked.endswith(".json") and " " not in Path(asked).name


class _Names:
    """The faults of an exploration by their names.

    :param known: the faults, in the order of their calls.
    """

    def __init__(self, known: Sequence[PlannedFault]) -> None:
        self._by_name: dict[str, list[PlannedFault]] = {}
        self._shown: dict[str, str] = {}
        for planned in known:
            for name in names_of(planned):
                self._by_name.setdefault(_plain(name), []).append(planned)
            self._shown.setdefault(_plain(short_name(planned)), short_name(planned))

    def options(self, asked: Asked) -> Iterator[Sequence[PlannedFault]]:
        """For each fault that is asked about, those that may be meant."""
        if isinstance(asked, PlannedFault):
            yield (asked,)
        elif isinstance(asked, Counterexample):
            yield from ((each,) for each in asked.fault_set)
        elif isinstance(asked, os.PathLike) or _is_file(asked):
            yield from self.options(Counterexample.read(str(asked)))
        elif not isinstance(asked, str):
            for each in asked:
                yield from self.options(each)  # type: ignore[arg-type]
        elif _plain(asked) not in ("", NONE, "none"):
            yield from map(self._find, filter(None, re.split(r";(?:\s+|$)", asked.strip())))

    def _find(self, name: str) -> Sequence[PlannedFault]:
        """The faults of a name: of all calls that look alike."""
        matched, number = self._by_name.get(_plain(name)), None
        if matched is None and (numbered := _NUMBERED.fullmatch(name)):
            matched, number = self._by_name.get(_plain(numbered[1])), int(numbered[2])
        if matched is None:
            raise FaultNameError(name, self._nearest(name))
        # A gateway's page of 502 is a 502, too, but one with a name of its own.
        matched = [each for each in matched if each.fault.is_plain] or matched
        calls = list(dict.fromkeys(each.index for each in matched))
        if number is not None:
            if number > len(calls):
                raise FaultNameError(name, [f"{name.rpartition('#')[0].strip()} #{len(calls)}"])
            matched = [each for each in matched if each.index == calls[number - 1]]
        if len({str(each) for each in matched}) != 1:
            numbers = {index: at for at, index in enumerate(calls, start=1)}
            meant = [f"{each} ({name} #{numbers[each.index]})" for each in matched]
            raise FaultNameError(name, meant, ambiguous=True)
        return matched

    def _nearest(self, name: str) -> list[str]:
        plain = _plain(name)
        near = difflib.get_close_matches(plain, self._by_name, n=_MOST, cutoff=0.5)
        service = plain.partition(" ")[0]
        of_service = [each for each in self._shown if each.partition(" ")[0] == service]
        shown = [self._shown[_plain(short_name(self._by_name[each][0]))] for each in near]
        others = [self._shown[each] for each in (of_service or self._shown)]
        return list(dict.fromkeys((*shown, *others)))[:_MOST]


def _plain(name: str) -> str:
    """A name without what is a matter of taste: capital letters, spaces, colons after words."""
    return " ".join(each.rstrip(":,") for each in name.lower().split())


def short_name(planned: PlannedFault) -> str:
    """The shortest name of a fault: the service, and what its caller sees."""
    fault = planned.fault
    what = str(fault.outcome) if fault.is_plain else fault.kind.name
    if planned.outage is None:
        return f"{planned.service} {what}"
    return f"{replace(planned.outage, failed=0, attempts=False).words()}: {what}"


def names_of(planned: PlannedFault) -> Iterator[str]:
    """All names of a fault."""
    call, fault = planned.call, planned.fault
    seen = [str(fault.outcome), str(fault), fault.words(call.timeout), fault.kind.name]
    seen = list(dict.fromkeys(seen if not fault.is_plain else seen[:3]))
    if fault.is_plain and fault.abort:
        seen += [str(fault.exception or fault.status)]
    reaches = [
        call.target,
        f"{call.source} -> {call.target}",
        f"{call.source} -> {call.target} {call.method} {call.url}",
        f"{call.method} {call.url}",
    ]
    if planned.outage is not None:
        which = planned.outage, replace(planned.outage, failed=0, attempts=False)
        words = [each.words() for each in which]
        reaches = [*words, *(f"{each}: {call.describe()}" for each in words)]
        reaches.append(f"outage of {planned.service}")
    yield from dict.fromkeys(f"{where} {what}" for where in reaches for what in seen)
