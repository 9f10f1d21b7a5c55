"""The fault model: which calls can fail how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.urls import service_name
from flask_filibuster.errors import FaultModelError
from flask_filibuster.faultmodel.analysis_file import (
    EVERY_CALL,
    EVERY_SERVICE,
    ExceptionRule,
    StatusRule,
    none_of,
    pattern_of,
    read_analysis,
    write_analysis,
)
from flask_filibuster.faultmodel.static_analysis import answered_statuses

DEFAULT_EXCEPTIONS = ("ConnectionError", "Timeout")
DEFAULT_STATUSES = (500, 502, 503)
LONGEST_MARGIN = 3600


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
            StatusRule(
                EVERY_CALL, pattern_of(f"(?:{name})$"), _answers(f"statuses[{name!r}]", codes)
            )
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
    def from_analysis_file(cls, path: str | PathLike[str], *, foreign: bool = False) -> FaultModel:
        """Read a fault model in the format of the Filibuster prototypes (a JSON file).

        Only sections whose pattern can match a call of ``requests`` are used. There are no default
        statuses: a service that the file does not name has only the exceptions.

        :param path: the file.
        :param foreign: as for :meth:`from_analysis`.
        :raises FaultModelError: the file cannot be read, or something in it cannot be injected.
        """
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
        except (OSError, ValueError, RecursionError) as error:
            raise FaultModelError(f"cannot read the analysis file {path}: {error}") from error
        return cls.from_analysis(content, source=f"analysis file {path}", foreign=foreign)

    @classmethod
    def from_analysis(
        cls, content: Mapping[str, Any], *, source: str = "the analysis", foreign: bool = False
    ) -> FaultModel:
        """Read what is in an analysis file, wherever it came from; see :meth:`from_analysis_file`.

        Size is bounded, whatever ``content`` is. How long its patterns take to match is not.

        :param content: the sections by name, as :meth:`to_analysis` gives them.
        :param source: what to call it in an error.
        :param foreign: keep the sections about other libraries than ``requests``, for services
            that other projects instrument.
        :raises FaultModelError: something in it cannot be injected, or it is no analysis.
        """
        exceptions, statuses = read_analysis(content, source, foreign=foreign)
        model = cls(exceptions=(), default_statuses=())
        model._exceptions = exceptions
        model._statuses = statuses
        return model

    @classmethod
    def held(cls, margin: float = 0.001, *, lost: bool = False) -> FaultModel:
        """The model that looks for misconfigured timeouts: callees that are too slow, no more.

        Each call that has a timeout is held until just past it, then times out. A caller whose own
        caller waits for less, or that retries for longer than anybody waits, shows itself. Real
        time passes, and ``FILIBUSTER_MAX_SLEEP`` of the app that waits bounds it: raise it to more
        than the longest timeout.

        :param margin: seconds that a call is held beyond its timeout; a fraction of a nanosecond
            is not told apart from the next one.
        :param lost: make the call first and let the callee hold it, so that it does its work and
            its answer is lost.
        :raises FaultModelError: the margin is no number of seconds over 0, or more than an hour.
        """
        number = isinstance(margin, int | float) and not isinstance(margin, bool)
        if not number or not 0 < margin <= LONGEST_MARGIN:
            raise FaultModelError(
                f"margin is {margin!r}; it must be a number of seconds over 0, "
                f"at most {LONGEST_MARGIN}"
            )
        seconds = f"{max(margin, 1e-9):.9f}".rstrip("0").rstrip(".")
        sleep = f"@expr(metadata['timeout'])+{seconds}"
        return cls((Fault("Timeout", abort=not lost, sleep=sleep),), default_statuses=())

    def to_analysis(self) -> dict[str, Any]:
        """The model in the format of the Filibuster prototypes, for a JSON file.

        :meth:`from_analysis` makes a model of it that lets the same calls fail in the same ways,
        in the same order.

        :raises FaultModelError: that cannot be done, as there are default statuses and the patterns
            of services cannot be told apart in one, or the model is too large.
        """
        statuses = list(self._statuses)
        if self._defaults:
            others = none_of([rule.service for rule in self._statuses])
            statuses.append(StatusRule(EVERY_CALL, others, self._defaults))
        if self._lost:
            statuses.append(StatusRule(EVERY_CALL, EVERY_SERVICE, self._lost))
        return write_analysis(self._exceptions, statuses)

    def ways(self, invocation: Call) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
        """How the call can fail: the exceptions, then the statuses, each in the model's order."""
        exceptions = (rule.fault for rule in self._exceptions if rule.fits(invocation))
        named = [rule for rule in self._statuses if rule.service.match(invocation.target)]
        answers = [fault for rule in named if rule.applies_to(invocation) for fault in rule.faults]
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
