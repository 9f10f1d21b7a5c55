"""A call that waits for an answer forever."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.findings import NO_TIMEOUT
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class NoTimeout(Oracle):
    """A call has no timeout at all.

    Why it matters: a callee that accepts connections and never answers holds the caller's worker
    for good. Once all workers wait, the caller is down, too, and so are its own callers.

    How to mend it: pass ``timeout=(connect, read)`` in seconds; a default for all calls of a
    session needs an adapter, as requests has none.
    """

    name = NO_TIMEOUT
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Calls with neither a connect nor a read timeout."""
        for call in seen.trace.invocations:
            if call.timeout == (None, None):
                yield Sighting.of(
                    call,
                    f"{call.source} calls {call.method} {call.url} without a timeout",
                )
