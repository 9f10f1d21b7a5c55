"""Phases: an exploration asks each in turn what to run next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import Purpose
from flask_filibuster.results.execution import Execution
from flask_filibuster.search.nodes import Prediction


@dataclass(frozen=True, slots=True)
class Plan:
    """A fault set that is to be run.

    :ivar faults: the set.
    :ivar purpose: why: see :class:`Execution`.
    :ivar subject: what the phase itself knows of it.
    :ivar predicted: what was predicted of it, so that nobody has to do so again.
    """

    faults: FaultSet
    purpose: Purpose
    subject: Any = None
    predicted: Prediction | None = None

    def __repr__(self) -> str:
        return f"<Plan {self.purpose}: {self.faults!r}>"


class Phase(Protocol):
    """One reason to run fault sets."""

    @property
    def waiting(self) -> int:
        """How many sets are known to be still to come."""

    def next(self) -> Plan | None:
        """What to run next; the same until it was run."""

    def upcoming(self) -> Iterator[FaultSet]:
        """The sets that, as things stand, come after that; looking on changes nothing."""

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """A plan of this phase was carried out.

        :param seen: what is predicted of the set from now on; ``None`` where nothing was learned.
        """
