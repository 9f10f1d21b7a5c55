"""The options of an exploration, from Python, a mark, a project file or a command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from os import PathLike
from typing import Any, Final, cast

from flask_filibuster.config import Config
from flask_filibuster.core.vocabulary import DEFAULT_PROFILE, ProfileName
from flask_filibuster.errors import SetupError
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.faultmodel.profiles import PROFILES
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.options.app import MAX_EXECUTIONS, MAX_SECONDS
from flask_filibuster.options.layers import check_together
from flask_filibuster.options.option import declared
from flask_filibuster.options.table import Explored, Frontend, Shared, rows
from flask_filibuster.results.oracles.base import Oracle
from flask_filibuster.results.oracles.registry import oracles_of
from flask_filibuster.results.oracles.waiting.too_long import TooLong
from flask_filibuster.results.unexplored import UnexploredPolicy
from flask_filibuster.search.explorer import Explorer

RETRIES = 1
_LIMITS: Final = ("max_executions", "max_seconds")
MadeOf = Callable[[Mapping[str, Any], ProfileName], FaultModel]
"""Makes a fault model of apps by base URL and a profile."""

SENT: tuple[str, ...] = tuple(each.name for each in rows("server"))
"""The options that a driver sends to a remote server unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Explored):
    """The options of the table, and a fault model.

    ``None`` is "not given": the configuration of the services applies, else the default. Values are
    checked and have their final form.

    :ivar faults: the fault model, the name of a profile, or the path of a file that lists faults.
    :raises ConfigError: a value is invalid.
    :raises SetupError: two options contradict each other.

    >>> Options(max_faults=2).over(Config(max_faults=1, audit=5)).audit
    5
    """

    faults: FaultModel | str | PathLike[str] | None = field(default=None, kw_only=False)

    def __post_init__(self) -> None:
        if not isinstance(self.faults, FaultModel | str | PathLike | None):
            raise SetupError(
                f"faults is {self.faults!r}; it must be a FaultModel, the name of a profile, or "
                "the path of a file"
            )
        row: Any = type(self)  # A checker sees the __hash__ of its instances.
        for each in declared(row):
            value = getattr(self, each.name)
            if value is not None:
                object.__setattr__(self, each.name, each.check(value))
        if self.oracles:
            oracles_of(self.oracles)  # Where they are given, and not when the first is needed.
        check_together({each.name: getattr(self, each.name) for each in fields(self)})

    def over(self, config: Config) -> Options:
        """These options, with the values of a configuration for those that are not given.

        :param config: the settings of the services.
        :raises SetupError: they contradict each other.
        """
        if (self.resume or self.changed) and self.journal is None and config.journal is False:
            raise SetupError("resume and changed need a journal, but FILIBUSTER_JOURNAL is None")
        changes: dict[str, Any] = {
            each.name: getattr(config, each.name)
            for each in declared(Shared)
            if getattr(self, each.name) is None
        }
        if self.slow or self.faults is not None:
            changes["analysis_file"] = None
        elif self.analysis_file is None and config.faults is not None:
            changes |= {"faults": config.faults, "analysis_file": None}
        if self.settle is None:
            changes["settle"] = config.timeout
        return replace(self, **changes)

    @property
    def journal_path(self) -> str | None:
        """The file of the journal; ``None``: not given, or switched off."""
        return self.journal if isinstance(self.journal, str) else None

    @property
    def judges(self) -> tuple[Oracle, ...]:
        """The oracles that executions are judged by."""
        if self.max_latency is None:
            return oracles_of(self.oracles)
        return oracles_of((*(self.oracles or ()), TooLong(self.max_latency)))

    def model(
        self,
        services: Mapping[str, Any],
        *,
        foreign: bool = False,
        made: MadeOf = FaultModel.from_services,
    ) -> FaultModel | None:
        """The fault model that these options give.

        :param services: apps by base URL, whose views supply the statuses if no option does.
        :param foreign: whether other projects may instrument the services.
        :param made: makes the model of these apps.
        :returns: ``None`` if no option gives one and there are no services.
        :raises FaultModelError: the file that gives it cannot be used.
        """
        chosen = self.faults
        if isinstance(chosen, FaultModel):
            return chosen
        if chosen in PROFILES:
            return made(services, cast("ProfileName", chosen))
        if chosen is not None:
            return FaultModel.from_file(chosen, services)
        if self.slow:
            return FaultModel.held()
        if self.analysis_file is not None:
            return FaultModel.from_analysis_file(self.analysis_file, foreign=foreign)
        return made(services, DEFAULT_PROFILE) if services else None

    def explorer(
        self,
        services: Mapping[str, Any],
        config: Config,
        recorder: Recorder | None = None,
        *,
        made: MadeOf = FaultModel.from_services,
    ) -> Explorer:
        """The search with these options.

        :param services: apps by base URL, as for :meth:`model`.
        :param config: supplies the options that are not given.
        :param recorder: records executions and recalls earlier ones; ``None``: no journal.
        :param made: as for :meth:`model`.
        """
        chosen = self.over(config)
        model = chosen.model(services, made=made) or made(services, DEFAULT_PROFILE)
        searching: dict[str, Any] = {
            "reduction": chosen.reduction or "equivalence",
            "max_faults": chosen.max_faults,
            "max_executions": chosen.max_executions or MAX_EXECUTIONS,
            "max_seconds": chosen.max_seconds or MAX_SECONDS,
            "fail_fast": chosen.fail_fast or False,
            "outages": model.outages if chosen.outages is None else chosen.outages,
            "check_determinism": chosen.check_determinism is not False,
            "exhaustive": chosen.exhaustive or False,
            # 0 is the default of the configuration: only an option switches the suspects off.
            "audit": chosen.audit or self.audit,
            "seed": chosen.audit_seed or 0,
            "retries": RETRIES,
        }
        if recorder is not None:
            recorder.keep_settings(searching)
        return Explorer(
            model,
            **searching,
            assumed=tuple(name for name in _LIMITS if getattr(chosen, name) is None),
            recorder=recorder,
            oracles=chosen.judges,
            policy=UnexploredPolicy.of(chosen.unexplored or ()),
        )


@dataclass(frozen=True, slots=True)
class Settings(Options, Frontend):
    """The options of an exploration that pytest or a command runs."""
