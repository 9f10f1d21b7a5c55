"""The kind "other success": the real answer under another status of success."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask_filibuster.core.kinds.answer import BODILESS, Answer, reason_of
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.remaking import content_of, remade
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError


@dataclass(frozen=True, slots=True)
class OtherSuccess(Kind):
    """The callee does its work, and answers with another status of success.

    With 202, it answers before the work is done: the body is empty, as there is no result yet. With
    204, there is no body by definition.

    >>> str(OtherSuccess(202))
    'answers 202 Accepted without a body'

    :ivar status: 202, 204, or another status from 200 to 299.
    :raises FaultModelError: the status is out of range.
    """

    name = "other success"
    rank = 34
    point = "received"

    status: int

    def __post_init__(self) -> None:
        if type(self.status) is not int or not 200 <= self.status <= 299:
            raise FaultModelError(
                f"{self.status!r} is no other success; it must be a number from 200 to 299"
            )

    @property
    def outcome(self) -> Outcome:
        """The status."""
        return Outcome(status=self.status, variant="made")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success with another status."""
        seen = call.outcome
        if call.family != "http" or call.method == "HEAD":
            return False
        if seen is None or seen.status is None:
            return seen is None
        return seen.status < 300 and seen.status != self.status

    def remake(self, answer: Answer) -> Answer:
        """The answer with the status; 202 and statuses without a body leave the body out."""
        body = b"" if self._is_empty else content_of(answer)
        other = remade(answer, body)
        headers = other.headers
        if self.status in BODILESS:
            left_out = ("content-type", "content-length")
            headers = tuple(each for each in headers if each[0].lower() not in left_out)
        return replace(other, status=self.status, reason=reason_of(self.status), headers=headers)

    @property
    def _is_empty(self) -> bool:
        return self.status == 202 or self.status in BODILESS

    def __str__(self) -> str:
        named = f"answers {self.status} {reason_of(self.status)}".rstrip()
        return f"{named} without a body" if self._is_empty else named
