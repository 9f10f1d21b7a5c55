"""Questions of tests and services about the execution under way."""

from __future__ import annotations

import json
import logging
import os

from flask import has_request_context

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.frames import Frame, TestFrame, current_scope
from flask_filibuster.protocol.headers import REQUEST_ID
from flask_filibuster.server.client.remote import RemoteServer

HEADERS = "FILIBUSTER_HEADERS"
logger = logging.getLogger(__name__)


def was_fault_injected(*, server_url: str | None = None) -> bool:
    """Whether the execution under way injects any fault; ``False`` outside an exploration.

    >>> was_fault_injected()  # outside an exploration
    False

    :param server_url: URL of the server to ask, for a test in a process that is not explored
        itself; by default the environment variable ``FILIBUSTER_SERVER_URL``, if set.
    :raises ServerError: the server cannot be reached, or its answer is invalid.
    """
    return _injected(None, server_url)


def was_fault_injected_on(service: str, *, server_url: str | None = None) -> bool:
    """Whether the execution under way injects a fault on a call to this service.

    >>> was_fault_injected_on("bookings")  # outside an exploration
    False

    :param service: the service's name, or the host of its URL if it is not instrumented.
    :param server_url: as for :func:`was_fault_injected`.
    :raises ServerError: the server cannot be reached, or its answer is invalid.
    """
    return _injected(service, server_url)


def _injected(service: str | None, server_url: str | None) -> bool:
    scope = current_scope()
    frame = scope.frame if scope is not None else None
    if isinstance(frame, TestFrame):
        return frame.watcher.fault_injected(service)
    if isinstance(frame, Frame):
        return _asked(frame, service)
    if scope is not None or has_request_context():
        return False  # Nothing is explored here, and a service must not wait for a server.
    return _asked_from_outside(service, server_url)


def _asked_from_outside(service: str | None, server_url: str | None) -> bool:
    """The server's answer, for a test process outside the exploration."""
    config = Config.read({}, server_url=server_url)
    if config.server_url is None:
        return False
    server = RemoteServer(config.server_url, token=config.token)
    try:
        return server.fault_injected(given_headers().get(REQUEST_ID, ""), service)
    finally:
        server.close()


def given_headers() -> dict[str, str]:
    """The headers that identify the requests of this process's test.

    ``flask filibuster test`` passes them to its command in ``FILIBUSTER_HEADERS``.
    """
    try:
        content = json.loads(os.environ.get(HEADERS, "{}"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        logger.warning("ignoring %s: not a JSON object", HEADERS)
        return {}
    return {str(name): str(value) for name, value in content.items()}


def _asked(frame: Frame, service: str | None) -> bool:
    try:
        return frame.server.fault_injected(frame.request_id, service)
    except Exception as error:  # A failure of the server must never affect the application.
        logger.exception(
            "%s: could not ask the Filibuster server for the injected faults", frame.service
        )
        if frame.test is not None:
            reason = f"could not ask the Filibuster server for the injected faults: {error!r}"
            frame.test.watcher.problem(frame.execution_index, reason)
        return False
