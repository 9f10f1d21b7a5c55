"""A timeout shorter than what the callee may take."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.results.findings import SHORT_TIMEOUT
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

# Seconds that code of its own may take, on a busy machine.
_NOISE = 0.25


class TimeoutTooShort(Oracle):
    """A caller waits less long for its callee than the callee waits for its own calls.

    Why it matters: when the callee's callee is slow, the caller gives up while the callee still
    waits or retries. The callee's fallback is never of use, its work is wasted, and a retry of the
    caller doubles the load.

    How to mend it: give inner calls less time than outer ones. The callee's own timeouts, of all
    attempts together and with the pauses between them, must fit into the caller's. Best hand on
    the time that is left.
    """

    name = SHORT_TIMEOUT
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Calls whose callee takes longer, or may wait longer, than they wait for it."""
        for call in seen.trace.invocations:
            limit = call.timeout[1]
            if limit is None:
                continue
            made = seen.calls.get(call.index, [])
            longest, does = _longest_wait(made), "may wait {} s for its own calls"
            if longest > limit and _hands_on(made, seen):
                longest = max(_longest_now(call, made))
            if call.fault is None and call.seconds > max(longest, limit + _NOISE):
                longest, does = round(call.seconds, 1), "takes {} s"
            elif longest <= limit:
                continue
            yield Sighting.of(
                call,
                f"{call.source} waits {limit:g} s for {call.target}, "
                f"which {does.format(f'{longest:g}')}",
            )


def _hands_on(made: list[Call], seen: Seen) -> bool:
    """Whether a handler gives its calls the time that it has left: their timeouts vary with it.

    Timeouts that are always the same add up, in an execution in which all of the calls time out.
    """
    traces = [each.trace for each in seen.exploration]
    for call in made:
        others = filter(None, (trace.call(call.index) for trace in traces))
        if any(other.timeout[1] != call.timeout[1] for other in others):
            return True
    return False


def _longest_now(call: Call, made: list[Call]) -> Iterator[float]:
    """How long a callee takes if one of its calls times out, after all that was before it."""
    yield 0.0
    for each in made:
        seconds = each.start - call.start + (each.timeout[1] or 0.0)
        if call.timeout[1] is None or seconds > call.timeout[1] + _NOISE:
            yield round(seconds, 1)


def _longest_wait(calls: list[Call]) -> float:
    """Seconds that calls may take by their read timeouts: one after the other in a strand."""
    strands: dict[tuple[tuple[int, ...], ...], float] = {}
    for call in calls:
        strand = call.position[:-1]
        strands[strand] = strands.get(strand, 0.0) + (call.timeout[1] or 0.0)
    own = strands.pop((), 0.0)
    return own + max(strands.values(), default=0.0)
