"""The kind "proxy unreachable": the proxy of the caller refuses the connection."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class ProxyUnreachable(NetworkFailure):
    """The call goes through a proxy, and nothing listens at its address."""

    name = "proxy unreachable"
    failure = "proxy unreachable"
    exception = "ProxyError"
    point = "before"

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call is an HTTP call."""
        return call.family == "http"

    def __str__(self) -> str:
        return "is behind a proxy that refuses the connection"
