"""A request that takes longer than a user may wait."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.findings import TOO_LONG
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting
from flask_filibuster.results.waiting.waits import in_seconds, wait_of


class TooLong(Oracle):
    """A user waits longer than ``max_latency`` for an answer.

    Why it matters: timeouts, attempts and backoff multiply. Three attempts with a timeout of 10
    seconds each are half a minute before the fallback, for which no user waits. Meanwhile, each
    request occupies a worker, and a service that is down takes its callers with it.

    How to mend it: derive the timeouts of calls from the time that the user has, hand on what is
    left of it, and make fewer attempts.

    :param seconds: the limit; ``None``: there is none.
    """

    name = TOO_LONG
    severity = "error"

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Requests of the test that take longer."""
        limit = self._seconds
        if limit is None:
            return
        for request in seen.trace.requests:
            if request.seconds <= limit:
                continue
            wait = wait_of(request, seen.execution)
            failed = seen.failing(request.index) or [
                call for call in seen.trace.invocations if call.fault is not None
            ]
            handling = seen.trace.handlings.get(request.index)
            route = request.index.pairs[-1][0]
            yield Sighting(
                (wait.service, wait.method, route),
                f"{wait}; the limit is {in_seconds(limit)}",
                wait.service,
                failed[0].callsite if failed and handling is not None else None,
                cause=tuple(failed),
            )
