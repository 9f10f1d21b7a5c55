"""Questions that tests and services ask about the test execution under way."""

from __future__ import annotations

from flask_filibuster.instrumentation.frame import Frame, TestFrame, current_scope


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
        return frame.server.fault_injected(frame.request_id, service)
    return False
