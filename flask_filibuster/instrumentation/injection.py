"""A fault made real: an exception or a response as requests itself would produce it."""

from __future__ import annotations

import io
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import requests.exceptions
from requests import PreparedRequest, RequestException, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3 import exceptions as urllib3_errors

from flask_filibuster.core.faults import Fault, reason_of
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.synthesis import build_response, raw_response

Timeouts = tuple[float | None, float | None]


def pool_of(request: PreparedRequest) -> HTTPConnectionPool:
    """A pool for the request's host, never used, for urllib3's errors to name."""
    parts = urlsplit(request.url or "")
    kind = HTTPSConnectionPool if parts.scheme == "https" else HTTPConnectionPool
    return kind(parts.hostname or "", parts.port, maxsize=1)


def injected_exception(fault: Fault, request: PreparedRequest, timeout: Timeouts) -> Exception:
    """The exception that a user of requests meets when this happens to that request.

    ``Timeout``, which requests never raises as such, becomes the kind that the call can meet.

    :param fault: a fault with an exception.
    :param request: the request that fails; the exception carries it.
    :param timeout: connect and read timeout in seconds.
    :raises InjectionError: requests, in the version installed, has no exception of that name.
    """
    name = fault.exception
    if name == "Timeout":
        name = "ReadTimeout" if timeout[1] is not None else "ConnectTimeout"
    kind: Any = getattr(requests.exceptions, name or "", None)
    if not (isinstance(kind, type) and issubclass(kind, RequestException)):
        raise InjectionError(
            f"{request.method} {request.url}", f"no exception {name!r} in requests.exceptions"
        )
    cause = _cause(name or "", request, timeout, sent=not fault.abort)
    error: Exception = kind(cause, request=request)
    return error


def _cause(name: str, request: PreparedRequest, timeout: Timeouts, *, sent: bool) -> Any:
    """What urllib3 would have raised below, or a message where it raises nothing."""
    pool: Any = pool_of(request)
    path = request.path_url
    errors = urllib3_errors

    def exhausted(reason: Exception) -> Exception:
        return errors.MaxRetryError(pool, path, reason)

    if name == "ConnectionError" and sent:
        lost = RemoteDisconnected("Remote end closed connection without response")
        return errors.ProtocolError("Connection aborted.", lost)
    if name == "ConnectionError":
        text = "Failed to establish a new connection: [Errno 111] Connection refused"
        return exhausted(errors.NewConnectionError(pool, text))
    if name == "ConnectTimeout":
        text = f"Connection to {pool.host} timed out. (connect timeout={timeout[0]})"
        return exhausted(errors.ConnectTimeoutError(pool, text))
    if name == "ReadTimeout":
        return errors.ReadTimeoutError(pool, path, f"Read timed out. (read timeout={timeout[1]})")
    if name == "SSLError":
        text = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
        return exhausted(errors.SSLError(text))
    if name == "ProxyError":
        refused = OSError("Tunnel connection failed: 503 Service Unavailable")
        return exhausted(errors.ProxyError("Unable to connect to proxy", refused))
    if name == "RetryError":
        return exhausted(errors.ResponseError("too many 503 error responses"))
    if name == "ChunkedEncodingError":
        return errors.ProtocolError("Connection broken: IncompleteRead(0 bytes read)")
    if name == "ContentDecodingError":
        return errors.DecodeError("Received response with content-encoding: gzip, but failed")
    if name == "TooManyRedirects":
        return "Exceeded 30 redirects."
    return f"{name} calling {request.method} {request.url}"


def injected_response(fault: Fault, request: PreparedRequest, adapter: BaseAdapter) -> Response:
    """The response of a callee that answers with the fault's status and a line of plain text.

    :param fault: a fault with a status.
    :param request: the request that is answered.
    :param adapter: the adapter that would have sent it.
    """
    status = fault.status or 500
    reason = reason_of(status)
    content = b"" if status in (204, 304) else f"{status} {reason}".rstrip().encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(content))),
    ]
    body = io.BytesIO(b"" if request.method == "HEAD" else content)
    raw = raw_response(
        status=status,
        reason=reason,
        headers=headers,
        body=body,
        method=request.method or "GET",
    )
    return build_response(adapter, request, raw)
