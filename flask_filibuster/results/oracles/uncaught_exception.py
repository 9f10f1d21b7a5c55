"""An exception that no handler of the application caught."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.findings import UNCAUGHT, shortened
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class UncaughtException(Oracle):
    """A fault ends a request, or a command, in an exception that nothing in the service handles.

    Why it matters: the user gets a bare 500 or a traceback, and callers that tell failures apart by
    status can't tell "your order is wrong" from "our database is away". What the handler had begun
    may be left half done.

    How to mend it: catch the exception where the call is made, and do without the answer, fall
    back, or answer 502, 503 or 504. ``requests.RequestException`` is the base of all that a call
    with requests raises; ``requests.ConnectionError`` does not include read timeouts. Check the
    status of an answer before reading its body: the body of an error is often no JSON.
    """

    name = UNCAUGHT
    severity = "error"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Exceptions that the fault-free execution does not end in."""
        for each in seen.breakdowns:
            crash, handling = each.handling.crash, each.handling
            if each.kind != UNCAUGHT or crash is None:
                continue
            raised, _, text = crash.error.partition(":")
            message = f"Unhandled {raised} in {handling.service}, {handling.method} {handling.path}"
            if text.strip():
                message += f": {shortened(text)}"
            yield Sighting(each.what, message, handling.service, crash.site, each.cause)
