"""The errors of httpx, with those of httpcore and of Python below them."""

from __future__ import annotations

import errno
import inspect
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import httpcore
import httpx

from flask_filibuster.instrumentation.clients.base import AnyCall, Failure
from flask_filibuster.instrumentation.clients.certificates import not_trusted

CLOSED = "peer closed connection without sending complete message body"


def raise_injected(call: AnyCall[Any], kind: str, *, sent: bool) -> NoReturn:
    """Raise the error of httpcore, which httpx converts, or an error that only httpx has.

    :param call: the call that fails.
    :param kind: the kind of error.
    :param sent: whether the callee has received the call.
    :raises InjectionError: httpx has no such error.
    """
    if kind == "Timeout":
        kind = "ReadTimeout" if call.timeout[1] is not None else "ConnectTimeout"
    if kind == "ConnectionError" and sent:
        kind = "RemoteProtocolError"
    name, words = _NAMES.get(kind, kind), _WORDS.get(kind, "")
    below = _BELOW[kind]() if kind in _BELOW else None
    error = getattr(httpcore, name, None)
    if inspect.isclass(error) and issubclass(error, Exception):
        if below is not None:
            _raise_after(below, error(below))
        raise error(words) from None  # As httpcore does.
    error = getattr(httpx, name, None)
    if inspect.isclass(error) and issubclass(error, httpx.RequestError):
        raise error(words or f"{kind} calling {call.words}")
    raise call.unknown(kind)


def raise_failure(call: AnyCall[Any], failure: Failure) -> NoReturn:
    """Raise the error of httpcore for a failure of the network.

    :param call: the call that fails.
    :param failure: the failure.
    """
    kind = _FAILURES.get(failure)
    if kind is not None:
        raise_injected(call, kind, sent=False)
    if failure == "name not resolved":
        below: OSError = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _raise_after(below, httpcore.ConnectError(below))
    below = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    _raise_after(below, httpcore.ReadError(below))


def _raise_after(below: OSError, error: Exception) -> NoReturn:
    """Raise an error of httpcore as its pool does, with its origin as the context."""
    try:
        _throw(below)
    except OSError:
        raise error from None
    finally:
        del below, error  # Else they would refer to themselves, by their tracebacks.


def _throw(error: OSError) -> NoReturn:
    try:
        raise error
    finally:
        del error


# A proxy that refuses the connection is not told from a callee that does.
_FAILURES: Mapping[Failure, str] = {
    "refused": "ConnectionError",
    "connect timeout": "ConnectTimeout",
    "certificate not trusted": "SSLError",
    "proxy unreachable": "ConnectionError",
    "tunnel refused": "ProxyError",
    "closed": "RemoteProtocolError",
    "read timeout": "ReadTimeout",
}
# The kinds of error are named as in requests; these are httpx's names, where they differ.
_NAMES = {
    "ChunkedEncodingError": "RemoteProtocolError",
    "ConnectionError": "ConnectError",
    "ContentDecodingError": "DecodingError",
    "InvalidHeader": "LocalProtocolError",
    "InvalidSchema": "UnsupportedProtocol",
    "RequestException": "RequestError",
    "SSLError": "ConnectError",
}
_WORDS = {
    "ChunkedEncodingError": f"{CLOSED} (incomplete chunked read)",
    "ContentDecodingError": "Error -3 while decompressing data: incorrect header check",
    "ProxyError": "503 Service Unavailable",
    "RemoteProtocolError": "Server disconnected without sending a response.",
    "TooManyRedirects": "Exceeded maximum allowed redirects.",
}
_BELOW: Mapping[str, Callable[[], OSError]] = {
    "ConnectionError": lambda: OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)),
    "ConnectTimeout": lambda: TimeoutError("timed out"),
    "ReadTimeout": lambda: TimeoutError("timed out"),
    "SSLError": not_trusted,
}
