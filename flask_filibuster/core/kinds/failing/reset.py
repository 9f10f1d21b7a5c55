"""The kind "reset": the callee resets the connection."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class Reset(NetworkFailure):
    """The callee resets the connection after the request and its body were sent."""

    name = "reset"
    failure = "reset"
    exception = "ConnectionError"
    point = "answer"

    def __str__(self) -> str:
        return "resets the connection after the request"
