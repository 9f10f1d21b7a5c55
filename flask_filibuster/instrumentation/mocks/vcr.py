"""The mock VCR.py: a cassette hangs on the connection classes of urllib3.

It plays an answer that it has recorded, once or repeatedly, or records the answer of the network.
For httpx, it stands in the place of the method by which transports handle requests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from vcr.request import Request

from flask_filibuster.core.urls import DEFAULT_PORTS
from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall
from flask_filibuster.instrumentation.patching import Patch


class Vcr(Mock):
    """The library vcr."""

    name = "vcr"

    def hold(self) -> Sequence[Patch]:
        """See the calls of transports of httpx that no client uses."""
        if "httpx" not in sys.modules:
            return ()
        name, stubs = "_vcr_handle_request", import_module("vcr.stubs.httpx_stubs")
        # Older releases stand above transports, in the place of a method of clients.
        return [Patch.hold(stubs, name, _handle_request)] if hasattr(stubs, name) else ()

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether the cassette in use has an answer that is not used up."""
        cassette = _cassette(call)
        return cassette is not None and bool(cassette.can_play_response_for(_request(call)))

    def records(self, call: AnyCall[Any]) -> bool:
        """Whether a cassette is in use: it would keep our headers."""
        return _cassette(call) is not None


def _handle_request(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    from flask_filibuster.instrumentation.clients.httpx import see_transport

    def handle_request(
        cassette: Any, real: Callable[..., Any], transport: Any, request: Any, httpx: Any
    ) -> Any:
        def handle(transport: Any, request: Any) -> Any:
            return original(cassette, real, transport, request, httpx)

        return see_transport(handle, patch)(transport, request)

    return handle_request


def _cassette(call: AnyCall[Any]) -> Any:
    pool = HTTPSConnectionPool if call.url.startswith("https:") else HTTPConnectionPool
    return getattr(pool.ConnectionCls, "cassette", None)


def _request(call: AnyCall[Any]) -> Any:
    """The call as VCR.py sees it in a connection."""
    parts = urlsplit(call.url)
    host = parts.netloc.rpartition("@")[2].removesuffix(f":{DEFAULT_PORTS.get(parts.scheme)}")
    uri = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    request = getattr(call, "request", None)
    headers = dict(request.headers) if request is not None else {}
    return Request(call.operation, uri, request.body if request is not None else None, headers)
