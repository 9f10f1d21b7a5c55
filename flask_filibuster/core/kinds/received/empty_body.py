"""The kind "empty body": the status and the headers of a success, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.of_body import succeeds
from flask_filibuster.core.kinds.remaking import remade
from flask_filibuster.core.outcome import Outcome


@dataclass(frozen=True, slots=True)
class EmptyBody(Kind):
    """The real answer without its body."""

    name = "empty body"
    rank = 32
    point = "received"
    outcome = Outcome(status=200, variant="empty body")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success with a body."""
        return succeeds(call)

    def remake(self, answer: Answer) -> Answer:
        """The answer with a declared length of 0."""
        return remade(answer, b"")

    def __str__(self) -> str:
        return "answers with an empty body"
