"""The kind "tunnel refused": the proxy of the caller opens no tunnel to the callee."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class TunnelRefused(NetworkFailure):
    """The call goes through a proxy, which answers 503 to the request for a tunnel."""

    name = "tunnel refused"
    failure = "tunnel refused"
    exception = "ProxyError"
    point = "before"

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call is encrypted, so that it needs a tunnel."""
        return call.url.startswith("https:")

    def __str__(self) -> str:
        return "is behind a proxy that opens no tunnel"
