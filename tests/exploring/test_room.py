"""Room on the interpreter's stack."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from flask_filibuster.exploring.exploration import Exploration
from flask_filibuster.exploring.room import with_room

CALLS = 200
DEPTHS = range(0, 200, 2)
"""Frames of a few hundred bytes: somewhere among them ends a chunk of 16 KiB."""


def at_depth(depth: int, function: Callable[[], int]) -> int:
    return at_depth(depth - 1, function) if depth else function()


def leaf() -> int:
    return 0


def repeat() -> int:
    """How often calls from here met memory that was not mapped."""
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(CALLS):
        at_depth(4, leaf)
    faults: int = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return faults


def most_faults(function: Callable[[], int]) -> int:
    """The most at any depth; the least of two attempts, as other things touch memory, too."""
    return max(min(at_depth(depth, function) for _ in range(2)) for depth in DEPTHS)


needs_chunks = pytest.mark.skipif(
    sys.version_info < (3, 11) or sys.implementation.name != "cpython" or sys.platform != "linux",
    reason="frames are in no chunks, or page faults are not counted",
)


@needs_chunks
def test_calls_in_room_map_nothing() -> None:
    def roomy() -> int:
        return repeat()

    assert most_faults(with_room(roomy)) < CALLS / 2


@needs_chunks
def test_calls_without_room_may_map() -> None:
    assert most_faults(repeat) >= CALLS  # Else the room is of no more use.


def test_roomy_function_is_the_same() -> None:
    def add(one: int, other: int = 2, *, third: int = 3) -> int:
        return one + other + third

    assert with_room(add) is add
    assert add(1) == 6


def test_loop_has_room() -> None:
    assert Exploration.run.__code__.co_stacksize > 2**14
