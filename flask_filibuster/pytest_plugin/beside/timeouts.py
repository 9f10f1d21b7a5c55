"""pytest-timeout: its limit holds for each execution, and not for all of them together.

What it does at the limit stays its own. Its method ``signal`` raises an exception in the test, and
the exploration goes on. Its method ``thread`` ends the process, so that what is known by then is
said before.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest.outcomes import Failed

from flask_filibuster.errors import HangError
from flask_filibuster.pytest_plugin.state import TIMEOUT

_SIGNAL: Any = getattr(signal, "SIGALRM", None)


class Hangs(HangError, Failed):  # noqa: N818 - the name is shown as what happened
    """An execution took longer than the limit of pytest-timeout."""

    __module__ = "builtins"  # As that of pytest's own, so that it is shown without.


class TimeLimit:
    """The limit of a test.

    :param item: the test.
    :param before_the_end: called in another thread before the process ends.
    :ivar expired: the exception that ended the last execution, if it took too long; the test and
        the application may have suppressed it.
    """

    def __init__(self, item: Any, before_the_end: Callable[[], None] = lambda: None) -> None:
        self._item = item
        self._before_the_end = before_the_end
        self._is_on = self._in_phase = self._is_late = False
        self.expired: Hangs | None = None

    @contextmanager
    def once(self) -> Iterator[None]:
        """Give the block the whole limit."""
        self.expired, self._is_on = None, True
        self._start()
        try:
            yield
        finally:
            self.cancel()
            self._is_on = False

    def cancel(self) -> None:
        """Set no limit to what follows."""
        if TIMEOUT in self._item.stash:
            self._item.ihook.pytest_timeout_cancel_timer(item=self._item)

    def _start(self) -> None:
        settings, self._is_late = self._item.stash.get(TIMEOUT, None), False
        if settings is not None:
            self.cancel()
            self._item.ihook.pytest_timeout_set_timer(item=self._item, settings=settings)

    @contextmanager
    def phase(self) -> Iterator[None]:
        """Raise an exception at the limit while the block runs: set-up, body or tear-down.

        Between them pytest makes reports, which no exception must interrupt.
        """
        if self._is_late:
            self._start()
        self._in_phase = True
        try:
            yield
        finally:
            self._in_phase = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise none while the block runs, which is not the test's."""
        before, self._in_phase = self._in_phase, False
        try:
            yield
        finally:
            self._in_phase = before

    def setting(self) -> Generator[None, object, object]:
        """Set the timer, and notice when it goes off in an execution of ours."""
        if not self._is_on:
            return (yield)
        before = _handler()
        running = set(threading.enumerate())
        result = yield
        after = _handler()
        if callable(after) and after is not before:
            signal.signal(_SIGNAL, self._noticing(after))
        for each in set(threading.enumerate()) - running:
            if isinstance(each, threading.Timer):
                each.function = self._telling(each.function)
        return result

    def _noticing(self, handler: Callable[..., Any]) -> Callable[..., None]:
        def expire(number: int, frame: Any) -> None:
            __tracebackhide__ = True
            try:
                handler(number, frame)
            except Failed as error:
                if self._in_phase:
                    self.expired = Hangs(error.msg)
                    raise self.expired from None
                self._is_late = True

        return expire

    def _telling(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def tell(*args: Any, **kwargs: Any) -> Any:
            self._before_the_end()
            return function(*args, **kwargs)

        return tell


def _handler() -> Any:
    return None if _SIGNAL is None else signal.getsignal(_SIGNAL)


def fail_for_hang(reports: list[pytest.TestReport], error: Hangs) -> None:
    """Let the body fail even if the test or the application suppressed the exception.

    :param reports: the reports of the execution.
    :param error: the exception.
    """
    body = next((each for each in reports if each.when == "call"), None)
    if body is not None and not body.failed:
        body.outcome, body.longrepr = "failed", f"{error} (suppressed by the test or a service)"
