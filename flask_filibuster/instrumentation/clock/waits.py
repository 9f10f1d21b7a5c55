"""Waits of ``threading``: for conditions (so events, queues and futures), and ends of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any

from flask_filibuster.instrumentation.clock.here import clock_here
from flask_filibuster.instrumentation.clock.virtual import VirtualClock, Waiter
from flask_filibuster.instrumentation.patching import Held, Patch

# How long an end of a thread that no longer works for the execution is waited for at once.
_SOON = 0.002


def hold_patches() -> list[Held]:
    """Make the waits of threads virtual."""
    return [
        Patch.hold(threading.Condition, "wait", _wait),
        Patch.hold(threading.Thread, "join", _join),
    ]


class _Notified(Waiter):
    """What a condition keeps for a thread that waits, in place of a lock, which it releases."""

    __slots__ = ()

    def release(self) -> None:
        """Another thread notifies this one."""
        self.is_over = True
        self.kick()


class _Ending(Waiter):
    """The wait for the end of a thread's work."""

    __slots__ = ("_clock", "_thread")

    def __init__(self, deadline: float, clock: VirtualClock, thread: threading.Thread) -> None:
        super().__init__(deadline)
        self._clock = clock
        self._thread = thread

    def look(self) -> bool:
        """Whether the thread has ended its work."""
        self.is_over = not (self._clock.works(self._thread.ident) and self._thread.is_alive())
        return self.is_over


def _wait(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def wait(self: Any, timeout: float | None = None) -> bool:
        clock = clock_here() if patch.active else None
        if clock is None or (timeout is not None and not timeout > 0):
            done: bool = original(self, timeout)
            return done
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = _Notified(inf if timeout is None else clock.now() + timeout, outside=True)
        self._waiters.append(waiter)
        state = self._release_save()
        try:
            clock.wait(waiter)
        finally:
            self._acquire_restore(state)
            if not waiter.is_over:
                with suppress(ValueError):  # Notified since.
                    self._waiters.remove(waiter)
        return waiter.is_over

    return wait


def _join(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def join(self: threading.Thread, timeout: float | None = None) -> None:
        clock = clock_here() if patch.active else None
        if clock is None or not self.is_alive() or self is threading.current_thread():
            original(self, timeout)
            return
        deadline = inf if timeout is None else clock.now() + max(timeout, 0)
        pause = _SOON
        while self.is_alive() and clock.now() < deadline:
            if clock.works(self.ident):
                clock.wait(_Ending(deadline, clock, self))
            else:
                original(self, max(min(pause, deadline - clock.now()), 0))
                pause = min(2 * pause, 0.05)

    return join
