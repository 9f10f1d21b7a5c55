"""Pools of threads: each task carries the scope of the code that submits it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from flask_filibuster.instrumentation.clock.virtual import ANYBODY
from flask_filibuster.instrumentation.frames import Scope, carrying, current_scope, here
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.threads.carried import Carried, is_for_all, name_of, outside


def hold_patches() -> list[Held]:
    """Make the tasks of executors carry scopes."""
    return [
        Patch.hold(ThreadPoolExecutor, "submit", _submit),
        Patch.hold(Future, "add_done_callback", _add_done_callback),
    ]


def hold_multiprocessing() -> list[Held]:
    """Make the tasks of ``multiprocessing.pool.ThreadPool`` carry scopes."""
    from multiprocessing.pool import ThreadPool  # Lazily: most applications don't import it.

    return [
        Patch.hold(ThreadPool, "__init__", _outside),
        Patch.hold(ThreadPool, "apply_async", submitting),
        Patch.hold(ThreadPool, "_map_async", _map_async),
        Patch.hold(ThreadPool, "imap", _imap),
        Patch.hold(ThreadPool, "imap_unordered", _imap),
    ]


def _submit(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def submit(self: ThreadPoolExecutor, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(self, fn, *args, **kwargs)
        carried = Carried(name_of(fn), pool=self)
        carried.announce()
        try:
            with outside():  # The pool may start a worker thread here.
                future = original(self, functools.partial(carried.call, fn), *args, **kwargs)
        except BaseException:
            carried.end()
            raise
        # A task that is cancelled before it begins never calls its function.
        with outside():  # The end of a task is no task.
            future.add_done_callback(lambda _: carried.end())
        return future

    return submit


def _add_done_callback(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The replacement of a future's method: whoever sets the result calls the callback."""

    def add_done_callback(self: Future[Any], fn: Any) -> None:
        is_linked = getattr(fn, "__module__", "") == "asyncio.futures"  # Its tasks carry scopes.
        if current_scope() is None or not patch.active or is_linked or is_for_all(fn):
            original(self, fn)
            return
        carried = Carried(name_of(fn), pool=ANYBODY)
        carried.announce()
        original(self, functools.partial(carried.call, fn))

    return add_done_callback


def submitting(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The replacement of a pool's method that takes a function, and calls it elsewhere."""

    def submit(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(self, func, *args, **kwargs)
        carried = Carried(name_of(func), pool=self)
        carried.announce()
        try:
            with outside():
                return original(self, functools.partial(carried.call, func), *args, **kwargs)
        except BaseException:
            carried.end()
            raise

    return submit


def _outside(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(self, *args, **kwargs)
        with outside():
            return original(self, *args, **kwargs)

    return method


def _imap(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def imap(self: Any, func: Any, iterable: Any, chunksize: int = 1) -> Any:
        scope = here()
        if scope is None or not patch.active:
            return original(self, func, iterable, chunksize)
        items = _carried_items(self, scope.fork(), name_of(func), iterable, chunksize)
        return original(self, lambda item: item.call(func), items, chunksize)

    return imap


def _map_async(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The method behind ``map``, ``starmap`` and their asynchronous twins."""

    def map_async(
        self: Any,
        func: Any,
        iterable: Any,
        mapper: Any,
        chunksize: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        scope = here()
        if scope is None or not patch.active:
            return original(self, func, iterable, mapper, chunksize, *args, **kwargs)
        if not hasattr(iterable, "__len__"):
            iterable = list(iterable)
        if chunksize is None:  # As the pool itself chooses it.
            chunksize = math.ceil(len(iterable) / (len(self._pool) * 4))
        found = _carried_items(self, scope.fork(), name_of(func), iterable, chunksize or 1)
        star = mapper.__name__ == "starmapstar"  # It unpacks each item.
        items = [(each,) if star else each for each in found]
        call = functools.partial(_Item.call, func=func, star=star)
        return original(self, call, items, mapper, chunksize, *args, **kwargs)

    return map_async


class _Item:
    """An item, and the tasks of its chunk: where one fails, those after it are not run."""

    __slots__ = ("_carried", "_chunk", "_item")

    def __init__(self, item: Any, carried: Carried, chunk: list[Carried]) -> None:
        self._item = item
        self._carried = carried
        self._chunk = chunk
        chunk.append(carried)
        carried.announce()

    def call(self, func: Callable[..., Any], *, star: bool = False) -> Any:
        try:
            if star:
                return self._carried.call(func, *self._item)
            return self._carried.call(func, self._item)
        except BaseException:
            for each in self._chunk:
                each.end()
            raise


def _carried_items(
    pool: object, scope: Scope, name: str, iterable: Iterable[Any], chunksize: int
) -> Iterator[_Item]:
    """The items, each with a scope; the pool may read them in a thread of its own."""
    origin: Any = current_scope()
    chunk: list[Carried] = []
    with carrying(origin, scope):
        iterator = iter(iterable)
    while True:
        # The iterable is code of the application, and may make calls.
        with carrying(origin, scope):
            try:
                item = next(iterator)
            except StopIteration:
                return
            carried = Carried(name, pool=pool)
        if len(chunk) == chunksize:
            chunk = []
        yield _Item(item, carried, chunk)
