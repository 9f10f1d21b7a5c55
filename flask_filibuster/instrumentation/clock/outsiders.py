"""The threads of this process that do not work for an execution.

One of them may set the event that a thread of the execution waits for, so while one of them works,
such a wait is real. Most of them only wait themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Container
from queue import SimpleQueue
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


def works_outside(inside: Container[int], among: Container[int] | None) -> bool:
    """Whether a thread that does not work for the execution works.

    :param inside: the threads of the execution.
    :param among: the others that matter; ``None``: all.
    """
    frames = sys._current_frames()  # noqa: SLF001 - documented
    if len(frames) == 1:
        return False
    return any(
        thread not in inside and (among is None or thread in among) and _works(frame)
        for thread, frame in frames.items()
    )


def _works(top: FrameType) -> bool:
    if _is_idle(top):
        return False
    frame: FrameType | None = top
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in _HARMLESS:
            return False
        if (name, frame.f_code.co_name) in _HARMLESS_FUNCTIONS:
            return False
        frame = frame.f_back
    return True


def _is_idle(top: FrameType) -> bool:
    """Whether a thread waits until another one has something for it, and has nothing yet."""
    name, function = str(top.f_globals.get("__name__", "")), top.f_code.co_name
    inside = top.f_locals
    if (name, function) == ("concurrent.futures.thread", "_worker"):
        return bool(inside["work_queue"].empty())
    if name == "multiprocessing.pool":  # Of a pool of threads; processes have other queues.
        items = inside.get(_QUEUES.get(function, ""))
        return type(items) is SimpleQueue and items.empty()
    if name == "selectors" and function == "select":
        below = top.f_back
        return inside.get("timeout") == -1 or (
            below is not None and below.f_globals.get("__name__") == "socketserver"
        )
    if name != "threading" or inside.get("timeout") not in (None, -1):
        return False
    if function == "wait":  # Of a condition; its lock is free once the thread is notified.
        return bool("waiter" in inside and inside["waiter"].locked())
    if function in ("join", "_wait_for_tstate_lock"):
        return bool(inside["self"].is_alive())
    return False
