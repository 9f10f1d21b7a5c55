"""Functions that the application hands to other processes, which Python reports as no event."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.seeing import explained, note_unexplored


class HandedOver:
    """The patches that note such functions, until :meth:`release`."""

    def __init__(self) -> None:
        self._awaited = dict(_HOLDS)
        self._patches: list[Patch] = []
        self.look()

    def look(self) -> None:
        """Patch the modules that have been imported since the last time."""
        for name in list(self._awaited):
            module = sys.modules.get(name)
            # Another thread may look at the same time.
            hold = self._awaited.pop(name, None) if module is not None else None
            if hold is not None:
                self._patches.extend(hold(module))

    def release(self) -> None:
        """Restore the originals, except where other holds remain."""
        patches, self._patches = self._patches, []
        for patch in patches:
            patch.release()


def _hold_process(module: Any) -> list[Patch]:
    return [Patch.hold(module.BaseProcess, "start", _start)]


def _hold_executor(module: Any) -> list[Patch]:
    return [Patch.hold(module.ProcessPoolExecutor, "submit", _submit)]


def _hold_pool(module: Any) -> list[Patch]:
    wrap = _apply(module.ThreadPool)
    return [Patch.hold(module.Pool, name, wrap) for name in ("apply_async", "_map_async")]


_HOLDS: Mapping[str, Callable[[Any], list[Patch]]] = MappingProxyType(
    {
        "multiprocessing.process": _hold_process,
        "concurrent.futures.process": _hold_executor,
        "multiprocessing.pool": _hold_pool,
    }
)
"""What patches a module, by its name."""


def _start(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def start(self: Any) -> Any:
        if patch.active:
            note_unexplored("process", _name_of(getattr(self, "_target", None) or type(self).run))
        return _quietly(original, self)

    return start


def _submit(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if patch.active:
            note_unexplored("process", _name_of(fn))
        return _quietly(original, self, fn, *args, **kwargs)

    return submit


def _apply(threads: type) -> Callable[[Callable[..., Any], Patch], Callable[..., Any]]:
    def wrap(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def apply(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
            if patch.active and not isinstance(self, threads):
                note_unexplored("process", _name_of(func))
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
