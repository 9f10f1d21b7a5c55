"""The kind "closed without an answer": the callee closes the connection."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class Closed(NetworkFailure):
    """The callee closes the connection after the request, without an answer."""

    name = "closed without an answer"
    failure = "closed"
    exception = "ConnectionError"
    point = "answer"

    def __str__(self) -> str:
        return "closes the connection without an answer"
