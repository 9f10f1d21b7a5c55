"""The part of a task, which another thread may run, in the clock of its execution."""

from __future__ import annotations

from flask_filibuster.instrumentation.clock.here import clock_of, virtual_clock
from flask_filibuster.instrumentation.clock.virtual import VirtualClock
from flask_filibuster.instrumentation.frames import Frame, TestFrame


class Timing:
    """Tells the clock when a task is handed over, begins and ends; a context manager while it runs.

    :param clock: the clock.
    :param pool: the pool of threads that it is handed to, if any.
    """

    __slots__ = ("_before", "_begun", "_clock", "_pool")

    def __init__(self, clock: VirtualClock, pool: object | None) -> None:
        self._clock = clock
        self._pool = pool
        self._before = 0
        self._begun = False

    @staticmethod
    def of(frame: Frame | TestFrame | None, pool: object | None) -> Timing | None:
        """That of a task in a frame; ``None``: its time is real."""
        if isinstance(frame, TestFrame):
            beside = virtual_clock(frame.watcher)
            return None if beside is None else _Beside(beside, pool)
        clock = clock_of(frame)
        return None if clock is None else Timing(clock, pool)

    def announced(self) -> None:
        """The task is handed over, or goes on after a rest."""
        if not self._begun:
            self._clock.expect(self, self._pool)

    def ended(self) -> None:
        """The task has ended, or will never begin."""
        self._clock.expect_no_more(self)

    def __enter__(self) -> None:
        self._begun = True
        self._before = self._clock.begin(self._pool)
        self._clock.expect_no_more(self)

    def __exit__(self, *_error: object) -> None:
        self._clock.leave(self._before)


class _Beside(Timing):
    """That of a thread of the test itself, in which time is real."""

    __slots__ = ()

    def announced(self) -> None:
        pass

    def ended(self) -> None:
        pass

    def __enter__(self) -> None:
        self._clock.beside(begins=True)

    def __exit__(self, *_error: object) -> None:
        self._clock.beside(begins=False)
