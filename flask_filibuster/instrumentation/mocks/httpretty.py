"""The mock HTTPretty: the module ``socket`` is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpretty
from httpretty.core import URIInfo, fakesock

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.fakes import connecting


class Httpretty(Mock):
    """The library httpretty."""

    name = "httpretty"

    def hold(self) -> Sequence[Patch]:
        """Name the connections of its sockets that no client makes."""
        return [Patch.hold(fakesock.socket, "connect", connecting)]

    def answers(self, call: AnyCall[Any]) -> bool:
        """Whether an answer is registered for the URL."""
        if not httpretty.is_enabled():
            return False
        parts = urlsplit(call.url)
        info = URIInfo(
            hostname=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            path=parts.path or "/",
            query=parts.query,
            scheme=parts.scheme,
        )
        matcher, _ = httpretty.httpretty.match_uriinfo(info)
        return matcher is not None and any(
            entry.method == call.operation for entry in matcher.entries
        )
