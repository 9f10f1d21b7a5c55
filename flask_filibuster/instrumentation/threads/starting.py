"""Threads: patched where ``threading`` starts them.

``Thread.start`` and ``Thread.run`` stay as they are. Other instrumentation replaces both, some of
it on the instance, and calls what it found there with or without the thread as its argument.
"""

from __future__ import annotations

import _thread
import functools
import threading
from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.frames import current_scope
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.threads.carried import (
    Carried,
    is_for_all,
    name_of,
    outside,
    target_of,
)

# The first one came with Python 3.13.
_STARTERS = ("_start_joinable_thread", "_start_new_thread")


def hold_patches() -> list[Held]:
    """Make threads inherit the scope of the code that starts them."""
    starter = next(name for name in _STARTERS if hasattr(threading, name))
    return [
        Patch.hold(threading, starter, _start),
        Patch.hold(_thread, "start_new_thread", _start),
    ]


def _start(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def start_new_thread(function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(function, *args, **kwargs)
        target = _target_of(function)
        # Outside the scope: the thread may be a greenlet, which would carry it once more.
        if is_for_all(target):
            with outside():
                return original(function, *args, **kwargs)
        carried = Carried(name_of(target))
        carried.announce()
        try:
            with outside():
                return original(_in_scope(carried, function), *args, **kwargs)
        except BaseException:
            carried.end()
            raise

    return start_new_thread


def _in_scope(carried: Carried, function: Any) -> Callable[..., Any]:
    """The function in its scope, with all that a thread library may look for in it.

    eventlet ends threads of ``threading`` itself, which it knows by their bound method.
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        return carried.call(function, *args, **kwargs)

    functools.update_wrapper(run, function)
    if hasattr(function, "__self__"):
        run.__dict__["__self__"] = function.__self__
    return run


def _target_of(function: Any) -> Any:
    """The application's function, or class of thread, behind what ``threading`` starts."""
    thread = getattr(function, "__self__", None)
    return target_of(thread) if isinstance(thread, threading.Thread) else function
