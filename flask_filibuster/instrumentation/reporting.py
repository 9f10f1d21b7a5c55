"""Telling the server, whose trouble must never become the application's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from flask_filibuster import signals
from flask_filibuster.instrumentation.frame import Frame

logger = logging.getLogger(__name__)

Message = TypeVar("Message")
Answer = TypeVar("Answer")


def report(frame: Frame, tell: Callable[[Message], Answer], message: Message) -> Answer | None:
    """Tell the server something; a failure is logged and signalled, and answers ``None``.

    The application goes on either way. The server misses the report, and what it had planned for
    it, and so does not count the execution as passed.

    :param frame: on whose behalf.
    :param tell: method of the frame's server.
    :param message: its argument.
    """
    try:
        return tell(message)
    except Exception as error:  # Whatever a server, its transport or its bugs may raise.
        logger.error(
            "%s: the Filibuster server was not told of %r: %s",
            frame.service,
            type(message).__name__,
            error,
        )
        if signals.report_failed.receivers:
            signals.report_failed.send(frame.app, frame=frame, message=message, error=error)
        return None
