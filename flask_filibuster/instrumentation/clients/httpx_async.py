"""Calls of ``httpx.AsyncClient``, which cannot fail: they are named, also if they are mocked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from flask_filibuster.instrumentation.clients.base import Patch, takes_no_part
from flask_filibuster.instrumentation.witness.fakes import Unexplored


def hold_async() -> Patch:
    """Name the calls until the release."""
    return Patch.hold(httpx.AsyncClient, "send", _send)


def _send(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    async def send(client: Any, request: Any, **options: Any) -> Any:
        url: httpx.URL = request.url
        is_remote = not isinstance(client._transport_for_url(url), httpx.ASGITransport)  # noqa: SLF001
        if takes_no_part() or not patch.active or not is_remote:
            return await original(client, request, **options)
        port = url.port or {"https": 443}.get(url.scheme, 80)
        with Unexplored("connection", f"{url.host}:{port}", str(url)):
            return await original(client, request, **options)

    return send
