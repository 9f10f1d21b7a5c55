"""Attempts of one loop: a fault set in which each fault is on the next attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.trace import Trace

FOLLOWED = 3
"""Failed attempts after which a loop that goes on is probed. Few loops go on after so many."""
FAILED_ATTEMPTS = 100
"""Failed attempts after which a loop that goes on has no end."""

_LONGEST_ROUND = 3
Loop = tuple[str, str, tuple[str, int] | str]
"""Equal for all attempts of one loop: the source, the operation, the place."""


def loop_of(call: Call) -> Loop:
    """The loop of a call, if it is in one."""
    site = call.callsite
    place = call.index.pairs[-1][0] if site is None else (site.file, site.line)
    return call.source, call.method, place


def attempts_of(faults: FaultSet) -> list[PlannedFault]:
    """The faults at the end of a set that are on calls of one service, in order.

    They may be attempts of one loop: see :func:`round_of`.
    """
    attempts: list[PlannedFault] = []
    for planned in reversed(tuple(faults)):
        of_another = attempts and planned.call.source != attempts[-1].call.source
        if of_another or planned.outage is not None:
            break
        attempts.append(planned)
    return attempts[::-1]


def round_of(attempts: Sequence[PlannedFault], trace: Trace) -> int:
    """The number of calls in a round of the loop that went on after these; 0: none did.

    A loop that asks two servers in turn has two.
    """
    indexes = [planned.index for planned in attempts]
    for size in range(1, _LONGEST_ROUND + 1):
        index = _after(indexes, size)
        if index is None or index in indexes:
            continue
        if trace.call(index) is not None:
            return size
    return 0


def further(attempts: Sequence[PlannedFault], size: int, most: int) -> list[PlannedFault]:
    """Faults on the attempts that would follow, like those of the last round.

    :param size: the number of calls in a round.
    :param most: number of attempts in all.
    """
    made = list(attempts)
    while len(made) < most:
        index, before = _after([each.index for each in made], size), made[-size]
        if index is None:
            break
        made.append(PlannedFault(replace(before.call, index=index), before.fault))
    return made[len(attempts) :]


def _after(indexes: Sequence[ExecutionIndex], size: int) -> ExecutionIndex | None:
    return next_index(indexes[-2 * size], indexes[-size]) if len(indexes) >= 2 * size else None


def next_index(before: ExecutionIndex, last: ExecutionIndex) -> ExecutionIndex | None:
    """The index of the next attempt, by those of the last two; ``None``: they are of no loop.

    In a loop of a handler, or of its caller, one count goes up; where services call each other, the
    path grows by the same calls.

    >>> first = ExecutionIndex.from_pairs([("page", 1), ("stock", 1)])
    >>> second = ExecutionIndex.from_pairs([("page", 1), ("stock", 2)])
    >>> next_index(first, second)
    '[["page", 1], ["stock", 3]]'
    """
    one, two = before.pairs, last.pairs
    if len(one) == len(two):
        changed = [n for n, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
        if len(changed) != 1:
            return None
        (place,) = changed
        signature, count = two[place]
        if (signature, count - 1) != one[place]:
            return None
        following = [*two[:place], (signature, count + 1), *two[place + 1 :]]
        return ExecutionIndex.from_pairs(following)
    if len(two) > len(one):  # [a b] [a b a b]: what is new comes again, before the call that fails.
        return ExecutionIndex.from_pairs(_grown(one, two)) if _grown(one, two) else None
    return None


def _grown(
    one: tuple[tuple[str, int], ...], two: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    """A path that has grown twice as much; empty if it did not grow by a cycle of calls."""
    more = len(two) - len(one)
    for place in range(len(one) + 1):
        new = two[place : place + more]
        if two[:place] == one[:place] and two[place + more :] == one[place:]:
            return (*two[:place], *new, *new, *two[place + more :])
    return ()
