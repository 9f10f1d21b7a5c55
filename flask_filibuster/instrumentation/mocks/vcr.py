"""The mock VCR.py: a cassette hangs on the connection classes of urllib3.

It plays an answer that it has recorded, once or repeatedly, or records the answer of the network.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from vcr.request import Request

from flask_filibuster.core.urls import DEFAULT_PORTS
from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall


class Vcr(Mock):
    """The library vcr."""

    name = "vcr"

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether the cassette in use has an answer that is not used up."""
        cassette = _cassette(call)
        return cassette is not None and bool(cassette.can_play_response_for(_request(call)))

    def records(self, call: AnyCall[Any]) -> bool:
        """Whether a cassette is in use: it would keep our headers."""
        return _cassette(call) is not None


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
