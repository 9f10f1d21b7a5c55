"""The fault model: which calls can fail how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import Any

from flask_filibuster.core.faults import Fault, exception_name
from flask_filibuster.core.services import service_name
from flask_filibuster.core.static_analysis import answered_statuses
from flask_filibuster.core.trace import Invocation
from flask_filibuster.errors import FaultModelError

DEFAULT_EXCEPTIONS = ("ConnectionError", "Timeout")
DEFAULT_STATUSES = (500, 502, 503)
VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
EVERY_CALL = re.compile(r"requests\.")


@dataclass(frozen=True, slots=True)
class ExceptionRule:
    """Calls whose ``module.method`` matches ``calls`` can end in ``fault``."""

    calls: re.Pattern[str]
    fault: Fault
    restriction: str | None = None

    def fits(self, invocation: Invocation) -> bool:
        """Whether the call's method, timeout and other properties allow this fault."""
        if self.restriction == "timeout" and not invocation.has_timeout:
            return False
        if self.restriction == "ssl" and not invocation.url.startswith("https:"):
            return False
        if self.restriction not in (None, "timeout", "ssl"):
            return False
        return _matches(self.calls, invocation) and self.fault.fits_timeout(invocation.timeout)


@dataclass(frozen=True, slots=True)
class StatusRule:
    """Calls that match ``calls`` and reach a service that matches ``service`` can answer so."""

    calls: re.Pattern[str]
    service: re.Pattern[str]
    faults: tuple[Fault, ...]


class FaultModel:
    """Which calls can fail how.

    :param exceptions: names of exceptions of ``requests.exceptions``, or :class:`Fault` objects for
        more than a name says. Those about timeouts happen only to calls that have one.
    :param statuses: statuses by the service reached; a key is a name or a regular expression that
        fits the whole name. A service that several keys fit can answer with the statuses of all.
    :param default_statuses: statuses of services that no key fits.
    :param lost_answers: exceptions and statuses that are *also* injected with the call made first,
        so that the callee does its work and its answer is lost.
    :raises FaultModelError: a name, status or pattern that cannot be injected or used.
    """

    def __init__(
        self,
        exceptions: Iterable[str | Fault] = DEFAULT_EXCEPTIONS,
        statuses: Mapping[str, Iterable[int]] | None = None,
        default_statuses: Iterable[int] = DEFAULT_STATUSES,
        *,
        lost_answers: Iterable[str | int] = (),
    ) -> None:
        lost = tuple(_lost(each) for each in _listed("lost_answers", lost_answers))
        self._exceptions = tuple(
            ExceptionRule(EVERY_CALL, fault)
            for fault in (
                *(_raised(each) for each in _listed("exceptions", exceptions)),
                *(fault for fault in lost if fault.exception is not None),
            )
        )
        self._lost = tuple(fault for fault in lost if fault.status is not None)
        self._statuses = tuple(
            StatusRule(EVERY_CALL, _pattern(f"(?:{name})$"), _answers(f"statuses[{name!r}]", codes))
            for name, codes in (statuses or {}).items()
        )
        self._defaults = _answers("default_statuses", default_statuses)

    @classmethod
    def from_services(cls, services: Mapping[str, Any]) -> FaultModel:
        """The statuses that the views of these apps can answer with, read from their source.

        :param services: apps by base URL, as for ``explore``. What is not a Flask app, and what
            cannot be read, gets the default statuses.
        """
        statuses = {
            re.escape(service_name(url, app)): tuple(sorted(answered_statuses(app) | {500}))
            for url, app in services.items()
            if hasattr(app, "view_functions")
        }
        return cls(statuses=statuses)

    @classmethod
    def from_analysis_file(cls, path: str | PathLike[str]) -> FaultModel:
        """Read a fault model in the format of the Filibuster prototypes (a JSON file).

        Only sections whose pattern can match a call of ``requests`` are used. There are no default
        statuses: a service that the file does not name has only the exceptions.

        :raises FaultModelError: the file cannot be read, or something in it cannot be injected.
        """
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError, RecursionError) as error:
            raise FaultModelError(f"cannot read the analysis file {path}: {error}") from error
        try:
            return cls._from_analysis(content)
        except (FaultModelError, KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise FaultModelError(f"analysis file {path}: {what}") from error

    @classmethod
    def _from_analysis(cls, content: Any) -> FaultModel:
        if not isinstance(content, dict):
            raise FaultModelError("it must be a JSON object of sections")
        exceptions: list[ExceptionRule] = []
        statuses: list[StatusRule] = []
        for section in content.values():
            calls = _pattern(section["pattern"])
            if not any(calls.match(f"requests.{verb}") for verb in VERBS):
                continue
            exceptions += (_exception_rule(calls, each) for each in section.get("exceptions", ()))
            statuses += (_status_rule(calls, each) for each in section.get("errors", ()))
        model = cls(exceptions=(), default_statuses=())
        model._exceptions = tuple(exceptions)
        model._statuses = tuple(statuses)
        return model

    def ways(self, invocation: Invocation) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
        """How the call can fail: the exceptions, then the statuses, each in the model's order."""
        exceptions = (rule.fault for rule in self._exceptions if rule.fits(invocation))
        named = [rule for rule in self._statuses if rule.service.match(invocation.target)]
        answers = [
            fault for rule in named if _matches(rule.calls, invocation) for fault in rule.faults
        ]
        if not named:
            answers += self._defaults
        return tuple(dict.fromkeys(exceptions)), tuple(dict.fromkeys((*answers, *self._lost)))

    def describe(self) -> dict[str, Any]:
        """The model as plain data, for people and for JSON."""
        statuses: dict[str, list[int | None]] = {}
        for rule in self._statuses:
            name = rule.service.pattern.removeprefix("(?:").removesuffix(")$")
            statuses.setdefault(name, []).extend(fault.status for fault in rule.faults)
        return {
            "exceptions": [rule.fault.exception for rule in self._exceptions if rule.fault.abort],
            "statuses": statuses,
            "default_statuses": [fault.status for fault in self._defaults],
            "lost_answers": [
                *(rule.fault.exception for rule in self._exceptions if not rule.fault.abort),
                *(fault.status for fault in self._lost),
            ],
        }

    def __repr__(self) -> str:
        return (
            f"FaultModel({', '.join(f'{key}={value}' for key, value in self.describe().items())})"
        )


def _listed(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, str | int):
        raise FaultModelError(f"{name} is {values!r}; it must be a list, even of one")
    return tuple(values)


def _answers(name: str, statuses: Iterable[int]) -> tuple[Fault, ...]:
    return tuple(Fault(status=status) for status in _listed(name, statuses))


def _raised(way: str | Fault) -> Fault:
    fault = way if isinstance(way, Fault) else Fault(exception=way)
    if fault.exception is None:
        raise FaultModelError(f"exceptions has {fault!r}, which is no exception")
    return fault


def _lost(way: str | int) -> Fault:
    return (
        Fault(exception=way, abort=False)
        if isinstance(way, str)
        else Fault(status=way, abort=False)
    )


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise FaultModelError(f"{text!r} is not a regular expression: {error}") from error


def _matches(calls: re.Pattern[str], invocation: Invocation) -> bool:
    return calls.match(f"requests.{invocation.method.lower()}") is not None


def _exception_rule(calls: re.Pattern[str], entry: Mapping[str, Any]) -> ExceptionRule:
    fault = _fault(entry, exception=exception_name(entry["name"]))
    return ExceptionRule(calls, fault, entry.get("restrictions"))


def _status_rule(calls: re.Pattern[str], entry: Mapping[str, Any]) -> StatusRule:
    faults = []
    for each in entry["types"]:
        if "return_value" not in each:
            raise FaultModelError(f"an error type without return_value: {each!r}")
        faults.append(_fault(each, status=int(each["return_value"]["status_code"])))
    return StatusRule(calls, _pattern(entry["service_name"]), tuple(faults))


def _fault(
    entry: Mapping[str, Any], *, exception: str | None = None, status: int | None = None
) -> Fault:
    metadata = entry.get("metadata") or {}
    sleep = metadata.get("sleep") or 0.0
    return Fault(exception, status, bool(metadata.get("abort", True)), _seconds(sleep))


def _seconds(sleep: Any) -> float | str:
    """A sleep as the prototypes write it: a number, a number in quotes, or an expression."""
    if isinstance(sleep, str):
        try:
            return float(sleep)
        except ValueError:
            return sleep
    if not isinstance(sleep, int | float):
        raise FaultModelError(f"cannot sleep for {sleep!r}")
    return float(sleep)
