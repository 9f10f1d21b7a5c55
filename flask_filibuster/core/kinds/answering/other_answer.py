"""What kinds of fault that give another answer have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection

from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.errors import FaultModelError


class OtherAnswer(Kind):
    """Another answer replaces the answer of the callee."""

    __slots__ = ()

    rank = 20
    point = "answer"

    @abstractmethod
    def reply(self, asked: Asked) -> Answer:
        """The answer that the caller gets."""

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call is an HTTP call."""
        return call.family == "http"


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Check a parameter.

    :param name: its name.
    :param value: its value.
    :param choices: the values that it may have.
    :raises FaultModelError: it has another one.
    """
    if type(value) not in map(type, choices) or value not in choices:
        raise FaultModelError(
            f"{name} is {value!r}; it must be one of {', '.join(map(str, choices))}"
        )
