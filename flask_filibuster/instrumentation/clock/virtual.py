"""The clock of one execution: real time, and the time that its threads have skipped.

The threads of an execution wait at the same time, as in life: the clock moves on only when all of
them wait, and then as far as the first of them wants. So a thread that works holds the clock, and
the others really wait for it. Whoever cannot know what ends a wait really waits, too: that is slow,
but never wrong.

Not modelled, and so really waited for: locks that are acquired with a timeout, trio, timers in C,
and everything in a process of its own.
"""

from __future__ import annotations

import os
import sys
import threading
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Container
from contextlib import suppress
from math import inf
from threading import RLock
from types import BuiltinFunctionType
from typing import Any, ClassVar, Final

from flask_filibuster.core.clocks.clock import REAL
from flask_filibuster.instrumentation.clock.outsiders import works_outside

GRAIN = 1e-6
"""Each wait is longer by this, so that rounding shows nobody a wait that was too short."""
LOOK = 1.0
"""How often a wait looks whether the threads that it waits for are still there, in seconds."""
POLL = 0.005
"""How often a wait that a thread outside the execution may end looks for it."""

ANYBODY: Final = object()
"""In place of a pool, for a task that a thread begins which has time, as an item of a queue."""


class Waiter:
    """One wait of one thread.

    :param deadline: when it ends by itself, by the execution's clock.
    :param outside: whether threads that are not the execution's may end it.
    :cvar polls: whether only the thread itself can look for the end.
    :ivar looked: how often anything had changed when a thread that polls last looked.
    """

    __slots__ = ("_gate", "deadline", "is_over", "looked", "outside")
    polls: ClassVar[bool] = False

    def __init__(self, deadline: float, *, outside: bool = False) -> None:
        self.deadline = deadline
        self.outside = outside
        self.is_over = False
        self.looked = -1
        self._gate = allocate_lock()
        self._gate.acquire()

    def look(self) -> bool:
        """Whether what the thread waits for has happened; if it does not poll, any thread asks."""
        return self.is_over

    def block(self, seconds: float) -> bool:
        """Really wait, until :meth:`kick`.

        :returns: whether that came in time.
        """
        return self._gate.acquire(True, max(seconds, 0))

    def kick(self) -> None:
        """Make the thread look again."""
        if self._gate.locked():
            with suppress(RuntimeError):  # Two threads may do so at once.
                self._gate.release()


class VirtualClock:
    """The clock of one execution.

    :param patience: seconds that threads get while no request waits for them: as many as the
        execution waits for them at its end.
    :ivar skipped: the seconds that nobody really waited for.
    """

    def __init__(self, patience: float) -> None:
        self.skipped = 0.0
        self._began = REAL.monotonic()
        self._patience = patience
        # Re-entrant: a finaliser may end a task while this thread holds it.
        self._mutex = RLock()
        self._inside: dict[int, int] = {}
        self._started: dict[int, Any] = {}
        self._expected: dict[int, Any] = {}
        self._waiting: dict[int, Waiter] = {}
        self._beside: set[int] = set()
        self._changes = 0
        self._is_over = self._has_processes = False

    def now(self) -> float:
        """Seconds since the execution began."""
        return REAL.monotonic() - self._began + self.skipped

    def enter(self) -> int:
        """Note that this thread begins to work for the execution, maybe not for the first time.

        :returns: how often it had begun before, for :meth:`leave`.
        """
        me = get_ident()
        before = self._inside.get(me, 0)
        self._inside[me] = before + 1
        return before

    def leave(self, before: int) -> None:
        """Note that this thread's work ends, and with it what began since.

        A worker that ends in the middle of an item has no other end of that.
        """
        me = get_ident()
        if before:
            self._inside[me] = before
            return
        self._inside.pop(me, None)
        self._started.pop(me, None)
        self._changed()

    def begin(self, pool: object | None) -> int:
        """:meth:`enter`, of a thread that works besides that of the request.

        :param pool: the pool that the thread belongs to.
        """
        me = get_ident()
        if me not in self._inside:  # Not the thread of a request, in which callbacks run, too.
            self._started[me] = pool
        return self.enter()

    def beside(self, *, begins: bool) -> None:
        """Note that the thread works for the test, outside all requests."""
        change = self._beside.add if begins else self._beside.discard
        change(get_ident())

    def expect(self, task: object, pool: object | None) -> None:
        """A task has been handed over, to a pool or to a thread of its own.

        :param task: the task, until it begins.
        :param pool: the pool, or :data:`ANYBODY`.
        """
        self._expected[id(task)] = pool

    def expect_no_more(self, task: object) -> None:
        """The task begins, or never will."""
        if self._expected.pop(id(task), self) is not self:
            self._changed()

    def works(self, thread: int | None) -> bool:
        """Whether a thread works for the execution."""
        return thread in self._inside

    def has_process(self) -> None:
        """The execution has started a process, whose time is real."""
        self._has_processes = True

    def stop(self) -> None:
        """The execution is over: threads that go on really wait."""
        self._is_over = True

    def sleep(self, seconds: float) -> None:
        """Wait for nothing but time."""
        if seconds > 0:
            self.wait(Waiter(self.now() + seconds))

    def wait(self, waiter: Waiter) -> None:
        """Wait for the end of a wait, by its deadline or what it looks for."""
        me = get_ident()
        # A signal's handler may wait while its thread does.
        before = self._waiting.get(me)
        self._waiting[me] = waiter
        # What this thread did before may be what another one looks for.
        self._changed(but=waiter)
        try:
            while True:
                with self._mutex:
                    waiter.looked = self._changes
                    if waiter.look():
                        return
                    now = self.now()
                    if now >= waiter.deadline:
                        return
                    pause = self._moved_on(now, waiter)
                if pause and not waiter.block(min(pause, waiter.deadline - now, LOOK)):
                    self._forget_the_dead()
        finally:
            with self._mutex:
                if before is None:
                    del self._waiting[me]
                else:
                    self._waiting[me] = before

    def _moved_on(self, now: float, own: Waiter) -> float:
        """Skip to the first deadline if all threads wait.

        :param own: the wait of this thread.
        :returns: how long to wait really before the next look; 0: something has changed.
        """
        # Before the look at who works: a task works before it is expected no more.
        expected = list(self._expected.values())
        waiting = dict(self._waiting)
        if self._is_over or self._can_begin(expected) or self._works_besides(waiting):
            return inf
        first = min(each.deadline for each in waiting.values())
        if first <= now:
            # It may really wait for longer, by what the time was when it began to.
            self._kick_due(now)
            return inf
        # Who has what it waits for is about to go on.
        if first == inf or any(map(self._may_go_on, waiting.values())):
            return inf
        if self._has_processes and _has_children():
            return POLL
        endable = ANYBODY in expected or any(each.outside for each in waiting.values())
        if self._is_helped(endable=endable):
            return POLL
        # Meanwhile, one from outside may have begun, or ended a wait.
        if self._works_besides(waiting) or any(map(self._may_go_on, waiting.values())):
            return inf
        if own.polls and own.look():
            return 0.0
        step = first - now + GRAIN
        if waiting.keys() <= self._started.keys():
            if step > self._patience:
                return inf
            self._patience -= step
        self.skipped += step
        # Also who is due soon: it really waits for what was left before, and nobody may wait again
        # before it is due, as where this thread needs a lock that the other one has.
        self._kick_due(now + step + LOOK)
        return 0.0

    def _kick_due(self, now: float) -> None:
        for each in list(self._waiting.values()):
            if each.deadline <= now:
                each.kick()

    def _forget_the_dead(self) -> None:
        """Threads may end without a word: those of other programs that took over an item."""
        known = list(self._inside)  # First: a thread may begin meanwhile.
        alive = set(sys._current_frames())  # noqa: SLF001 - documented
        for each in known:
            if each not in alive:
                self._inside.pop(each, None)
                self._started.pop(each, None)

    def _may_go_on(self, waiter: Waiter) -> bool:
        return waiter.is_over or (waiter.looked != self._changes if waiter.polls else waiter.look())

    def _is_helped(self, *, endable: bool) -> bool:
        """Whether a thread outside the execution may end a wait, or what a loop waits for."""
        if not endable and not self._beside:
            return False
        return works_outside(self._inside, None if endable else self._beside)

    def _works_besides(self, waiting: Container[int]) -> bool:
        """Whether a thread of the execution works, rather than waits."""
        return any(each not in waiting for each in list(self._inside))

    def _can_begin(self, expected: list[Any]) -> bool:
        """Whether a task that was handed over may begin while all threads wait."""
        busy = list(self._started.values())
        for pool in expected:
            size = getattr(pool, "_max_workers", getattr(pool, "_processes", None))
            is_free = not isinstance(size, int) or sum(each is pool for each in busy) < size
            if is_free and pool is not ANYBODY:
                return True
        return False

    def _changed(self, but: Waiter | None = None) -> None:
        """Something has changed: let the threads that wait look again.

        :param but: the wait of this thread, which only concerns those that poll.
        """
        if not self._waiting:
            return
        with self._mutex:
            self._changes += 1
            for each in list(self._waiting.values()):
                if each is not but and (but is None or each.polls):
                    each.kick()


def virtual_time(patience: float) -> VirtualClock | None:
    """A clock for an execution; ``None`` where gevent or eventlet have replaced threads.

    Their greenlets wait in turn, in one thread, which a clock of threads would stop.

    :param patience: as for :class:`VirtualClock`.
    """
    is_native = isinstance(threading.get_ident, BuiltinFunctionType)
    return VirtualClock(patience) if is_native else None


def _has_children() -> bool:
    """Whether this process has child processes; where that is unknown, it has."""
    wait: Callable[..., Any] | None = getattr(os, "waitid", None)
    if wait is None:
        return True
    try:
        wait(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
