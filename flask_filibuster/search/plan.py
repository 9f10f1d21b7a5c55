"""Phases: an exploration asks each in turn what to run next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import Purpose
from flask_filibuster.results.execution import Execution


@dataclass(frozen=True, slots=True)
class Plan:
    """A fault set that is to be run.

    :ivar faults: the set.
    :ivar purpose: why: see :class:`Execution`.
    :ivar subject: what the phase itself knows of it.
    """

    faults: FaultSet
    purpose: Purpose
    subject: Any = None


class Phase(Protocol):
    """One reason to run fault sets."""

    @property
    def waiting(self) -> int:
        """How many sets are known to be still to come."""

    def next(self) -> Plan | None:
        """What to run next; the same until it was run."""

    def upcoming(self) -> Iterator[FaultSet]:
        """The sets that, as things stand, come after that; looking on changes nothing."""

    def learned(self, plan: Plan, execution: Execution) -> None:
        """A plan of this phase was carried out."""
