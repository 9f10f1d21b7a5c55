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
    """A signal other than Ctrl-C terminated the process."""


class Interruption:
    """Interrupts an exploration on a signal at any point, but never in the middle of a record.

    Python raises ``KeyboardInterrupt`` between any two instructions. A finaliser drops it, and
    while Flask makes a context, another exception of the clean-up replaces it: the app then answers
    500, which must not count as a reaction to a fault. This class therefore remembers each signal.
    It delays a signal until an execution is learned and recorded; a second one is not delayed.

    As a context manager, it replaces the handlers of the signals: only in the main thread, because
    others get no signals, and only for signals that the process does not ignore.

    :param ending: signals that end the process, besides those that have a handler already.
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
            # The test may have installed a handler of its own, which stays.
            if signal.getsignal(number) == self._come:
                signal.signal(number, before)
        self._before = {}
        if sys.unraisablehook == self._dropped:
            sys.unraisablehook = self._unraisable

    def _dropped(self, unraisable: sys.UnraisableHookArgs) -> None:
        # This exception is raised again later; its traceback here would only confuse.
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
        """Raise the exception of an earlier signal again."""
        if self._raised is not None:
            raise self._raised

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Run the block, and raise the exception of a signal even if the block suppresses it.

        :raises KeyboardInterrupt: a signal came; or the exception that its previous handler raises.
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
        """Delay a signal to the end of the block; a second signal is not delayed.

        :raises KeyboardInterrupt: a signal came; or the exception that its previous handler raises.
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
    raise InterruptedRunError(f"terminated by {signal.Signals(number).name}")
