"""The kind "refused": the callee refuses the connection."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class Refused(NetworkFailure):
    """Nothing listens at the callee's address."""

    name = "refused"
    failure = "refused"
    exception = "ConnectionError"
    point = "before"

    def __str__(self) -> str:
        return "refuses the connection"
