"""A timeout shorter than what the callee may take."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.results.findings import SHORT_TIMEOUT
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class TimeoutTooShort(Oracle):
    """A caller waits less long for its callee than the callee waits for its own calls.

    Why it matters: when the callee's callee is slow, the caller gives up while the callee still
    waits or retries. The callee's fallback is never of use, its work is wasted, and a retry of the
    caller doubles the load.

    How to mend it: give inner calls less time than outer ones. The callee's own timeouts, of all
    attempts together, must fit into the caller's.
    """

    name = SHORT_TIMEOUT
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Calls whose callee may wait longer for its own calls than they wait for it."""
        for call in seen.trace.invocations:
            limit = call.timeout[1]
            longest = _longest_wait(seen.calls.get(call.index, []))
            if limit is not None and longest > limit:
                yield Sighting(
                    (call.source, call.method, str(call.callsite)),
                    f"{call.source} waits {limit:g} s for {call.target}, "
                    f"which may wait {longest:g} s for its own calls",
                    call.source,
                    call.callsite,
                )


def _longest_wait(calls: list[Call]) -> float:
    """Seconds that calls may take by their read timeouts: one after the other in a strand."""
    strands: dict[tuple[tuple[int, ...], ...], float] = {}
    for call in calls:
        strand = call.position[:-1]
        strands[strand] = strands.get(strand, 0.0) + (call.timeout[1] or 0.0)
    own = strands.pop((), 0.0)
    return own + max(strands.values(), default=0.0)
