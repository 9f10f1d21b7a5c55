"""An answer of status 500 without an unhandled exception."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.findings import SERVER_ERROR
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class Answer500(Oracle):
    """A service answers 500 to a fault, without an unhandled exception.

    Why it matters: 500 means that the service itself is broken. Load balancers then stop sending
    requests to a healthy service, and alarms page the wrong people.

    How to mend it: answer 502 or 503 for a callee that fails and 504 for one that is too slow,
    or do without its answer.
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
