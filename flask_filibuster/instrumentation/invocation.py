"""A call about to be made: its signature, its index, its message to the server."""

from __future__ import annotations

from requests import PreparedRequest

from flask_filibuster.core.execution_index import signature_of
from flask_filibuster.core.messages import InvocationStarted
from flask_filibuster.core.url_patterns import url_in_signature
from flask_filibuster.instrumentation.callsite import callers, package_of
from flask_filibuster.instrumentation.frames import Frame


def start_invocation(
    frame: Frame, request: PreparedRequest, timeouts: tuple[float | None, float | None]
) -> InvocationStarted:
    """Take the next index and clock of the frame for a call.

    The signature stays the same from run to run, from host to host, and across edits elsewhere in
    the file: service, the application's functions on the stack, method, URL from the port on
    (but for what is configured to vary in it), and in which of the threads that the request has
    started.

    :param frame: the request that is being handled.
    :param request: what is about to be sent.
    :param timeouts: connect and read timeout in seconds.
    """
    method, url = request.method or "GET", request.url or ""
    functions, site = callers(package_of(frame.app))
    called = url_in_signature(url, frame.config.url_patterns)
    parts = (frame.service, *functions, method, called)
    signature = signature_of(*parts, frame.thread) if frame.thread else signature_of(*parts)
    index, vclock, position = frame.next_invocation(signature)
    return InvocationStarted(
        request_id=frame.request_id,
        index=index,
        source=frame.service,
        method=method,
        url=url,
        callsite=site,
        timeout=timeouts,
        vclock=vclock,
        origin_vclock=frame.origin_vclock,
        position=position,
        functions=functions,
    )
