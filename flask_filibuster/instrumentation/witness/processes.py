"""Functions that the application hands to other processes, which Python reports as no event."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.seeing import explained, note_process


def hold_patches() -> list[Patch]:
    """Note such functions until the patches are released; only of modules that are in use."""
    return list(_patches())


def _patches() -> Iterator[Patch]:
    module: Any = sys.modules.get("multiprocessing.process")
    if module is not None:
        yield Patch.hold(module.BaseProcess, "start", _start)
    module = sys.modules.get("concurrent.futures.process")
    if module is not None:
        yield Patch.hold(module.ProcessPoolExecutor, "submit", _submit)
    module = sys.modules.get("multiprocessing.pool")
    if module is not None:
        yield Patch.hold(module.Pool, "apply_async", _apply(module.ThreadPool))
        yield Patch.hold(module.Pool, "_map_async", _apply(module.ThreadPool))


def _start(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def start(self: Any) -> Any:
        if patch.active:
            note_process(_name_of(getattr(self, "_target", None) or type(self).run))
        return _quietly(original, self)

    return start


def _submit(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if patch.active:
            note_process(_name_of(fn))
        return _quietly(original, self, fn, *args, **kwargs)

    return submit


def _apply(threads: type) -> Callable[[Callable[..., Any], Patch], Callable[..., Any]]:
    def wrap(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def apply(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            if patch.active and not isinstance(self, threads):
                note_process(_name_of(func))
            return original(self, func, *args, **kwargs)

        return apply

    return wrap


def _quietly(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call the original, whose forks are already explained."""
    token = explained.set(original)
    try:
        return original(*args, **kwargs)
    finally:
        explained.reset(token)


def _name_of(function: Any) -> str:
    function = getattr(function, "func", function)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"that runs {getattr(function, '__module__', '?')}.{name}"
