"""The kind "content type": the real body under another content type."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.of_body import succeeds
from flask_filibuster.core.kinds.remaking import content_of, remade
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError


@dataclass(frozen=True, slots=True)
class ContentType(Kind):
    """The real status and body, with another content type.

    >>> str(ContentType()), str(ContentType(""))
    ('answers with the content type text/plain', 'answers without a content type')

    :ivar to: the content type; empty: the answer has none.
    :raises FaultModelError: it cannot be the value of a header.
    """

    name = "content type"
    rank = 33
    point = "received"

    to: str = "text/plain"

    def __post_init__(self) -> None:
        if not isinstance(self.to, str) or not (self.to.isascii() and self.to.isprintable()):
            raise FaultModelError(f"{self.to!r} cannot be a content type")

    @property
    def outcome(self) -> Outcome:
        """The real status."""
        return Outcome(status=200, variant=str(self))

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success with a body."""
        return succeeds(call)

    def remake(self, answer: Answer) -> Answer:
        """The answer with the other header."""
        return remade(answer, content_of(answer), content_type=self.to or None)

    def __str__(self) -> str:
        named = f"with the content type {self.to}" if self.to else "without a content type"
        return f"answers {named}"
