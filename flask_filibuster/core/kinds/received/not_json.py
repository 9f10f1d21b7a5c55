"""The kind "not JSON": a JSON answer whose body is something else."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.of_body import is_json
from flask_filibuster.core.kinds.remaking import json_of, remade
from flask_filibuster.core.outcome import Outcome

BODY = b"temporarily unavailable\n"


@dataclass(frozen=True, slots=True)
class NotJson(Kind):
    """The real status and headers, JSON by its content type, with a line of text as the body."""

    name = "not JSON"
    rank = 32
    point = "received"
    needs_shape = True
    outcome = Outcome(status=200, variant="not JSON")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success in JSON, as far as known."""
        return is_json(call)

    def remake(self, answer: Answer) -> Answer:
        """The answer with a line of text.

        :raises UnalterableError: it is not JSON.
        """
        json_of(answer)
        return remade(answer, BODY)

    def __str__(self) -> str:
        return "answers with a body that is not JSON"
