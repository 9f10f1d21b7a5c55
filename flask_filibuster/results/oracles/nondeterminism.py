"""The fault-free execution was not the same twice."""

from __future__ import annotations

from flask_filibuster.results.findings import NONDETERMINISM
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class Nondeterminism(Oracle):
    """Without any fault, a handler made other calls the second time.

    Why it matters: a fault is planned for a call of an earlier execution. Where chance, time or
    state that outlives the test decides which calls are made, a planned fault may not happen, and
    a bug may not show again.

    How to mend it: in a fixture, reset state that outlives the test (caches, rows, mocks that count
    their calls), and seed random generators. Where only URLs vary, set ``FILIBUSTER_URL_PATTERNS``.
    """

    name = NONDETERMINISM
    severity = "warning"

    def look(self, seen: Seen) -> tuple[Sighting, ...]:  # noqa: ARG002 - see below
        """The search runs the fault-free execution twice, and observes the difference itself."""
        return ()
