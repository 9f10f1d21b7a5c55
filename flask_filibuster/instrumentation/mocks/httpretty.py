"""The mock HTTPretty: the module ``socket`` is replaced."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpretty
from httpretty.core import URIInfo

from flask_filibuster.instrumentation.mocking import Mock
from flask_filibuster.instrumentation.outgoing import AnyCall


class Httpretty(Mock):
    """The library httpretty."""

    name = "httpretty"

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
