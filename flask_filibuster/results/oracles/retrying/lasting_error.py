"""A retry after an answer that another attempt cannot change."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

# Not found, not understood, not allowed: the request itself is at fault (RFC 9110, section 15.5).
# Not 401 and 403, after which other credentials may help, nor 408, 409, 423, 425 and 429.
_LASTING = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431, 451})


class LastingError(Oracle):
    """A call is tried again after an answer that says that the request itself is at fault.

    Why it matters: the callee answers 400, 404 or 422 to the same request each time. Further
    attempts only make the user wait, and load the callee; and a defect looks like an outage.

    How to mend it: retry errors of connections, timeouts, 429, 502, 503 and 504 alone. Requests'
    ``answer.ok`` does not tell these from others; the ``Retry`` of urllib3 does, by
    ``status_forcelist``.
    """

    name = "retry of a lasting error"
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Attempts that follow such an answer."""
        for attempts in seen.retries:
            for before, call in attempts.pairs:
                status = None if before.outcome is None else before.outcome.status
                if status not in _LASTING:
                    continue
                yield Sighting.of(
                    call,
                    f"{call.source} tries {call.method} {call.url} again after an answer of "
                    f"{status}, which the same request gets each time",
                )
                break
