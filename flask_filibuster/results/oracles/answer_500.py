"""An answer of 500 that the service gives by itself."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.findings import SERVER_ERROR
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class Answer500(Oracle):
    """A fault makes a service answer 500, without an exception.

    Why it matters: 500 says that the service itself is broken. Callers, load balancers and alarms
    take it for that: they stop sending requests to a service that is well, and page the wrong
    people.

    How to mend it: answer 502 or 503 for a callee that fails and 504 for one that is too slow, or
    do without its answer.
    """

    name = SERVER_ERROR
    severity = "error"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Answers of 500 that the fault-free execution does not have."""
        for each in seen.breakdowns:
            if each.kind == SERVER_ERROR:
                handling = each.handling
                message = f"{handling.service} answers 500 to {handling.method} {handling.path}"
                yield Sighting(each.what, message, handling.service, cause=each.cause)
