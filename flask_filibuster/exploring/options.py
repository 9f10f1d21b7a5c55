"""How to explore: what a caller, a mark or a command line asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_filibuster.config import Config, check
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.journal.memory import Memory
from flask_filibuster.search.explorer import Explorer

RETRIES = 1
SENT = (
    "reduction",
    "max_faults",
    "max_executions",
    "max_seconds",
    "check_determinism",
    "exhaustive",
    "audit",
    "audit_seed",
)
"""The options that a server elsewhere is told of as they are."""

_CONFIGURED = ("reduction", "max_faults", "max_executions", "max_seconds", "check_determinism")


@dataclass(frozen=True, slots=True)
class Options:
    """How to explore; ``None`` is what the services' configuration says, or else not to.

    :ivar faults: which calls can fail how.
    :ivar reduction: ``"equivalence"``, ``"exact"`` or ``"none"``.
    :ivar max_faults: faults at a time, at most, without those that it takes to reach a call.
    :ivar max_executions: how many test executions to run.
    :ivar max_seconds: for how long to begin new test executions, in seconds.
    :ivar check_determinism: whether to run the fault-free execution twice.
    :ivar exhaustive: whether to run what reduction has left out, after the rest.
    :ivar audit: how many sets of those that reduction has left out to run as a sample.
    :ivar audit_seed: of the choice of these.
    """

    faults: FaultModel | None = None
    reduction: str | None = None
    max_faults: int | None = None
    max_executions: int | None = None
    max_seconds: float | None = None
    check_determinism: bool | None = None
    exhaustive: bool | None = None
    audit: int | None = None
    audit_seed: int | None = None

    def __post_init__(self) -> None:
        if self.faults is not None and not isinstance(self.faults, FaultModel):
            raise SetupError(f"faults is {self.faults!r}; it must be a FaultModel, or None")
        for name in _CONFIGURED:
            value = getattr(self, name)
            if value is not None:
                check(name, value, name)
        if self.exhaustive is not None and not isinstance(self.exhaustive, bool):
            raise ConfigError("exhaustive", self.exhaustive, "True or False")
        for name in ("audit", "audit_seed"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 0):
                raise ConfigError(name, value, "a whole number from 0")

    def explorer(
        self, services: Mapping[str, Any], config: Config, memory: Memory | None = None
    ) -> Explorer:
        """The search that these options ask for.

        :param services: apps by base URL, to be read for their statuses where no fault model is
            given and none configured.
        :param config: what to use for options that are ``None``.
        :param memory: keeps the executions, and has some already, if there is any.
        """
        faults = self.faults
        if faults is None and config.analysis_file is not None:
            faults = FaultModel.from_analysis_file(config.analysis_file)
        if faults is None:
            faults = FaultModel.from_services(services)
        determinism = self.check_determinism
        return Explorer(
            faults,
            reduction=self.reduction or config.reduction,
            max_faults=self.max_faults or config.max_faults,
            max_executions=self.max_executions or config.max_executions,
            max_seconds=self.max_seconds or config.max_seconds,
            check_determinism=config.check_determinism if determinism is None else determinism,
            exhaustive=self.exhaustive or False,
            audit=self.audit or 0,
            seed=self.audit_seed or 0,
            retries=RETRIES,
            memory=memory,
        )
