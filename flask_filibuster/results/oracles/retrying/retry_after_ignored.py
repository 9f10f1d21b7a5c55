"""An attempt earlier than the callee asks for."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.core.kinds.answering.retry_later import RetryLater
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting
from flask_filibuster.results.waiting.waits import in_seconds

# Nobody waits longer than this within a request: a limit of one's own is fine there.
_LONGEST = 60
# A date has whole seconds, so that it may be up to a second earlier than what it stands for.
_OF_DATES = 1.0
_NOISE = 0.02
_AT_ONCE = 0.1


class RetryAfterIgnored(Oracle):
    """A call is tried again before the time that the callee named in ``Retry-After``.

    Why it matters: the callee knows when it can answer again. An earlier attempt is refused like
    the first one, and counts: many callees then extend the time, or block the caller.

    How to mend it: read ``Retry-After``, a number of seconds or a date, and wait at least as long;
    if that is too long for the request, do without. The ``Retry`` of urllib3 does so by itself.
    """

    name = "retry after ignored"
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Attempts that came too early, by the clock of the execution."""
        for attempts in seen.retries:
            early = (pair for pair in attempts.pairs if _is_early(*pair))
            for before, call in early:
                waited = call.start - (before.end or 0.0)
                when = "at once" if waited < _AT_ONCE else f"after {in_seconds(waited)}"
                yield Sighting.of(
                    call,
                    f"{call.source} tries {call.method} {call.url} again {when}, although the "
                    f"answer has Retry-After: {_asked(before)} s",
                )
                break


def _asked(call: Call) -> int:
    """The seconds that an injected answer asks for; 0: none."""
    kind = None if call.fault is None else call.fault.kind
    return kind.after if isinstance(kind, RetryLater) else 0


def _is_early(before: Call, call: Call) -> bool:
    seconds = _asked(before)
    if before.end is None or before.fault is None or not 0 < seconds <= _LONGEST:
        return False
    of_date = getattr(before.fault.kind, "form", "") == "date"
    least = seconds - (_OF_DATES if of_date else 0.0) - _NOISE
    return call.start - before.end < least
