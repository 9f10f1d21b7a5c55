"""The virtual clock of the running code."""

from __future__ import annotations

from flask_filibuster.instrumentation.around import Watcher
from flask_filibuster.instrumentation.clock.virtual import VirtualClock
from flask_filibuster.instrumentation.frames import Frame, TestFrame, current_scope


def virtual_clock(watcher: Watcher) -> VirtualClock | None:
    """The clock of a test's execution; ``None``: its time is real."""
    clock = watcher.clock
    return clock if isinstance(clock, VirtualClock) else None


def clock_of(frame: Frame | TestFrame | None) -> VirtualClock | None:
    """The clock of the request that a frame belongs to; ``None``: its time is real."""
    if not isinstance(frame, Frame) or frame.test is None:
        return None
    # Not by virtual_clock(): several times for each call.
    clock = frame.test.watcher.clock
    return clock if isinstance(clock, VirtualClock) else None


def clock_here() -> VirtualClock | None:
    """The clock of the request that the running code belongs to; ``None``: its time is real."""
    scope = current_scope()
    return None if scope is None else clock_of(scope.frame)
