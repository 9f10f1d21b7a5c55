"""The kind "read timeout": the wait for the answer times out."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall
from flask_filibuster.core.kinds.failing.failure import NetworkFailure


@dataclass(frozen=True, slots=True)
class ReadTimeout(NetworkFailure):
    """The callee does not answer within the read timeout."""

    name = "read timeout"
    failure = "read timeout"
    exception = "ReadTimeout"
    point = "answer"

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call has a read timeout."""
        return call.timeout[1] is not None

    def __str__(self) -> str:
        return "does not answer in time"
