"""Queues: an item carries the scope of the code that puts it.

A worker that the application started earlier gets a task as an item. Until it gets the next item
from the same queue, it works in the scope of the task's giver.
"""

from __future__ import annotations

import inspect
import queue
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from flask_filibuster.instrumentation.clock.timing import Timing
from flask_filibuster.instrumentation.clock.virtual import ANYBODY
from flask_filibuster.instrumentation.frames import (
    CarriedIn,
    Scope,
    carry_in,
    current_scope,
    enter,
    here,
)
from flask_filibuster.instrumentation.patching import Held, Patch, calls_super, can_be_patched
from flask_filibuster.instrumentation.threads.carried import (
    Carried,
    is_connection_pool,
    is_for_all,
    running,
    target_of,
)

_QUEUES = ("queue", "asyncio.queues")
_BETWEEN = 6
"""Most frames between the code that puts an item and ``_put``."""


def hold_patches() -> list[Held]:
    """Make the items of queues carry scopes.

    Queues written in C, such as ``queue.SimpleQueue`` and those of gevent, can't be patched.
    """
    from asyncio import Queue  # Lazily, as it is slow.

    if not can_be_patched(queue.Queue):  # gevent has replaced it.
        return []
    anchor = Patch.hold(queue.Queue, "get", Followed().get)
    # All patches that are held at the same time share the items.
    followed: Followed = anchor.wrap.__self__  # type: ignore[attr-defined]
    held: list[Held] = [anchor, Patch.hold(Queue, "get", followed.get)]
    held.append(Patch.hold(Queue, "get_nowait", followed.get))
    for kind in (*_with_subclasses(queue.Queue), *_with_subclasses(Queue)):
        for name, wrap in (("_put", followed.put_item), ("_get", followed.get_item)):
            method = vars(kind).get(name)
            if inspect.isfunction(method) and can_be_patched(kind) and not calls_super(method):
                held.append(Patch.hold(kind, name, wrap))
    held.append(_Forgetting(followed, anchor))
    return held


def _with_subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _with_subclasses(below)


class _Forgetting:
    """Forgets items that nobody got, once no queue is followed."""

    def __init__(self, followed: Followed, anchor: Patch) -> None:
        self._followed = followed
        self._anchor = anchor

    def release(self) -> None:
        if not self._anchor.active:
            self._followed.forget()


class Items:
    """The items of one queue that carry a scope.

    :ivar has_workers: whether a thread that is no request's own has asked the queue for items.
    :ivar is_pool: whether the code of a request itself has: it keeps results, or what is used by
        turns, such as connections, rather than tasks.
    """

    def __init__(self, owner: Any, forget: Callable[[Any], None]) -> None:
        self.owner = weakref.ref(owner, forget)
        self.has_workers = False
        self.is_pool = False
        # By identity; the item is kept, so that its identity is not given to another.
        self._carried: dict[int, deque[tuple[Any, Carried]]] = {}

    def add(self, item: Any, carried: Carried) -> None:
        """Note the scope of one more item."""
        self._carried.setdefault(id(item), deque()).append((item, carried))

    def pop(self, item: Any) -> Carried | None:
        """The scope of an item that leaves the queue."""
        waiting = self._carried.get(id(item))
        if waiting is None:
            return None
        _, carried = waiting.popleft()
        if not waiting:
            del self._carried[id(item)]
        return carried


class TakenOver(Scope):
    """The scope of an item, in the thread or task that got it."""

    __slots__ = ("_carried", "_outer", "_timed", "items")

    def __init__(self, items: Items, carried: Carried) -> None:
        super().__init__(carried.scope.frame, carried.scope.network)
        self.is_carried = True
        self.items = items
        self._carried = carried
        self._outer: CarriedIn | Scope | None = None
        self._timed: Timing | None = None

    def begin(self, *, in_thread: bool) -> None:
        """Enter the scope, where the item was got."""
        outer = current_scope()
        if isinstance(outer, TakenOver):
            outer.end()
        if in_thread:
            self._outer = carry_in(self._carried.origin, self)
            self._timed = self._carried.begin()
        else:
            self._outer = current_scope()
            enter(self)

    def end(self) -> None:
        """Leave the scope: the item's work is done."""
        if isinstance(self._outer, CarriedIn):
            self._outer.restore()
            if self._timed is not None:
                self._timed.__exit__()
        else:
            enter(self._outer)
        self._carried.end()


class Followed:
    """The queues whose items carry scopes, and what replaces the queues' methods."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._items: dict[int, Items] = {}

    def forget(self) -> None:
        """Forget all items."""
        with self._lock:
            self._items.clear()

    def get(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        """The replacement of ``get``, which ends the work on the item before."""

        def get(owner: Any, *args: Any, **kwargs: Any) -> Any:
            scope = current_scope()
            if isinstance(scope, TakenOver) and scope.items.owner() is owner:
                scope.end()
                scope = current_scope()
            if patch.active:
                items = self._of(owner)
                if scope is None or scope.is_carried:
                    items.has_workers = True
                else:
                    items.is_pool = True
                task = running()
                if task is not None and not items.is_pool and _waits(owner, *args, **kwargs):
                    return _resting(task, original, owner, *args, **kwargs)
            return original(owner, *args, **kwargs)

        return get

    def put_item(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        """The replacement of ``_put``, called while the queue is locked."""

        def _put(owner: Any, item: Any) -> Any:
            scope = here()
            if scope is None or not patch.active or is_for_all(type(owner)):
                return original(owner, item)
            if is_connection_pool(_user_of_queue()):
                return original(owner, item)
            items = self._of(owner)
            # Those that wait since before the patch are seen only while they wait.
            items.has_workers = items.has_workers or _is_awaited(owner)
            if items.has_workers and not items.is_pool:
                name = f"an item of {type(owner).__qualname__}"
                carried = Carried(name, scope.fork(items), pool=ANYBODY)
                carried.announce()
                items.add(item, carried)
            return original(owner, item)

        return _put

    def get_item(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        """The replacement of ``_get``, called by who gets the item, maybe after a long wait."""

        def _get(owner: Any) -> Any:
            item = original(owner)
            task = running()
            if task is not None:
                task.go_on()
            items = self._items.get(id(owner))
            carried = items.pop(item) if items is not None else None
            if items is None or carried is None:
                return item
            if patch.active and _takes_over(carried.origin):
                TakenOver(items, carried).begin(in_thread=isinstance(owner, queue.Queue))
            else:
                carried.end()
            return item

        return _get

    def _of(self, owner: Any) -> Items:
        with self._lock:
            items = self._items.get(id(owner))
            if items is None or items.owner() is not owner:
                key = id(owner)
                items = self._items[key] = Items(owner, lambda _: self._dropped(key))
            return items

    def _dropped(self, key: int) -> None:
        """A queue has gone: its number may be given to another."""
        with self._lock:
            items = self._items.get(key)
            if items is not None and items.owner() is None:
                del self._items[key]


def _waits(owner: Any, block: bool = True, timeout: float | None = None) -> bool:
    """Whether a ``get`` waits until another task puts an item, as a worker does between tasks."""
    return (
        block
        and timeout is None
        and isinstance(owner, queue.Queue)
        and owner.empty()
        and not is_for_all(type(owner))
        and not is_connection_pool(_user_of_queue())
    )


def _resting(task: Carried, original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Get an item as a task that need not be waited for meanwhile."""
    task.rest()
    try:
        return original(*args, **kwargs)
    finally:
        task.go_on()


def _takes_over(giver: Scope) -> bool:
    """Whether the running code works for the giver of an item from now on.

    A worker does: a thread outside all scopes, or one that the giver, or an earlier request,
    started. Code that waits for results does not, and neither does the main thread, whose next
    work is another test.
    """
    thread = threading.current_thread()
    if thread is threading.main_thread() or is_for_all(target_of(thread)):
        return False
    scope = current_scope()
    return scope is None or (scope.is_carried and scope is not giver and giver.is_above(scope))


def _user_of_queue() -> str:
    """Name of the module whose code puts the item."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - inspect is slower
    for _ in range(_BETWEEN):
        if frame is None:
            break
        name = str(frame.f_globals.get("__name__", ""))
        if name not in _QUEUES and name != __name__:
            return name
        frame = frame.f_back
    return ""


def _is_awaited(owner: Any) -> bool:
    """Whether some code is waiting for an item."""
    condition = getattr(owner, "not_empty", None)  # asyncio's queues have none.
    waiting = (
        getattr(owner, "_getters", ()) if condition is None else condition.__dict__["_waiters"]
    )
    return bool(waiting)
