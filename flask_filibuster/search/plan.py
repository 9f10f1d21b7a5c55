"""Phases: the sources of the fault sets to run, one after the other."""

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
    """A fault set to run next.

    :ivar faults: the set.
    :ivar purpose: its purpose, see :class:`Execution`.
    :ivar subject: the phase's own data.
    :ivar predicted: its prediction, to avoid computing it again.
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
        """Number of known sets to come."""

    def next(self) -> Plan | None:
        """The next plan; the same until it was run."""

    def upcoming(self) -> Iterator[FaultSet]:
        """The sets after the next plan, as far as known; has no side effects."""

    def learned(self, plan: Plan, execution: Execution, seen: Prediction | None) -> None:
        """A plan of this phase was executed.

        :param seen: the new prediction for the set; ``None`` if nothing was learned.
        """
