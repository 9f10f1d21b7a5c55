"""Event loops of other threads: a callback carries the scope of the code that hands it over.

asyncio copies the context of that code for the callback, which is not enough: a command or a job is
known by the thread that it runs in, and the place of a call in the order of the program is that
of the code which hands it over.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.threads.carried import Carried, name_of


class Callback(Carried):
    """The scope of a callback. The tasks that it begins are waited for, as threads are."""


def hold_patches() -> list[Held]:
    """Make the callbacks of asyncio's event loops carry scopes."""
    from asyncio import BaseEventLoop  # Lazily: it takes longer to import than all of this package.

    return [hold_loop(BaseEventLoop)]


def hold_loop(kind: type[Any]) -> Held:
    """Make the callbacks of the event loops of a class carry scopes."""
    return Patch.hold(kind, "call_soon_threadsafe", _call_soon_threadsafe)


def _call_soon_threadsafe(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The replacement of the method behind ``asyncio.run_coroutine_threadsafe``, too."""

    def call_soon_threadsafe(self: Any, callback: Any, *args: Any, **options: Any) -> Any:
        if current_scope() is None or not patch.active or _is_waking(callback):
            return original(self, callback, *args, **options)
        carried = Callback(name_of(callback))
        carried.announce()
        try:
            return original(self, functools.partial(carried.call, callback), *args, **options)
        except BaseException:  # The loop is closed.
            carried.end()
            raise

    return call_soon_threadsafe


def _is_waking(callback: Any) -> bool:
    """Whether a callback only ends a future, as asyncio's own do that wake a loop."""
    of_future = hasattr(type(getattr(callback, "__self__", None)), "_asyncio_future_blocking")
    return of_future or getattr(callback, "__module__", None) == "asyncio.futures"
