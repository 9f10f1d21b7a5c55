"""Calls that never stop."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.bounds.unending import MOST_ALIKE, MOST_DEPTH, loops, was_ended
from flask_filibuster.core.call import Call
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.findings import UNENDING
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class CallsWithoutEnd(Oracle):
    """A request makes calls that never stop.

    Why it matters: a loop that polls until a status comes, a list whose last page links to another
    one, and services that call each other occupy a worker for ever, and load all that they call.

    How to mend it: bound the loop, by a number of rounds or by a deadline, and answer with an error
    beyond; let a service that is called recognise its own request.
    """

    name = UNENDING
    severity = "error"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Loops that reached the bound, and the calls that nest as deep as executions may."""
        if not was_ended(seen.trace):
            return
        deepest = max(seen.trace.invocations, key=lambda call: len(call.index), default=None)
        if deepest is not None and deepest.index.depth >= MOST_DEPTH:
            yield Sighting.of(deepest, f"requests nest without end: {_path(deepest, seen.trace)}")
        for calls in seen.calls.values():
            for last in loops(calls):
                who, how = last.source or "the test", f"{last.method} {last.url}"
                yield Sighting.of(
                    last,
                    f"{who} makes calls without end: stopped after {MOST_ALIKE} in one request, "
                    f"the last was {how}",
                )


def _path(call: Call, trace: Trace) -> str:
    """The services that call each other, up to the first that is called again."""
    names: list[str] = []
    index = call.index
    while (made := trace.call(index)) is not None:
        names.append(made.target)
        if names.count(made.target) > 1:
            break
        index = index.parent
    return " -> ".join(reversed(names))
