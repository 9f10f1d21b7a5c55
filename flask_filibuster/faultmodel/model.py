"""The fault model: the faults of each call."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.urls import service_name
from flask_filibuster.core.vocabulary import DEFAULT_PROFILE, ProfileName
from flask_filibuster.errors import FaultModelError
from flask_filibuster.faultmodel.analysis_file import read_analysis, write_analysis
from flask_filibuster.faultmodel.fault_file import read_fault_file
from flask_filibuster.faultmodel.patterns import pattern_of
from flask_filibuster.faultmodel.profiles import PROFILES
from flask_filibuster.faultmodel.routes import Routes
from flask_filibuster.faultmodel.rules import EVERY_CALL, Rule, faults_of
from flask_filibuster.faultmodel.selection import FaultsOf, fault_of
from flask_filibuster.faultmodel.static_analysis import answered_statuses

DEFAULT_EXCEPTIONS = ("ConnectionError", "Timeout")
DEFAULT_STATUSES = (500, 502, 503)
LONGEST_MARGIN = 3600


class FaultModel:
    """The faults of each call.

    >>> model = FaultModel(statuses={"bookings": (404, 500)}, default_statuses=())
    >>> model.describe()["statuses"]
    {'bookings': [404, 500]}

    :param exceptions: names of exceptions of ``requests.exceptions``, or :class:`Fault` objects for
        further parameters. Timeout exceptions happen only to calls with a timeout.
    :param statuses: statuses by the service reached; a key is a name or a regular expression that
        matches the whole name. If several keys match a service, it gets the statuses of all.
    :param default_statuses: statuses of services that no key matches.
    :param lost_answers: exceptions and statuses that are *also* injected with the call made first,
        so that the callee does its work and its answer is lost.
    :param faults: further faults, of any kind: for every call that they apply to, or for some calls
        by :class:`FaultsOf`. A fault may be a :class:`Fault` (see :meth:`Fault.of`), a status, or
        the name of an exception or of a kind.
    :ivar outages: whether outages are tried, unless the option ``outages`` says otherwise; a
        profile decides.
    :ivar alone: faults that are tried with no others than those needed to reach their call, beside
        those whose kind says so; a profile decides.
    :raises FaultModelError: a name, status or pattern is invalid.
    """

    def __init__(
        self,
        exceptions: Iterable[str | Fault] = DEFAULT_EXCEPTIONS,
        statuses: Mapping[str, Iterable[int]] | None = None,
        default_statuses: Iterable[int] = DEFAULT_STATUSES,
        *,
        lost_answers: Iterable[str | int] = (),
        faults: Iterable[FaultsOf | Fault | int | str] = (),
    ) -> None:
        self.outages = False
        self.alone: frozenset[Fault] = frozenset()
        self._services = {name: _service(name) for name in statuses or {}}
        lost = [_lost(each) for each in _listed("lost_answers", lost_answers)]
        raised = [_raised(each) for each in _listed("exceptions", exceptions)]
        defaults = _answers("default_statuses", default_statuses)
        self._rules = (
            *(Rule(EVERY_CALL, (fault,)) for fault in raised),
            *(Rule(EVERY_CALL, (fault,)) for fault in lost if fault.exception is not None),
            *(
                Rule(EVERY_CALL, _answers(f"statuses[{name!r}]", codes), self._services[name])
                for name, codes in (statuses or {}).items()
            ),
            *((Rule(EVERY_CALL, defaults, is_default=True),) if defaults else ()),
            *(Rule(EVERY_CALL, (fault,)) for fault in lost if fault.exception is None),
            *map(_rule, _listed("faults", faults)),
        )
        for rule in self._rules:
            if rule.only is not None and rule.only.service is not None:
                self._services[rule.only.service] = _service(rule.only.service)

    @classmethod
    def from_services(
        cls,
        services: Mapping[str, Any],
        profile: ProfileName = DEFAULT_PROFILE,
        faults: Iterable[FaultsOf | Fault | int | str] = (),
    ) -> FaultModel:
        """A profile, with the statuses that the routes of these apps can answer with.

        The statuses are read from the source of the apps. A call gets those of the view that it
        reaches, of the hooks before it and of the error handlers; a call that reaches no known view
        gets those of all.

        :param services: apps by base URL, as for ``explore``. An app that is not a Flask app, or
            has no readable source, gets the default statuses.
        :param profile: the profile.
        :param faults: further faults, as for :class:`FaultModel`.
        """
        apps: dict[str, dict[str, Any]] = {}
        for url, app in services.items():
            if hasattr(app, "view_functions"):
                apps.setdefault(service_name(url, app), {})[url] = app
        statuses: dict[str, tuple[int, ...]] = {}
        for name, own in apps.items():
            found = {status for app in own.values() for status in answered_statuses(app)}
            statuses[re.escape(name)] = tuple(sorted(found | {500}))
        chosen = PROFILES[profile]
        model = cls(chosen.exceptions, statuses, faults=(*chosen.faults, *chosen.alone, *faults))
        routes = {_service(re.escape(name)): Routes(own) for name, own in apps.items()}
        model._rules = tuple(
            each if each.service is None else replace(each, routes=routes[each.service])
            for each in model._rules
        )
        model.outages = chosen.outages
        model.alone = frozenset(chosen.alone)
        for name in statuses:
            del model._services[name]  # It is derived, so not misspelt.
        return model

    @classmethod
    def quick(cls, services: Mapping[str, Any] | None = None) -> FaultModel:
        """The profile ``quick``; see :meth:`from_services`."""
        return cls.from_services(services or {}, "quick")

    @classmethod
    def standard(cls, services: Mapping[str, Any] | None = None) -> FaultModel:
        """The profile ``standard``; see :meth:`from_services`."""
        return cls.from_services(services or {}, "standard")

    @classmethod
    def thorough(cls, services: Mapping[str, Any] | None = None) -> FaultModel:
        """The profile ``thorough``; see :meth:`from_services`."""
        return cls.from_services(services or {}, "thorough")

    @classmethod
    def from_file(
        cls, path: str | PathLike[str], services: Mapping[str, Any] | None = None
    ) -> FaultModel:
        """Read a file that lists faults; see the README, "Which faults".

        :param path: the file, in TOML.
        :param services: as for :meth:`from_services`; used if the file names a profile.
        :raises FaultModelError: the file cannot be read, or a fault in it cannot be injected.
        """
        file = read_fault_file(path)
        if file.profile is None:
            return cls((), default_statuses=(), faults=file.faults)
        return cls.from_services(services or {}, file.profile, file.faults)

    @classmethod
    def from_analysis_file(cls, path: str | PathLike[str], *, foreign: bool = False) -> FaultModel:
        """Read a fault model in the format of the Filibuster prototypes (a JSON file).

        Only sections whose pattern can match a call of ``requests`` are used. There are no default
        statuses: a service that the file does not name gets only the exceptions.

        :param path: the file.
        :param foreign: as for :meth:`from_analysis`.
        :raises FaultModelError: the file cannot be read, or a fault in it cannot be injected.
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
        """Read the content of an analysis file; see :meth:`from_analysis_file`.

        The size of ``content`` is bounded; the time to match its patterns is not.

        :param content: the sections by name, as :meth:`to_analysis` returns them.
        :param source: its name in errors.
        :param foreign: keep the sections for libraries other than ``requests``, for services that
            other projects instrument.
        :raises FaultModelError: a fault cannot be injected, or the content is not an analysis.
        """
        model = cls(exceptions=(), default_statuses=())
        model._rules = read_analysis(content, source, foreign=foreign)
        return model

    @classmethod
    def held(cls, margin: float = 0.001, *, lost: bool = False) -> FaultModel:
        """The model that finds misconfigured timeouts: its only faults are slow callees.

        Each call with a timeout is held until just past it, then times out. This exposes a caller
        whose own caller has a shorter timeout, or that retries for longer than its caller waits.
        Real time passes, bounded by ``FILIBUSTER_MAX_SLEEP`` of the waiting app: set it to more
        than the longest timeout.

        :param margin: seconds that a call is held beyond its timeout, with a resolution of one
            nanosecond.
        :param lost: make the call first and let the callee hold it, so that it does its work and
            its answer is lost.
        :raises FaultModelError: the margin is not a number of seconds above 0, or more than an
            hour.
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

        :meth:`from_analysis` turns it into a model with the same faults for the same calls, in the
        same order; except that the format knows services and no routes, so that each call to an
        app of :meth:`from_services` gets the statuses of all its views.

        :raises FaultModelError: no single pattern separates the services with default statuses
            from the others, or the model is too large.
        """
        return write_analysis(self._rules)

    def faults_of(self, call: Call) -> tuple[Fault, ...]:
        """The faults of a call, each once, in the order of the search.

        >>> from flask_filibuster.core.execution_index import ROOT
        >>> call = Call(ROOT, "shop", "stock", "GET", "http://stock/", timeout=(None, None))
        >>> FaultModel(default_statuses=(503,)).faults_of(call)
        (Fault(exception='ConnectionError'), Fault(status=503))

        :param call: the call, with the service reached.
        :returns: the faults by rank; within a rank, in the model's order.
        """
        return faults_of(self._rules, call)

    @property
    def needs_shapes(self) -> bool:
        """Whether some of its faults depend on the parts of JSON answers."""
        return any(fault.kind.needs_shape for rule in self._rules for fault in rule.faults)

    def unmatched(self, reached: Collection[str]) -> tuple[str, ...]:
        """The keys of ``statuses=`` that match no service reached; most of them are misspelt.

        :param reached: names of the services reached.
        """
        return tuple(
            key for key, service in self._services.items() if not any(map(service.match, reached))
        )

    def describe(self) -> dict[str, Any]:
        """The model as plain data, for people and for JSON."""
        described: dict[str, Any] = {
            "exceptions": [],
            "statuses": {},
            "default_statuses": [],
            "lost_answers": [],
        }
        for rule in self._rules:
            faults = [_shown(fault) for fault in rule.faults]
            plain = rule.only is None and all(fault.is_plain for fault in rule.faults)
            if rule.service is not None:
                described["statuses"].setdefault(_name_of(rule), []).extend(faults)
            elif rule.is_default:
                described["default_statuses"].extend(faults)
            elif plain and not any(fault.abort for fault in rule.faults):
                described["lost_answers"].extend(faults)
            elif plain and all(fault.exception is not None for fault in rule.faults):
                described["exceptions"].extend(faults)
            else:
                described.setdefault("faults", []).extend(_in_words(rule))
        return described

    def __repr__(self) -> str:
        return (
            f"FaultModel({', '.join(f'{key}={value}' for key, value in self.describe().items())})"
        )


def _listed(name: str, values: Any) -> tuple[Any, ...]:
    if isinstance(values, str | int):
        raise FaultModelError(f"{name} is {values!r}; it must be a list, even for one value")
    return tuple(values)


def _answers(name: str, statuses: Iterable[int]) -> tuple[Fault, ...]:
    return tuple(Fault(status=status) for status in _listed(name, statuses))


def _service(name: str) -> re.Pattern[str]:
    return pattern_of(f"(?:{name})$")


def _name_of(rule: Rule) -> str:
    """The key of ``statuses`` that a rule belongs to."""
    pattern = rule.service.pattern if rule.service is not None else ""
    return pattern.removeprefix("(?:").removesuffix(")$")


def _shown(fault: Fault) -> str | int | None:
    if not fault.is_plain:
        return str(fault)
    return fault.status if fault.exception is None else fault.exception


def _raised(named: str | Fault) -> Fault:
    fault = named if isinstance(named, Fault) else Fault(exception=named)
    if fault.exception is None:
        raise FaultModelError(f"exceptions has {fault!r}, which is not an exception")
    return fault


def _lost(named: str | int) -> Fault:
    if isinstance(named, str):
        return Fault(exception=named, abort=False)
    return Fault(status=named, abort=False)


def _rule(given: FaultsOf | Fault | int | str) -> Rule:
    if isinstance(given, FaultsOf):
        return Rule(EVERY_CALL, given.faults, only=given.selection, instead=given.instead)
    return Rule(EVERY_CALL, (fault_of(given),))


def _in_words(rule: Rule) -> Iterator[str]:
    """The faults of a rule, each with the calls that it is for, in words."""
    calls = "" if rule.only is None else f" ({rule.only}{'; nothing else' * rule.instead})"
    for fault in rule.faults:
        yield f"{fault}{calls}"
    if not rule.faults:
        yield f"no fault{calls}"
