"""The kind "connect timeout": the connection times out."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class ConnectTimeout(NetworkFailure):
    """The callee does not accept the connection within the connect timeout."""

    name = "connect timeout"
    failure = "connect timeout"
    exception = "ConnectTimeout"
    point = "before"

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call has a connect timeout."""
        return call.timeout[0] is not None

    def __str__(self) -> str:
        return "does not accept the connection in time"
