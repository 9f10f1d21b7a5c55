"""The scope that a task carries into another thread."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from flask_filibuster.instrumentation.clock.timing import Timing
from flask_filibuster.instrumentation.frames import (
    Scope,
    carrying,
    current_scope,
    enter,
    here,
    watcher_of,
)

# What these packages put into queues are connections that wait for their next use, not tasks. The
# queues are of the standard library, so that only the code that puts tells them from others.
_CONNECTION_POOLS = (
    *("amqp", "dbutils", "kombu", "mysql", "psycopg2", "psycopg_pool", "pymongo", "redis"),
    *("sqlalchemy", "urllib3"),
)

# Threads of these packages work for the whole process, not for the request that starts them: they
# send reports, or wait for tasks that have contexts of their own.
_OWN_THREADS = ("anyio", "ddtrace", "elasticapm", "newrelic", "opentelemetry", "sentry_sdk", "trio")


_UNTIMED = nullcontext()

# A weak reference: contexts are copied, by tasks and loops that may outlive an execution.
_running: ContextVar[weakref.ref[Carried] | None] = ContextVar(
    "flask_filibuster_running", default=None
)


def running() -> Carried | None:
    """The task that the running code is part of, if it carries a scope."""
    task = _running.get()
    return None if task is None else task()


class Carried:
    """The running code's scope for a task that runs elsewhere, announced to the test's watcher.

    A task that is dropped, and so never runs, ends with the last reference to this.

    :param name: the task's name in messages.
    :param scope: the task's scope; by default, a fork of the running code's.
    :param pool: the pool of threads that it is handed to, if any.
    """

    def __init__(
        self, name: str, scope: Scope | None = None, *, pool: object | None = None
    ) -> None:
        self.origin: Any = current_scope()
        around: Any = here()
        self.scope: Scope = around.fork() if scope is None else scope
        self._name = name
        self._watcher = watcher_of(self.scope.frame)
        self._timing = Timing.of(self.scope.frame, pool)
        self._under_way = self._is_idle = False
        self._lock = threading.Lock()

    def announce(self) -> None:
        """Report that a task begins."""
        if self._watcher is not None:
            self._under_way = True
            self._watcher.strand_started(self._name)
            if self._timing is not None:
                self._timing.announced()

    def rest(self) -> None:
        """Report that the task is idle: it waits for other tasks, which are reported themselves."""
        self._is_idle = self._under_way
        self.end()

    def go_on(self) -> None:
        """Report that the task is no longer idle; does nothing if it is not."""
        if self._is_idle:
            self._is_idle = False
            self.announce()

    def end(self) -> None:
        """Report once that the task has ended."""
        with self._lock:
            under_way, self._under_way = self._under_way, False
        if under_way and self._watcher is not None:
            if self._timing is not None:
                self._timing.ended()
            self._watcher.strand_ended(self._name)

    def begin(self) -> Timing | None:
        """Tell the clock that this thread begins with the task; whoever calls this ends it."""
        if self._timing is not None:
            self._timing.__enter__()
        return self._timing

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call the function in the scope, then restore the thread's own scope."""
        before = _running.set(weakref.ref(self))
        try:
            with carrying(self.origin, self.scope), self._timing or _UNTIMED:
                return function(*args, **kwargs)
        finally:
            _running.reset(before)
            self.end()

    def __del__(self) -> None:
        self.end()


@contextmanager
def outside() -> Iterator[None]:
    """Run the block in no scope: what it starts, such as a worker thread, outlives this request."""
    scope = current_scope()
    enter(None)
    try:
        yield
    finally:
        enter(scope)


def name_of(target: Any) -> str:
    """The name of a task's function in messages."""
    while isinstance(target, functools.partial):
        target = target.func
    return f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', repr(target))}"


def target_of(thread: threading.Thread) -> Any:
    """The function that a thread runs, or its class."""
    return getattr(thread, "_target", None) or type(thread)


def is_for_all(target: Any) -> bool:
    """Whether a thread's function, or a class, works for no request in particular."""
    return str(getattr(target, "__module__", "")).partition(".")[0] in _OWN_THREADS


def is_connection_pool(module: str) -> bool:
    """Whether the code of a module puts connections into queues, rather than tasks.

    >>> is_connection_pool("urllib3.connectionpool"), is_connection_pool("shop.jobs")
    (True, False)

    :param module: name of the module.
    """
    return module.partition(".")[0].lower() in _CONNECTION_POOLS
