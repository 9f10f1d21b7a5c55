"""Code that a test runs in an app outside any request: commands, and jobs in an app context.

Its calls are calls of the app, in a frame of their own. But a test may also push a context for
itself, and send its own requests within it. So the running code decides:

- code of a command (``app.test_cli_runner()``) belongs to the app;
- so does code of the application in a context of the app, whether the test, a fixture or a plugin
  (pytest-flask) pushed the context: see ``whose``;
- a request to the app itself is always one of the test;
- a thread or a task works for the command or the job that started it, in no context of its own.
"""

from __future__ import annotations

from typing import Any

import click
from flask import Flask, has_app_context, has_request_context
from flask.cli import ScriptInfo
from flask.globals import app_ctx

from flask_filibuster.core.urls import host_of
from flask_filibuster.instrumentation.app.commands import note_command
from flask_filibuster.instrumentation.app.entrance import explored_of
from flask_filibuster.instrumentation.app.handling import (
    ExploredRequests,
    current_globals,
    current_request,
)
from flask_filibuster.instrumentation.app.whose import is_of_app
from flask_filibuster.instrumentation.context import FRAME_KEY
from flask_filibuster.instrumentation.frames import Frame, Outside, TestFrame

_current_context = app_ctx._get_current_object  # type: ignore[attr-defined] # noqa: SLF001 - documented


class OutsideRequests:
    """Finds the app whose code a test runs outside any request.

    It notes the contexts in which the test begins, such as those of its fixtures.
    """

    def __init__(self) -> None:
        self._begun_in, self._begun_by = _contexts()

    def frame(self, test: TestFrame, url: str) -> Frame | None:
        """The frame of the app that makes a call in the scope of a test.

        :param test: the test.
        :param url: the URL called, if there is one.
        :returns: ``None``: the test makes the call.
        """
        shown, command = _contexts()
        if command is self._begun_by:
            command = None
        app = _app_of(command)
        if app is None or (url and test.names.get(app) == host_of(url)):
            return None
        begun_before = shown is self._begun_in
        if command is None and not is_of_app(app, ends=test.ends, begun_before=begun_before):
            return None
        explored = explored_of(app, test)
        return None if explored is None else _frame(explored, test, shown, command)

    def started(self, test: TestFrame, queue: object | None) -> Outside:
        """What finds the app in a thread that the running code starts, or in its next item."""
        frame = self.frame(test, "")
        return self if frame is None else _Started(self, frame, queue)


class _Started:
    """Finds the app in a thread that a command or a job has started.

    :param outer: finds apps by the contexts of the running code, which a thread begins without.
    :param origin: the frame of the command or the job.
    :param queue: the queue in which the thread's task is an item, if it is one.
    """

    def __init__(self, outer: OutsideRequests, origin: Frame, queue: object | None) -> None:
        self._outer = outer
        self._origin = origin
        self._begun_in, _ = _contexts()
        self._frame = origin.fork(queue)  # Here, not at the first call: threads overtake.

    def frame(self, test: TestFrame, url: str) -> Frame | None:
        """The frame of the code that calls this URL; ``None``: the test itself does."""
        shown, command = _contexts()
        # A copied context has the app's context, but not the command.
        if command is not None or shown not in (None, self._begun_in):
            return self._outer.frame(test, url)
        app = self._origin.app
        if url and app is not None and test.names.get(app) == host_of(url):
            return None
        return self._frame

    def started(self, test: TestFrame, queue: object | None) -> Outside:
        """What finds the app in a thread that this one starts."""
        frame = self.frame(test, "")
        return self if frame is None else _Started(self._outer, frame, queue)


def _contexts() -> tuple[Any, click.Context | None]:
    """The app context's globals, and the command, that the running code is in."""
    return (
        current_globals() if has_app_context() else None,
        click.get_current_context(silent=True),
    )


def _frame(
    explored: ExploredRequests, test: TestFrame, shown: Any, command: click.Context | None
) -> Frame:
    """The frame of the request, the command or the job that the code belongs to."""
    holder = command.meta if command is not None else vars(shown)
    # The request may be one that an earlier test has never left.
    of_request = current_request().environ.get(FRAME_KEY) if has_request_context() else None
    for frame in (of_request, holder.get("filibuster")):
        if isinstance(frame, Frame) and frame.app is explored.app and _is_part_of(frame, test):
            return frame
    if command is not None:
        frame = explored.job(test, "CLI", command.info_name or "")
        note_command(explored, frame)
    else:
        frame = explored.job(test, "JOB", explored.app.name)
    holder["filibuster"] = frame
    return frame


def _is_part_of(frame: Frame, test: TestFrame) -> bool:
    """Whether the frame is one of this execution."""
    return frame.test is not None and frame.test.watcher is test.watcher


def _app_of(command: click.Context | None) -> Flask | None:
    """The app that the running code is in."""
    if has_app_context():
        app: Flask = _current_context().app
        return app
    if command is None:
        return None
    script = command.find_object(ScriptInfo)
    return script.load_app() if script is not None else None
