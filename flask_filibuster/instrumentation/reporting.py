"""Telling the server, whose trouble must never become the application's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from flask_filibuster import signals
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.instrumentation.frames import Frame

logger = logging.getLogger(__name__)


class AboutCall(Protocol):
    """A message, which is always about one call."""

    @property
    def index(self) -> ExecutionIndex:
        """The call's execution index."""


Message = TypeVar("Message", bound=AboutCall)
Answer = TypeVar("Answer")


def report(frame: Frame, tell: Callable[[Message], Answer], message: Message) -> Answer | None:
    """Tell the server something; a failure is logged and signalled, and answers ``None``.

    The application goes on either way. Where the test runs in this process, it hears of it, as the
    server may never miss what it was not told of: the execution does not count as passed.

    :param frame: on whose behalf.
    :param tell: method of the frame's server.
    :param message: its argument.
    """
    try:
        return tell(message)
    except Exception as error:  # noqa: BLE001 - whatever a server or its transport may raise
        logger.error(  # noqa: TRY400 - the traceback would be of our own code
            "%s: could not report %r to the Filibuster server: %s",
            frame.service,
            type(message).__name__,
            error,
        )
        if frame.test is not None:
            reason = (
                f"could not report {type(message).__name__} to the Filibuster server: {error!r}"
            )
            frame.test.watcher.problem(message.index, reason)
        if signals.report_failed.receivers:
            signals.report_failed.send(frame.app, frame=frame, message=message, error=error)
        return None
