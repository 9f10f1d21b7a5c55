"""Ctrl-C, and other signals that end a process, in the middle of an exploration."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class InterruptedRunError(KeyboardInterrupt):
    """The process was told to end, by a signal other than Ctrl-C."""


class Interruption:
    """Lets signals break off an exploration wherever they come, and never by half.

    Python raises ``KeyboardInterrupt`` between any two instructions. In a finaliser it is dropped,
    and while Flask makes a context, another exception of the clean-up replaces it: the app then
    answers 500, which is no reaction to a fault and must not be taken for one. So it is noted here
    that a signal has come. And what must be done as a whole, learning from an execution and
    recording it, is done before the signal is let through; a second one is not kept waiting.

    A context manager, for the time of which the signals' handlers are replaced: in the main thread,
    as others get no signals, and only where a signal would not be ignored.

    :param ending: what else ends the process, besides what has a handler already.
    """

    def __init__(self, *ending: signal.Signals) -> None:
        self._signals = (signal.SIGINT, *ending)
        self._before: dict[int, Any] = {}
        self._unraisable: Callable[[sys.UnraisableHookArgs], object] = sys.unraisablehook
        self._raised: BaseException | None = None
        self._holding = False
        self._held: list[int] = []

    def __enter__(self) -> Interruption:  # noqa: PYI034 - Self came with Python 3.11
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                before = signal.getsignal(number)
                if callable(before) or (before is signal.SIG_DFL and number != signal.SIGINT):
                    self._before[number] = before
                    signal.signal(number, self._come)
            if self._before:
                self._unraisable, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            # The test may have put in one of its own meanwhile, which is not ours to take away.
            if signal.getsignal(number) == self._come:
                signal.signal(number, before)
        self._before = {}
        if sys.unraisablehook == self._dropped:
            sys.unraisablehook = self._unraisable

    def _dropped(self, unraisable: sys.UnraisableHookArgs) -> None:
        # What will be raised again is not lost, and its traceback only frightens.
        if unraisable.exc_value is None or unraisable.exc_value is not self._raised:
            self._unraisable(unraisable)

    def _come(self, number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True  # So that pytest shows where it was interrupted.
        if self._holding and not self._held:
            self._held.append(number)
            return
        self._let_through(number, frame)

    def _let_through(self, number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        before = self._before.get(number)
        try:
            (before if callable(before) else _end)(number, frame)
        except BaseException as error:
            self._raised = error
            raise

    def _check(self) -> None:
        """Raise again what a signal has raised."""
        if self._raised is not None:
            raise self._raised

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """See to it that a signal that comes in the block ends it, whatever the block does.

        :raises KeyboardInterrupt: a signal has come; or what else its handler before this raises.
        """
        try:
            yield
        except Exception as error:
            if self._raised is not None:
                raise self._raised from error
            raise
        self._check()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Come to the end of the block first; a second signal does not wait for it.

        :raises KeyboardInterrupt: a signal has come; or what else its handler before this raises.
        """
        self._check()
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            while self._held:
                self._let_through(self._held.pop(), None)


def _end(number: int, _frame: FrameType | None) -> None:
    raise InterruptedRunError(f"told to end by {signal.Signals(number).name}")
