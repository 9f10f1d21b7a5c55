"""Event loops of asyncio that run in a frame: their timers are virtual.

The loop is one thread of the execution. While it waits for its next timer, and has nothing but
timers to wait for, time is skipped; with a socket, it really waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flask_filibuster.core.clocks.clock import REAL
from flask_filibuster.instrumentation.clock.here import clock_here
from flask_filibuster.instrumentation.clock.virtual import VirtualClock, Waiter
from flask_filibuster.instrumentation.patching import Held, Patch


def hold_patches() -> list[Held]:
    """Make the loops that begin to run in a frame do so by its clock."""
    # Lazily: it takes longer to import than all of this package.
    from asyncio.selector_events import BaseSelectorEventLoop

    return [
        Patch.hold(BaseSelectorEventLoop, "_check_running", _check_running),
        Patch.hold(BaseSelectorEventLoop, "time", _time),
    ]


class _Waking(Waiter):
    """The wait of a loop for its next timer, a callback or a file."""

    __slots__ = ("_loop", "_selector", "events")
    polls: ClassVar[bool] = True

    def __init__(self, deadline: float, loop: Any, selector: Any) -> None:
        super().__init__(deadline, outside=True)
        self._loop = loop
        self._selector = selector
        self.events: list[Any] = []

    def look(self) -> bool:
        """Whether there is anything to do: only the loop's own thread may ask."""
        if self.is_over:
            return True
        own = self._loop._ssock.fileno()  # noqa: SLF001 - of the library
        for event in self._selector.select(0):
            if event[0].fd == own:  # A callback, or nothing but a kick.
                self._loop._read_from_self()  # noqa: SLF001
            else:
                self.events.append(event)
        self.is_over = bool(self.events or self._loop._ready)  # noqa: SLF001
        return self.is_over

    def block(self, seconds: float) -> bool:
        """Really wait for anything."""
        return bool(self._selector.select(seconds))

    def kick(self) -> None:
        """Make the loop's thread look again."""
        self._loop._write_to_self()  # noqa: SLF001


class Selector:
    """The selector of a loop while it runs in a frame.

    :param loop: the loop.
    :param clock: the execution's clock.
    :ivar real: the selector.
    """

    def __init__(self, loop: Any, clock: VirtualClock) -> None:
        self.real = loop._selector  # noqa: SLF001
        self.clock = clock
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        """Files that are ready, as the real one; time is skipped if there are none."""
        # A file besides the loop's own one may become ready at any time.
        is_busy = (timeout is not None and timeout <= 0) or len(self.real.get_map()) > 1
        clock = self.clock
        if is_busy or clock_here() is not clock:
            return list(self.real.select(timeout))
        deadline = float("inf") if timeout is None else clock.now() + timeout
        waiter = _Waking(deadline, self._loop, self.real)
        clock.wait(waiter)
        return waiter.events

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def runs_virtually() -> bool:
    """Whether the loop that runs this code does so by the clock of a frame."""
    from asyncio import get_running_loop

    try:
        loop: Any = get_running_loop()
    except RuntimeError:  # That of another library.
        return False
    return isinstance(getattr(loop, "_selector", None), Selector)


def _check_running(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """What a loop calls before it runs: no code of ours is on the stack of its callbacks."""

    def check_running(self: Any) -> None:
        original(self)
        clock = clock_here() if patch.active else None
        before = self._selector
        if isinstance(before, Selector):
            if before.clock is clock:
                return
            self._selector = before.real
        if clock is not None:
            self._selector = Selector(self, clock)

    return check_running


def _time(_original: Callable[..., Any], _patch: Patch) -> Callable[..., Any]:
    def time(self: Any) -> float:
        """By the clock of the frame in which the loop runs, whoever asks."""
        selector = self._selector
        more = selector.clock.skipped if isinstance(selector, Selector) else 0.0
        return REAL.monotonic() + more

    return time
