"""A fault set that was predicted showed something else when it was run."""

from __future__ import annotations

from flask_filibuster.results.findings import REDUCTION
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class ReductionDoesNotHold(Oracle):
    """A handler did something else than reduction had predicted.

    Why it matters: fault sets are pruned because of such predictions. A service that remembers
    which fault it met, and acts on that later, can have bugs that were pruned.

    How to mend it: explore with ``reduction="exact"`` or ``exhaustive=True``, or with a larger
    ``audit``.
    """

    name = REDUCTION
    severity = "warning"

    def look(self, seen: Seen) -> tuple[Sighting, ...]:  # noqa: ARG002 - see below
        """The search compares what it runs with what it has predicted, and observes this itself."""
        return ()
