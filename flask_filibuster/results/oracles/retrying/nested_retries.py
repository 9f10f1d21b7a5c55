"""Retries below retries."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting
from flask_filibuster.results.retrying.attempts import Attempts


class NestedRetries(Oracle):
    """A call is tried several times, and its callee tries one of its own calls several times, too.

    Why it matters: the numbers of attempts multiply, with each layer that retries. Three attempts
    in each of three layers are 27 calls for one request, just when the last service is overloaded;
    and the user waits for all of them.

    How to mend it: retry in one layer, best the one next to the failure; let it answer with a
    status that its callers do not retry, or hand on the time or the number of attempts that is left
    (a *retry budget*).
    """

    name = "nested retries"
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Attempts whose callee failed after all of its own attempts, and began them anew."""
        retries = seen.retries
        below: dict[str, list[Attempts]] = {}
        for each in retries:
            below.setdefault(each.handler, []).append(each)
        for outer in retries:
            inner = next(_begun_anew(outer, below, seen), None)
            if inner is None:
                continue
            call, callee = outer.calls[0], inner.calls[0]
            known = seen.reactions.retries
            many, each_time = known.most(outer.kind), known.most(inner.kind)
            yield Sighting.of(
                call,
                f"{call.source} tries {call.method} {call.url} up to {many} times, and "
                f"{callee.source} tries {callee.method} {callee.url} up to {each_time} times "
                f"below each of them: up to {many * each_time} calls of {callee.target}",
                str(callee.callsite),
            )


def _begun_anew(
    outer: Attempts, below: dict[str, list[Attempts]], seen: Seen
) -> Iterator[Attempts]:
    for before, after in outer.pairs:
        if before.fault is not None:
            continue  # Its own fault made it fail, and not what is below it.
        again = {(call.method, call.url, call.callsite) for call in seen.calls.get(after.index, ())}
        for inner in below.get(before.index, ()):
            last = inner.calls[-1]
            is_used_up = last.outcome is not None and last.outcome.failed
            if is_used_up and (last.method, last.url, last.callsite) in again:
                yield inner
