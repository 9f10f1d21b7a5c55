"""The client httpx, for synchronous code: ``httpx.get``, ``httpx.Client``, any transport.

Calls are intercepted in httpcore's connection pool, below ``HTTPTransport``: httpx converts the
errors and answers of the pool by itself, and a transport that an application has wrapped around it
runs unchanged. A transport without a pool, such as ``MockTransport``, is intercepted where
``httpx.Client`` calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import CodeType
from typing import Any, cast

import httpcore
import httpx
from httpx._transports import default as _default

from flask_filibuster.instrumentation.clients.base import (
    Client,
    Patch,
    Role,
    calls_super,
    perform,
    takes_no_part,
)
from flask_filibuster.instrumentation.clients.functions import mock_within
from flask_filibuster.instrumentation.clients.httpx_async import hold_async
from flask_filibuster.instrumentation.clients.httpx_call import HttpxCall, text_of
from flask_filibuster.instrumentation.clients.httpx_roles import parts_of, role_of


class _Seen(httpx.BaseTransport):
    """Replaces a transport without a pool, and converts errors as ``HTTPTransport`` does."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url, stream = str(request.url), cast("httpx.SyncByteStream", request.stream)
        sent = httpcore.Request(request.method, url, headers=request.headers.raw, content=stream)
        sent.extensions = request.extensions
        with _default.map_httpcore_exceptions():
            reply = perform(HttpxCall(_WHOLE, self._send, sent))
        body: Any = reply.stream
        return httpx.Response(
            reply.status,
            headers=reply.headers,
            stream=_default.ResponseStream(body),
            extensions=reply.extensions,
        )

    def _send(self, request: httpcore.Request) -> httpcore.Response:
        stream: Any = request.stream
        response = self._transport.handle_request(
            httpx.Request(
                request.method.decode("latin-1"),
                text_of(request.url),
                headers=request.headers,
                stream=stream,
                extensions=request.extensions,
            )
        )
        body: Any = response.stream
        return httpcore.Response(
            response.status_code,
            headers=response.headers.raw,
            content=body,
            extensions=response.extensions,
        )


class _Bound(httpx.BaseTransport):
    """A transport, by its own method."""

    def __init__(self, transport: httpx.BaseTransport, handle: Callable[..., Any]) -> None:
        self._transport = transport
        self._handle = handle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._handle(self._transport, request)
        return response


def see_transport(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The replacement of the method by which a mock's transport handles a request."""

    def handle_request(transport: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        inner = _Bound(transport, original)
        if takes_no_part() or not patch.active:
            return inner.handle_request(request)
        return _Seen(inner).handle_request(request)

    return handle_request


class Httpx(Client):
    """The library httpx."""

    name = "httpx"
    built_on = frozenset({"httpcore"})
    errors = (
        httpx.RequestError,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    )
    # An application's own transport runs above it, as part of the implementation.
    entrances: tuple[CodeType, ...] = (httpx.Client._send_single_request.__code__,)  # noqa: SLF001

    def hold(self) -> Sequence[Patch]:
        """Wrap the pools of httpcore, and the transports without a pool."""
        return [
            Patch.hold(httpx.Client, "_transport_for_url", _transport_for_url),
            Patch.hold(httpcore.ConnectionPool, "handle_request", self._handle_request),
            hold_async(),
        ]

    def role_of(self, original: Any) -> Role | None:
        """The role of a function, class, module or object of httpx."""
        return role_of(original, self)

    def parts(self) -> Iterable[tuple[Any, str, Role]]:
        """The functions of httpx, the class of clients, and its methods."""
        return parts_of(self)

    def _handle_request(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def handle_request(
            pool: httpcore.ConnectionPool, request: httpcore.Request
        ) -> httpcore.Response:
            if takes_no_part() or not patch.active:
                response: httpcore.Response = original(pool, request)
                return response
            return perform(HttpxCall(self, lambda sent: original(pool, sent), request))

        return handle_request


class _Whole(Httpx):
    """httpx for a transport without a pool; calls to a pool within it are part of its call."""

    built_on = frozenset({"httpcore", "httpx"})


_WHOLE = _Whole()


def _transport_for_url(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def transport_for_url(self: httpx.Client, url: httpx.URL) -> httpx.BaseTransport:
        transport: httpx.BaseTransport = original(self, url)
        if takes_no_part() or not patch.active or _is_met_below(transport):
            return transport
        return _Seen(transport)

    return transport_for_url


def _is_met_below(transport: object) -> bool:
    """Whether a transport uses a pool of httpcore, or calls no remote service."""
    if isinstance(transport, httpx.WSGITransport):  # Like Flask's test client: no remote call.
        return True
    if isinstance(transport, httpx.HTTPTransport):
        return _leads_to_pool(type(transport))
    # One that an application has wrapped around another.
    inner = [each for each in vars(transport).values() if isinstance(each, httpx.BaseTransport)]
    return any(map(_is_met_below, inner))


def _leads_to_pool(cls: type[httpx.HTTPTransport]) -> bool:
    own = cls.__mro__[: cls.__mro__.index(httpx.HTTPTransport)]
    sends = [vars(each)["handle_request"] for each in own if "handle_request" in vars(each)]
    if not all(map(calls_super, sends)):
        return False
    # Mocks of httpx replace the method that calls the pool, or a method of the pool.
    replaced: Any = vars(httpx.HTTPTransport)["handle_request"]
    stands_in = Patch.of(httpx.HTTPTransport, "handle_request") is not None
    if stands_in or mock_within(replaced) is not None:
        return True  # Its calls are seen as those of the method.
    code: CodeType | None = getattr(replaced, "__code__", None)
    return (
        code is not None
        and code.co_filename == _default.__file__
        and Patch.on_top(httpcore.ConnectionPool, "handle_request") is not None
    )
