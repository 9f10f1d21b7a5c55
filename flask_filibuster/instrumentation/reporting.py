"""Report to the server; its failures must never affect the application."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from flask_filibuster import signals
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.instrumentation.frames import Frame

logger = logging.getLogger(__name__)


class AboutCall(Protocol):
    """A message about one call."""

    @property
    def index(self) -> ExecutionIndex:
        """The call's execution index."""


Message = TypeVar("Message", bound=AboutCall)
Answer = TypeVar("Answer")


def report(frame: Frame, tell: Callable[[Message], Answer], message: Message) -> Answer | None:
    """Send a message to the server; a failure is logged and signalled, and returns ``None``.

    The application continues either way. If the test runs in this process, the failure becomes a
    problem of the execution, which then can't pass: the server may not notice a missing message.

    :param frame: the frame that the message is about.
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
