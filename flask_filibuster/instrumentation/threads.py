"""Give a view's frame to the threads that it starts, which a ``ContextVar`` alone does not.

Tasks of asyncio inherit the variable; each also gets a place of its own in the order of the calls.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask_filibuster.instrumentation.frames import (
    Scope,
    TestFrame,
    Watcher,
    carrying,
    current_scope,
    enter,
    here,
)
from flask_filibuster.instrumentation.patching import Patch


def hold_patches() -> list[Patch]:
    """Make threads, pools and tasks inherit frames until the patches are released."""
    from asyncio import BaseEventLoop  # Lazily: it takes longer to import than all of this package.

    return [
        Patch.hold(threading.Thread, "start", _start),
        Patch.hold(ThreadPoolExecutor, "submit", _submit),
        Patch.hold(BaseEventLoop, "create_task", _create_task),
    ]


def _create_task(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def create_task(self: Any, coro: Any, **options: Any) -> Any:
        scope = here()
        if scope is None or not patch.active or options.get("context") is not None:
            return original(self, coro, **options)
        inherited = current_scope()
        enter(scope.fork())
        try:
            return original(self, coro, **options)
        finally:
            enter(inherited)

    return create_task


def _start(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def start(self: threading.Thread) -> Any:
        if current_scope() is None or not patch.active:
            return original(self)
        carried = Carried(_name_of(getattr(self, "_target", None) or type(self)))
        run, own = self.run, self.__dict__.get("run")

        def restore() -> None:
            if own is None:
                self.__dict__.pop("run", None)
            else:
                self.run = own  # type: ignore[method-assign]

        def run_in_scope() -> None:
            restore()
            carried.call(run)

        self.run = run_in_scope  # type: ignore[method-assign]
        carried.announce()
        try:
            return original(self)
        except BaseException:
            carried.end()
            restore()
            raise

    return start


def _submit(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def submit(self: ThreadPoolExecutor, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        if scope is None or not patch.active:
            return original(self, fn, *args, **kwargs)
        carried = Carried(_name_of(fn))
        carried.announce()
        # Outside the scope: a worker thread that the pool starts here outlives this request.
        enter(None)
        try:
            future = original(self, functools.partial(carried.call, fn), *args, **kwargs)
        except BaseException:
            carried.end()
            raise
        finally:
            enter(scope)
        # A task that is cancelled before it begins never calls its function.
        future.add_done_callback(lambda _: carried.end())
        return future

    return submit


class Carried:
    """The running code's scope for a new thread, announced to the watcher of the test."""

    def __init__(self, name: str) -> None:
        self._origin: Any = current_scope()
        scope: Any = here()
        self._scope: Scope = scope.fork()
        self._name = name
        self._watcher = _watcher_of(scope)
        self._under_way = False
        self._lock = threading.Lock()

    def announce(self) -> None:
        """Report that a thread begins."""
        if self._watcher is not None:
            self._under_way = True
            self._watcher.strand_started(self._name)

    def end(self) -> None:
        """Report once that the thread has ended."""
        with self._lock:
            under_way, self._under_way = self._under_way, False
        if under_way and self._watcher is not None:
            self._watcher.strand_ended(self._name)

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call the function in the scope, then restore the thread's own scope."""
        try:
            with carrying(self._origin, self._scope):
                return function(*args, **kwargs)
        finally:
            self.end()


def _watcher_of(scope: Scope) -> Watcher | None:
    frame = scope.frame
    test = frame if isinstance(frame, TestFrame) or frame is None else frame.test
    return test.watcher if test is not None else None


def _name_of(target: Any) -> str:
    while isinstance(target, functools.partial):
        target = target.func
    return f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', repr(target))}"
