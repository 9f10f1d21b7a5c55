"""A call that gives up connecting, and never gives up waiting for the answer."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.findings import NO_READ_TIMEOUT
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class NoReadTimeout(Oracle):
    """A call has a connect timeout, but no read timeout.

    Why it matters: the connect timeout ends with the connection. A callee that is overloaded still
    accepts connections, and then never answers: the caller waits as long as without any timeout.

    How to mend it: pass both, ``timeout=(connect, read)``, or one number for both.
    """

    name = NO_READ_TIMEOUT
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Calls with a connect timeout only."""
        for call in seen.trace.invocations:
            connect, read = call.timeout
            if connect is not None and read is None:
                yield Sighting.of(
                    call,
                    f"{call.source} calls {call.method} {call.url} without a read timeout "
                    f"(connect timeout {connect:g} s)",
                )
