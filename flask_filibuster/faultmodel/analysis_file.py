"""The analysis file of the Filibuster prototypes: rules about faults, as plain data and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from operator import itemgetter
from typing import Any

from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.kinds.raised import PREFIX, TIMEOUTS, exception_name
from flask_filibuster.errors import FaultModelError
from flask_filibuster.faultmodel.patterns import MOST_SHOWN, pattern_of
from flask_filibuster.faultmodel.rules import Rule
from flask_filibuster.faultmodel.selection import Selection
from flask_filibuster.protocol.decisions import fault_metadata, read_kind
from flask_filibuster.protocol.reading import OURS, mapping

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
EVERY_SERVICE = re.compile(".*")

# An analysis may come over the network. Patterns may be long: the pattern of the default rule
# excludes the names in all other rules.
MOST_RULES = 10_000
MOST_IN_A_PATTERN = 10_000
MOST_IN_ALL_PATTERNS = 1_000_000
MOST_IN_A_MESSAGE = 1_000

# the errors of reading nested data of any shape
_UNREADABLE = (
    FaultModelError,
    TypeError,
    AttributeError,
    ValueError,
    OverflowError,
    RecursionError,
)
_NUMBERED = re.compile(r"\\[1-9]|\(\?\([0-9]")


def read_analysis(content: Any, source: str, *, foreign: bool = False) -> tuple[Rule, ...]:
    """The rules of an analysis, in its order.

    The size is bounded; the time to match a pattern is not.

    :param content: the sections by name; any other value is an error.
    :param source: its name in errors.
    :param foreign: whether to keep the sections for libraries other than ``requests``.
    :raises FaultModelError: a fault cannot be injected, or the content is not an analysis.
    """
    reading = _Reading(foreign=foreign)
    try:
        if not isinstance(content, Mapping):
            raise FaultModelError("it must be a JSON object of sections")
        for name, section in content.items():
            reading.section(str(name), section)
    except KeyError as error:
        raise FaultModelError(f"{source}: {error} is missing") from error
    except _UNREADABLE as error:
        raise FaultModelError(f"{source}: {str(error)[:MOST_IN_A_MESSAGE]}") from error
    return tuple(reading.rules)


def write_analysis(rules: Iterable[Rule]) -> dict[str, Any]:
    """The analysis with these rules, as :func:`read_analysis` reads it.

    Exceptions come first, as readers expect the statuses of a service after them.

    :raises FaultModelError: the analysis is too large to read, or no single pattern separates
        default rules from the others.
    """
    listed = list(rules)
    named = [rule.service for rule in listed if rule.service is not None]
    others = none_of(named) if any(rule.is_default for rule in listed) else EVERY_SERVICE
    exceptions, errors = [], []
    for rule in listed:
        raised = [fault for fault in rule.faults if fault.exception is not None]
        answered = [fault for fault in rule.faults if fault.exception is None]
        for fault in raised:
            entry = _exception_entry(fault, rule.restriction) | _selection(rule)
            exceptions.append((_title(fault.library), rule.calls.pattern, entry))
        if answered or not rule.faults:
            service = rule.service or (others if rule.is_default else EVERY_SERVICE)
            entry = _error_entry(service, answered) | _selection(rule)
            errors.append(("http", rule.calls.pattern, entry))
    analysis = {**_sections("exceptions", exceptions), **_sections("errors", errors)}
    # an unreadable analysis fails when it is written, not only when it is read
    read_analysis(analysis, "this model cannot be written")
    return analysis


def none_of(services: Sequence[re.Pattern[str]]) -> re.Pattern[str]:
    """A pattern that matches if none of these matches at the start.

    :raises FaultModelError: no regular expression can express it.
    """
    groups = 0
    for service in services:
        if service.flags != EVERY_SERVICE.flags or (groups and _NUMBERED.search(service.pattern)):
            raise FaultModelError(
                f"cannot write the service {service.pattern!r} together with default statuses: "
                "its pattern has flags or refers to a group by number"
            )
        groups += service.groups
    names = "|".join(service.pattern for service in services)
    return pattern_of(f"(?!{names})") if names else EVERY_SERVICE


class _Reading:
    """One reading of an analysis: its rules so far, and its size.

    :ivar rules: the rules, in order.
    """

    def __init__(self, *, foreign: bool) -> None:
        self._foreign = foreign
        self.rules: list[Rule] = []
        self._counted = 0
        self._characters = 0

    def section(self, name: str, section: Any) -> None:
        """Read one section.

        If its pattern matches no call of ``requests``, the section is for a library that only
        services of other projects know.
        """
        calls = self._pattern(section["pattern"])
        self._count()
        ours = any(calls.match(f"requests.{verb}") for verb in VERBS)
        if not ours and not self._foreign:
            return
        library = REQUESTS if ours else name.partition("#")[0]
        for each in section.get("exceptions", ()):
            self.rules.append(self._exception(calls, each, library))
        for each in section.get("errors", ()):
            self.rules.append(self._error(calls, each))

    def _exception(self, calls: re.Pattern[str], entry: Mapping[str, Any], library: str) -> Rule:
        self._count()
        restriction = entry.get("restrictions")
        if not isinstance(restriction, str | None):
            raise FaultModelError(f"restrictions is {restriction!r}; it must be one name")
        if library == REQUESTS:
            fault = _fault(entry, exception=exception_name(entry["name"]))
        else:
            fault = _foreign(entry, library)
        return Rule(calls, (fault,), restriction=restriction, **_selected(entry))

    def _error(self, calls: re.Pattern[str], entry: Mapping[str, Any]) -> Rule:
        self._count()
        faults = []
        for each in entry["types"]:
            self._count()
            if "return_value" not in each:
                raise FaultModelError(f"return_value is missing in the error type {each!r}")
            faults.append(_fault(each, status=_status_code(each["return_value"]["status_code"])))
        return Rule(calls, tuple(faults), self._pattern(entry["service_name"]), **_selected(entry))

    def _pattern(self, text: Any) -> re.Pattern[str]:
        if not isinstance(text, str):
            raise FaultModelError(f"{text!r} is not a regular expression; it must be a string")
        self._characters += len(text)
        if len(text) > MOST_IN_A_PATTERN or self._characters > MOST_IN_ALL_PATTERNS:
            raise FaultModelError(
                f"its patterns are too long; one may have {MOST_IN_A_PATTERN} characters, "
                f"all together {MOST_IN_ALL_PATTERNS}"
            )
        return pattern_of(text)

    def _count(self) -> None:
        self._counted += 1
        if self._counted > MOST_RULES:
            raise FaultModelError(f"it has more than {MOST_RULES} rules")


def _fault(
    entry: Mapping[str, Any], *, exception: str | None = None, status: int | None = None
) -> Fault:
    metadata = entry.get("metadata") or {}
    kind = read_kind(metadata)
    if kind is not None:
        return Fault(abort=_abort(metadata), sleep=_sleep(metadata), kind=kind)
    return Fault(exception, status, _abort(metadata), _sleep(metadata))


def _foreign(entry: Mapping[str, Any], library: str) -> Fault:
    """A fault of another library; its name is passed through."""
    name, metadata = entry["name"], entry.get("metadata") or {}
    if not isinstance(name, str) or len(name) > MOST_SHOWN:
        raise FaultModelError(
            f"the name of an exception must be a string of at most {MOST_SHOWN} characters"
        )
    details = sorted(
        (str(key)[:MOST_SHOWN], str(value)[:MOST_SHOWN])
        for key, value in metadata.items()
        if key not in ("abort", "sleep")
    )
    return Fault(name, None, _abort(metadata), _sleep(metadata), library, tuple(details))


def _abort(metadata: Mapping[str, Any]) -> bool:
    abort = metadata.get("abort", True)
    if abort not in (True, False):
        raise FaultModelError(f"abort is {abort!r}; it must be true or false")
    return bool(abort)


def _status_code(status: Any) -> int:
    """A status as the prototypes write it: a number, or a number in quotes."""
    if isinstance(status, bool) or (isinstance(status, float) and not status.is_integer()):
        raise FaultModelError(f"cannot answer with status {status!r}")
    return int(status)


def _sleep(metadata: Mapping[str, Any]) -> float | str:
    """A sleep as the prototypes write it: a number, a number in quotes, or an expression."""
    sleep = metadata.get("sleep") or 0.0
    if isinstance(sleep, str):
        try:
            return float(sleep)
        except ValueError:
            return sleep
    if not isinstance(sleep, int | float) or isinstance(sleep, bool):
        raise FaultModelError(f"cannot sleep for {sleep!r}")
    return float(sleep)


def _exception_entry(fault: Fault, restriction: str | None) -> dict[str, Any]:
    if restriction is None and (fault.exception in TIMEOUTS or isinstance(fault.sleep, str)):
        restriction = "timeout"
    prefix = PREFIX if fault.library == REQUESTS else ""
    entry: dict[str, Any] = {"name": f"{prefix}{fault.exception}"}
    if restriction is not None:
        entry["restrictions"] = restriction
    return entry | _metadata(fault)


def _error_entry(service: re.Pattern[str], faults: Iterable[Fault]) -> dict[str, Any]:
    types = [
        {"return_value": {"status_code": str(fault.status)}} | _metadata(fault) for fault in faults
    ]
    return {"service_name": service.pattern, "types": types}


def _metadata(fault: Fault) -> dict[str, Any]:
    metadata = dict(fault.details) | fault_metadata(fault)
    return {"metadata": metadata} if metadata else {}


def _selection(rule: Rule) -> dict[str, Any]:
    """The properties of a rule's calls that only this project reads."""
    if rule.only is None:
        return {}
    return {OURS: {"calls": rule.only.given, "instead": rule.instead}}


def _selected(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a rule for :func:`_selection`."""
    if OURS not in entry:
        return {}
    ours = mapping(entry[OURS], OURS)
    given = mapping(ours.get("calls", {}), "calls")
    unknown = given.keys() - {each.name for each in fields(Selection)}
    if unknown:
        raise FaultModelError(f"unknown properties of calls: {', '.join(sorted(unknown))}")
    return {"only": Selection(**given), "instead": ours.get("instead") is True}


def _title(library: str) -> str:
    return "python.requests" if library == REQUESTS else library


def _sections(
    key: str, entries: Iterable[tuple[str, str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Sections of entries; a new one at each change of title or pattern, as the order matters.

    A suffix ``#…`` makes equal titles unique.
    """
    sections: dict[str, dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    for (title, calls), group in groupby(entries, key=itemgetter(0, 1)):
        counts[title] += 1
        number = counts[title]
        name = title if number == 1 else f"{title}#{number}"
        sections[name] = {"pattern": calls, key: [entry for _, _, entry in group]}
    return sections
