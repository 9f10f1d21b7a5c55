"""The errors of requests, with those of urllib3 and of Python below them."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests.exceptions
from requests import PreparedRequest, RequestException
from requests.utils import prepend_scheme_if_needed, select_proxy, urldefragauth
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3 import exceptions as urllib3_errors

from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.core.urls import DEFAULT_PORTS
from flask_filibuster.core.vocabulary import Failure
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.clients.certificates import not_trusted

_IS_OLD = not hasattr(urllib3_errors, "NameResolutionError")  # Before urllib3 2.
_NO_PROXY = "Cannot connect to proxy." if _IS_OLD else "Unable to connect to proxy"


def pool_of(request: PreparedRequest) -> HTTPConnectionPool:
    """A pool for the request's host, never used, for the messages of urllib3's errors."""
    parts = urlsplit(request.url or "")
    return _pool_at(parts.scheme, parts.hostname or "", parts.port)


@lru_cache(maxsize=64)
def _pool_at(scheme: str, host: str, port: int | None) -> HTTPConnectionPool:
    # One for each host: a pool without connections has no state.
    kind = HTTPSConnectionPool if scheme == "https" else HTTPConnectionPool
    return kind(host, port or DEFAULT_PORTS.get(scheme), maxsize=1)


def raise_injected(
    kind: str, request: PreparedRequest, timeout: Timeouts, *, sent: bool
) -> NoReturn:
    """Raise the exception that requests raises for this failure of a request.

    ``Timeout``, which requests itself never raises, becomes the kind of timeout that the call has.
    The exception has the errors of urllib3 and of Python as arguments and in its chain of causes.

    :param kind: name of the exception.
    :param request: the request that fails; the exception carries it.
    :param timeout: connect and read timeout in seconds.
    :param sent: whether the request has reached its callee.
    :raises requests.RequestException: the fault.
    :raises InjectionError: requests, in the version installed, has no exception of that name.
    """
    name = kind
    if name == "Timeout":
        name = "ReadTimeout" if timeout[1] is not None else "ConnectTimeout"
    error: Any = getattr(requests.exceptions, name, None)
    if not (isinstance(error, type) and issubclass(error, RequestException)):
        raise InjectionError(
            f"{request.method} {request.url}", f"no exception {name!r} in requests.exceptions"
        )
    below = _Below(request, timeout)
    if name == "ConnectionError" and sent:
        causes = below.connection_lost()
    elif name in _CAUSES:
        causes = _CAUSES[name](below)
    else:
        raise error(_MESSAGES.get(name) or f"{name} calling {below.call}", request=request)
    causes.append(error(causes[-1], request=request))
    _raise_each(causes)


def raise_failure(
    failure: Failure, request: PreparedRequest, timeout: Timeouts, proxies: Any
) -> NoReturn:
    """Raise the exception that requests raises for this failure of the network.

    :param failure: the failure.
    :param request: the request that fails; the exception carries it.
    :param timeout: connect and read timeout in seconds.
    :param proxies: the proxies of the request, if any.
    :raises requests.RequestException: the fault.
    """
    kind, causes_of = _FAILURES[failure]
    error: Any = getattr(requests.exceptions, kind)
    causes = causes_of(_Below(request, timeout, proxies))
    causes.append(error(causes[-1], request=request))
    _raise_each(causes)


def _raise_each(errors: list[Exception]) -> NoReturn:
    """Raise the errors in order, each while the one before it is being handled."""
    error = errors.pop()
    try:
        if not errors:
            raise error
        try:
            _raise_each(errors)
        except Exception:  # noqa: BLE001 - the next one is raised
            raise error  # noqa: B904 - requests raises its own without "from", too
    finally:
        del error  # Else it would refer to itself, by its traceback.


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class _Below:
    """The errors below an exception of requests, the innermost first."""

    def __init__(self, request: PreparedRequest, timeout: Timeouts, proxies: Any = None) -> None:
        self.call = f"{request.method} {request.url}"
        self._pool: Any = pool_of(request)
        self._path = request.path_url
        proxy = select_proxy(request.url or "", proxies)
        if proxy and self._pool.scheme == "http":  # Else, the proxy only carries a tunnel.
            at = urlsplit(prepend_scheme_if_needed(proxy, "http"))
            self._pool = _pool_at(at.scheme, at.hostname or "", at.port)
            self._path = urldefragauth(request.url or "")
        self._connection: Any = self._pool.ConnectionCls(self._pool.host, self._pool.port)
        self._timeout = timeout

    def _exhausted(self, *causes: Exception) -> list[Exception]:
        reason = causes[-1]
        error = urllib3_errors.MaxRetryError(self._pool, self._path, reason)
        return [*causes, _caused(error, reason)]

    def refused(self) -> list[Exception]:
        """The connection is refused."""
        below = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        text = f"Failed to establish a new connection: {below}"
        error = urllib3_errors.NewConnectionError(self._connection, text)
        return self._exhausted(below, _caused(error, below))

    def not_resolved(self) -> list[Exception]:
        """The host has no address."""
        below = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if _IS_OLD:
            text = f"Failed to establish a new connection: {below}"
            error: Any = urllib3_errors.NewConnectionError(self._connection, text)
        else:
            named = urllib3_errors.NameResolutionError
            error = named(self._connection.host, self._connection, below)
        return self._exhausted(below, _caused(error, below))

    def reset(self) -> list[Exception]:
        """The connection is reset before the answer."""
        below = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return [below, urllib3_errors.ProtocolError("Connection aborted.", below)]

    def connection_lost(self) -> list[Exception]:
        """The connection is closed before the answer."""
        below = http.client.RemoteDisconnected("Remote end closed connection without response")
        return [below, urllib3_errors.ProtocolError("Connection aborted.", below)]

    def connect_timeout(self) -> list[Exception]:
        """The attempt to connect times out."""
        below = TimeoutError("timed out")
        text = f"Connection to {self._pool.host} timed out. (connect timeout={self._timeout[0]})"
        error = urllib3_errors.ConnectTimeoutError(self._connection, text)
        return self._exhausted(below, _caused(error, below))

    def read_timeout(self) -> list[Exception]:
        """The wait for the answer times out."""
        below = TimeoutError("timed out")
        text = f"Read timed out. (read timeout={self._timeout[1]})"
        error = urllib3_errors.ReadTimeoutError(self._pool, self._path, text)
        return [below, _caused(error, below)]

    def not_trusted(self) -> list[Exception]:
        """The certificate cannot be verified."""
        below = not_trusted()
        return self._exhausted(below, urllib3_errors.SSLError(below))

    def proxy_refused(self) -> list[Exception]:
        """The proxy refuses the connection."""
        causes = self.refused()[:-1]
        error = urllib3_errors.ProxyError(_NO_PROXY, causes[-1])
        return self._exhausted(*causes, _caused(error, causes[-1]))

    def no_proxy(self) -> list[Exception]:
        """The proxy cannot reach the host."""
        below = OSError("Tunnel connection failed: 503 Service Unavailable")
        error = urllib3_errors.ProxyError(_NO_PROXY, below)
        return self._exhausted(below, _caused(error, below))

    def retried(self) -> list[Exception]:
        """Every attempt was answered with a failure."""
        return self._exhausted(urllib3_errors.ResponseError("too many 503 error responses"))

    def broken_off(self) -> list[Exception]:
        """The connection is closed in the middle of the answer."""
        below = http.client.IncompleteRead(b"")
        error = urllib3_errors.ProtocolError(f"Connection broken: {below!r}", below)
        return [below, _caused(error, below)]

    def not_decodable(self) -> list[Exception]:
        """The answer is not in its declared encoding."""
        below = zlib.error("Error -3 while decompressing data: incorrect header check")
        text = "Received response with content-encoding: gzip, but failed to decode it."
        return [below, _caused(urllib3_errors.DecodeError(text, below), below)]


_CAUSES = {
    "ConnectionError": _Below.refused,
    "ConnectTimeout": _Below.connect_timeout,
    "ReadTimeout": _Below.read_timeout,
    "SSLError": _Below.not_trusted,
    "ProxyError": _Below.no_proxy,
    "RetryError": _Below.retried,
    "ChunkedEncodingError": _Below.broken_off,
    "ContentDecodingError": _Below.not_decodable,
}
_FAILURES: Mapping[Failure, tuple[str, Callable[[_Below], list[Exception]]]] = {
    "refused": ("ConnectionError", _Below.refused),
    "name not resolved": ("ConnectionError", _Below.not_resolved),
    "connect timeout": ("ConnectTimeout", _Below.connect_timeout),
    "certificate not trusted": ("SSLError", _Below.not_trusted),
    "proxy unreachable": ("ProxyError", _Below.proxy_refused),
    "tunnel refused": ("ProxyError", _Below.no_proxy),
    "reset": ("ConnectionError", _Below.reset),
    "closed": ("ConnectionError", _Below.connection_lost),
    "read timeout": ("ReadTimeout", _Below.read_timeout),
}
_MESSAGES = {"TooManyRedirects": "Exceeded 30 redirects."}
