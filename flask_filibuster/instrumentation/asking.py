"""Questions that tests and services ask about the test execution under way."""

from __future__ import annotations

import logging

from flask_filibuster.instrumentation.frame import Frame, TestFrame, current_scope

logger = logging.getLogger(__name__)


def was_fault_injected() -> bool:
    """Whether the test execution under way injects any fault; ``False`` outside of one."""
    return _injected(None)


def was_fault_injected_on(service: str) -> bool:
    """Whether the test execution under way injects a fault on a call that reaches this service.

    :param service: the service's name, or the host of its URL where it does not report itself.
    """
    return _injected(service)


def _injected(service: str | None) -> bool:
    scope = current_scope()
    frame = scope.frame if scope is not None else None
    if isinstance(frame, TestFrame):
        return frame.watcher.fault_injected(service)
    if isinstance(frame, Frame):
        return _asked(frame, service)
    return False


def _asked(frame: Frame, service: str | None) -> bool:
    try:
        return frame.server.fault_injected(frame.request_id, service)
    except Exception as error:  # A server's trouble must never become the application's.
        logger.exception("%s: the Filibuster server could not be asked", frame.service)
        if frame.test is not None:
            reason = f"the Filibuster server could not say what was injected: {error!r}"
            frame.test.watcher.problem(frame.execution_index, reason)
        return False
