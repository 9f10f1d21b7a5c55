"""Greenlets of gevent and eventlet, and those that code switches to by itself.

A greenlet has a context of its own, which begins empty.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from contextvars import Context
from types import FrameType
from typing import Any

from flask_filibuster.instrumentation import context
from flask_filibuster.instrumentation.callsite import stack_of_starter
from flask_filibuster.instrumentation.frames import Scope, current_scope, enter, here
from flask_filibuster.instrumentation.patching import Held, Patch
from flask_filibuster.instrumentation.threads.carried import Carried, name_of, outside
from flask_filibuster.instrumentation.threads.pools import submitting


def hold_gevent() -> list[Held]:
    """Make gevent's greenlets carry scopes. Their class is written in C, and can't be patched."""
    return [_Spawning(sys.modules["gevent.greenlet"].Greenlet)]


def hold_gevent_threads() -> list[Held]:
    """Make the tasks of gevent's pools of threads carry scopes."""
    return [Patch.hold(sys.modules["gevent.threadpool"].ThreadPool, "spawn", submitting)]


def hold_eventlet() -> list[Held]:
    """Make eventlet's greenlets carry scopes."""
    module: Any = sys.modules["eventlet.greenthread"]
    return [
        Patch.hold(module.GreenThread, "__init__", _init),
        Patch.hold(module, "_spawn_n", _spawn_n),
    ]


def hold_eventlet_threads() -> list[Held]:
    """Make the tasks of eventlet's pool of threads carry scopes."""
    return [Patch.hold(sys.modules["eventlet.tpool"], "execute", _execute)]


def hold_raw() -> list[Held]:
    """Make greenlets that this thread switches to carry scopes."""
    return [_Tracing(sys.modules["greenlet"])]


def _carry(greenlet: Any, function: Any) -> Carried | None:
    """Make a greenlet that has not begun carry the running code's scope.

    :returns: the task; ``None`` outside all scopes, and if the greenlet has a scope.
    """
    around = greenlet.gr_context
    if here() is None or (around is not None and around.get(context.scope) is not None):
        return None
    carried = Carried(name_of(function))
    if around is None:
        greenlet.gr_context = around = Context()
    around.run(enter, carried.scope)
    carried.announce()
    return carried


class _Spawning:
    """gevent's own callback for each start of a greenlet."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        kind.add_spawn_callback(self._spawned)

    def release(self) -> None:
        self._kind.remove_spawn_callback(self._spawned)

    @staticmethod
    def _spawned(greenlet: Any) -> None:
        carried = _carry(greenlet, getattr(greenlet, "_run", type(greenlet)))
        if carried is not None:
            greenlet.rawlink(lambda _: carried.end())


def _init(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - the replaced name
        original(self, *args, **kwargs)
        carried = _carry(self, type(self)) if patch.active else None
        if carried is not None:
            self.link(lambda _: carried.end())

    return __init__


def _spawn_n(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def _spawn_n(seconds: float, func: Any, *args: Any, **kwargs: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(seconds, func, *args, **kwargs)
        carried = Carried(name_of(func))
        carried.announce()
        return original(seconds, functools.partial(carried.call, func), *args, **kwargs)

    return _spawn_n


def _execute(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def execute(meth: Any, *args: Any, **kwargs: Any) -> Any:
        if current_scope() is None or not patch.active:
            return original(meth, *args, **kwargs)
        carried = Carried(name_of(meth))
        with outside():  # The first task starts a greenlet that stays.
            return original(carried.call, meth, *args, **kwargs)

    return execute


class _Tracing:
    """Carries scopes into greenlets that begin, told of each switch in this thread."""

    def __init__(self, module: Any) -> None:
        self._greenlet = module
        self._active = True
        self._previous = module.settrace(self)

    def release(self) -> None:
        self._active = False  # In another thread, only this ends it.
        if self._greenlet.gettrace() is self:
            self._greenlet.settrace(self._previous)

    def __call__(self, event: str, switch: tuple[Any, Any]) -> None:
        # It runs inside the greenlet that begins; nothing is below it on the stack yet.
        frame = inspect.currentframe()
        if self._active and event == "switch" and _is_lowest(frame):
            origin, target = switch
            around = origin.gr_context
            scope = around.get(context.scope) if around is not None else None
            if scope is not None and current_scope() is None and not _is_hub(target):
                enter(around.copy().run(_forked, scope, origin.gr_frame))
        if self._previous is not None:
            self._previous(event, switch)


def _forked(scope: Scope, starter: FrameType) -> Scope:
    """The scope for a greenlet, found as the code that switches to it would find it."""
    stack_of_starter.set(starter)
    return scope.fork()


def _is_lowest(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_back is None


def _is_hub(greenlet: Any) -> bool:
    """Whether it is the loop that switches to all others, and so belongs to no request."""
    gevent, eventlet = sys.modules.get("gevent.hub"), sys.modules.get("eventlet.hubs")
    if gevent is not None and isinstance(greenlet, gevent.Hub):
        return True
    return eventlet is not None and eventlet.get_hub().greenlet is greenlet
