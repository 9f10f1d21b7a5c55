"""A call that may have had its effect, made again."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.findings import REPEATED
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

UNSAFE_METHODS = ("POST", "PATCH")
LATE = ("Timeout", "ReadTimeout")


class RepeatedCall(Oracle):
    """A POST or PATCH is made again after its answer was lost.

    Why it matters: a call without an answer may have had its effect. The callee may have taken the
    order before the connection broke; a repeated call makes it take the order twice.

    How to mend it: send an idempotency key with the call, the same with each attempt, by which the
    callee recognises the repetition; or query the callee before a retry.
    """

    name = REPEATED
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Repetitions by one handler; what the fault-free execution does, too, is none."""
        for siblings in seen.calls.values():
            yield from _repeated(siblings, seen.baseline)


def _repeated(siblings: list[Call], baseline: Trace) -> Iterator[Sighting]:
    lost: dict[str, Call] = {}
    for call in siblings:
        if not lost and call.method not in UNSAFE_METHODS:
            continue  # Nothing to compare with, nor to keep; reading an index takes long.
        signature = call.index.pairs[-1][0]
        before = lost.get(signature)
        if before is not None and _is_new(call, before) and baseline.call(call.index) is None:
            yield Sighting.of(
                call,
                f"{call.source} repeats {call.method} {call.url} after its answer was lost; "
                f"unless {call.target} recognises the repetition, the effect happens twice",
            )
        fault = call.fault
        if fault is None or call.method not in UNSAFE_METHODS:
            continue
        if not fault.abort or fault.exception in LATE:
            lost[signature] = call


def _is_new(call: Call, before: Call) -> bool:
    """Whether the callee cannot recognise a call as the repetition of another."""
    return not call.idempotency_key or call.idempotency_key != before.idempotency_key
