"""Attempts without any delay."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

# Code alone takes less between two attempts, even on a busy machine; who waits waits longer.
_HARDLY = 0.08


class NoDelay(Oracle):
    """A call that fails is tried again at once, and at once again.

    Why it matters: what makes a call fail, such as a restart or an overload, lasts longer than an
    instant. Attempts without delay all meet it, so that they are of no use; and all callers
    together send several times their usual load to a service that is in trouble.

    How to mend it: wait before each further attempt, longer each time and by a random part of it
    (exponential backoff with jitter), as tenacity, backoff and the ``Retry`` of urllib3 with a
    ``backoff_factor`` do.
    """

    name = "retry without delay"
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Calls with two repetitions at once, and without delay in other executions, too."""
        for attempts in seen.retries:
            if len(attempts.calls) < 3 or not attempts.pauses:
                continue
            usual = seen.reactions.retries.pause(attempts.kind)
            if usual is None or max(usual) > _HARDLY:
                continue
            call = attempts.calls[0]
            most = seen.reactions.retries.most(attempts.kind)
            yield Sighting.of(
                call,
                f"{call.source} tries {call.method} {call.url} up to {most} times with less than "
                "0.1 s between the attempts",
            )
