"""Candidates: fault sets that may be worth running, with where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_filibuster.core.fault_set import FaultSet, PlannedFault

if TYPE_CHECKING:
    from flask_filibuster.exploration.spots import Spot


class Candidate:
    """A fault set that waits to be judged.

    :ivar faults: the set.
    :ivar spot: the call that its last fault is planned for, in its context; ``None`` where a
        reduction does not ask for it.
    """

    __slots__ = ("faults", "spot")

    def __init__(self, faults: FaultSet, spot: Spot | None = None) -> None:
        self.faults = faults
        self.spot = spot

    @property
    def last(self) -> PlannedFault:
        """Its last fault."""
        return self.faults.last
