"""The mock pook: ``urlopen`` of urllib3's connection pools is replaced."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pook
from pook.request import Request

from flask_filibuster.core.urls import DEFAULT_PORTS
from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall
from flask_filibuster.instrumentation.patching import Patch


class Pook(Mock):
    """The library pook."""

    name = "pook"

    def hold(self) -> Sequence[Patch]:
        """See the calls of httpx, for which it has a transport of its own."""
        transport = getattr(sys.modules.get("pook.interceptors._httpx"), "SyncTransport", None)
        if transport is None:
            return ()
        # Lazily: without httpx, there is no such client.
        from flask_filibuster.instrumentation.clients.httpx import see_transport

        return [Patch.hold(transport, "handle_request", see_transport)]

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether a mock matches that is not used up."""
        engine = pook.engine()
        if not engine.active:
            return False
        asked = _request(call)
        if not all(passes(asked, engine) for passes in engine.filters):
            return False
        for change in engine.mappers:
            asked = change(asked, engine)
        return any(_matches(mock, asked.copy()) for mock in engine.mocks)


def _matches(mock: Any, asked: Any) -> bool:
    """What ``mock.match`` returns, without a note in the mock's books."""
    if mock._times <= 0 or not all(passes(asked, mock) for passes in mock.filters):  # noqa: SLF001
        return False
    for change in mock.mappers:
        asked = change(asked, mock)
    matches, _ = mock.matchers.match(asked)
    return bool(matches)


def _request(call: AnyCall[Any]) -> Any:
    """The call as pook's replacement of ``urlopen`` describes it."""
    parts = urlsplit(call.url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    query = f"?{parts.query}" if parts.query else ""
    asked = Request(call.operation)
    request = getattr(call, "request", None)
    if request is not None:
        asked.headers = dict(request.headers)
        asked.body = request.body
    asked.url = f"{parts.scheme}://{parts.hostname}:{port}{parts.path or '/'}{query}"
    return asked
