"""Tasks of asyncio, uvloop, anyio and trio: they inherit the scope.

Each gets a place in the order of the calls.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.frames import Scope, current_scope, enter, here
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.threads.carried import Carried, name_of, running
from flask_filibuster.instrumentation.threads.loops import Callback, hold_loop


def hold_patches() -> list[Held]:
    """Make tasks have places of their own."""
    from asyncio import BaseEventLoop  # Lazily: it takes longer to import than all of this package.

    return [Patch.hold(BaseEventLoop, "create_task", _create_task)]


def hold_uvloop() -> list[Held]:
    """Make uvloop's tasks and callbacks do as asyncio's."""
    kind = sys.modules["uvloop"].Loop
    return [Patch.hold(kind, "create_task", _create_task), hold_loop(kind)]


def hold_anyio() -> list[Held]:
    """Make anyio's tasks in threads have places of their own.

    Without this, they have the place of an item in the queue of the thread that is free.
    """
    return [Patch.hold(sys.modules["anyio.to_thread"], "run_sync", _run_sync)]


def hold_trio() -> list[Held]:
    """Make trio's tasks in threads carry scopes."""
    return [Patch.hold(sys.modules["trio.to_thread"], "run_sync", _run_sync)]


def _create_task(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def create_task(self: Any, coro: Any, **options: Any) -> Any:
        scope = here()
        if scope is None or not patch.active or options.get("context") is not None:
            return original(self, coro, **options)
        inherited = current_scope()
        forked = scope.fork()
        enter(forked)
        try:
            task = original(self, coro, **options)
        finally:
            enter(inherited)
        if isinstance(running(), Callback):
            _wait_for(task, coro, forked)
        return task

    return create_task


def _wait_for(task: Any, coro: Any, scope: Scope) -> None:
    """Make the execution wait for a task: the code that begins it may be in another thread."""
    carried = Carried(f"the coroutine {getattr(coro, '__qualname__', coro)}", scope)
    carried.announce()
    task.add_done_callback(lambda _: carried.end())


def _run_sync(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def run_sync(func: Any, *args: Any, **options: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(func, *args, **options)
        carried = Carried(name_of(func))
        carried.announce()
        return original(functools.partial(carried.call, func), *args, **options)

    return run_sync
