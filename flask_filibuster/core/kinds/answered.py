"""The kind "answered": an answer with an HTTP status replaces the answer of the callee."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import reason_of
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError


@dataclass(frozen=True, slots=True)
class Answered(Kind):
    """The caller gets an answer with a status.

    Its rank is after that of exceptions: an exception can be injected at once, a status belongs to
    a service that must be reached first. The counts of the paper depend on this order.

    :ivar status: the HTTP status, from 200 to 599.
    :raises FaultModelError: the status is out of range.
    """

    name = "answered"
    rank = 20
    point = "answer"

    status: int

    def __post_init__(self) -> None:
        if type(self.status) is not int or not 200 <= self.status <= 599:
            raise FaultModelError(
                f"cannot answer with status {self.status!r}; it must be a number from 200 to 599"
            )

    @property
    def outcome(self) -> Outcome:
        """The status."""
        return Outcome(status=self.status)

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call is an HTTP call."""
        return call.family == "http"

    def __str__(self) -> str:
        return f"answers {self.status} {reason_of(self.status)}".rstrip()
