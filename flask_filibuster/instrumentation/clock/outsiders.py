"""The threads of this process that do not work for an execution.

One of them may set the event that a thread of the execution waits for, so while one of them works,
such a wait is real. Most of them only wait themselves.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Container
from queue import SimpleQueue
from time import sleep
from types import FrameType, MappingProxyType

# Threads with such code on their stacks set nothing that an application waits for.
_HARMLESS = frozenset(
    {
        *("anyio", "ddtrace", "elasticapm", "newrelic", "opentelemetry", "sentry_sdk"),
        *("execnet", "pytest_timeout", "tqdm", "xdist"),
    }
)
_HARMLESS_FUNCTIONS = frozenset(
    {
        # The test itself, waiting for the answer to its own request.
        ("flask_filibuster.instrumentation.call", "_perform_for_test"),
        # It only replaces workers that have ended.
        ("multiprocessing.pool", "_handle_workers"),
    }
)


# What the threads of multiprocessing.pool.ThreadPool wait for.
_QUEUES = MappingProxyType(
    {"worker": "inqueue", "_handle_tasks": "taskqueue", "_handle_results": "outqueue"}
)


_MOMENT = 0.0005


def works_outside(inside: Container[int], among: Container[int] | None) -> bool:
    """Whether a thread that does not work for the execution works.

    :param inside: the threads of the execution.
    :param among: the others that matter; ``None``: all.
    """
    works = _seen_outside(inside, among)
    if works is False:
        # One that has just got something in C has not noted it yet: it gets the time to.
        sleep(_MOMENT)
        works = _seen_outside(inside, among)
    return bool(works)


def _seen_outside(inside: Container[int], among: Container[int] | None) -> bool | None:
    """Whether one of the others works; ``None``: there are none that matter."""
    frames = sys._current_frames()  # noqa: SLF001 - documented
    # Its own frame would refer to itself, and keep what is on all stacks until a collection.
    frames.pop(get_ident(), None)
    idle = None
    for thread, frame in frames.items():
        if thread in inside or (among is not None and thread not in among):
            continue
        if _is_idle(frame):
            idle = False
        elif not _is_harmless(frame):
            return True
    return idle


def _is_harmless(top: FrameType) -> bool:
    frame: FrameType | None = top
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in _HARMLESS:
            return True
        if (name, frame.f_code.co_name) in _HARMLESS_FUNCTIONS:
            return True
        frame = frame.f_back
    return False


def _is_idle(top: FrameType) -> bool:
    """Whether a thread waits until another one has something for it, and has nothing yet."""
    name, function = str(top.f_globals.get("__name__", "")), top.f_code.co_name
    inside = top.f_locals
    if (name, function) == ("concurrent.futures.thread", "_worker"):
        return bool(inside["work_queue"].empty())
    if name == "multiprocessing.pool":  # Of a pool of threads; processes have other queues.
        items = inside.get(_QUEUES.get(function, ""))
        # With a task in its hands, it is about to hand on the result.
        return type(items) is SimpleQueue and items.empty() and inside.get("task") is None
    if name == "selectors" and function == "select":
        below = top.f_back
        if below is not None and below.f_globals.get("__name__") == "socketserver":
            return True
        return inside.get("timeout") == -1 and not _is_called(below)
    if name != "threading" or inside.get("timeout") not in (None, -1):
        return False
    if function == "wait":  # Of a condition; its lock is free once the thread is notified.
        return bool("waiter" in inside and inside["waiter"].locked())
    if function in ("join", "_wait_for_tstate_lock"):
        return bool(inside["self"].is_alive())
    return False


def _is_called(frame: FrameType | None) -> bool:
    """Whether an event loop of asyncio has callbacks, and is about to wake."""
    return frame is not None and bool(getattr(frame.f_locals.get("self"), "_ready", ()))
