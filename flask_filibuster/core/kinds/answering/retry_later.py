"""The kind "retry later": the callee asks its callers to wait."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate

from flask_filibuster.core.kinds.answer import Answer, Asked, plain_answer, reason_of
from flask_filibuster.core.kinds.answering.other_answer import OtherAnswer, check_choice
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError

_STATUSES = (429, 503)
_FORMS = ("seconds", "date")
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class RetryLater(OtherAnswer):
    """The callee is overloaded, or limits the rate of its callers, and says when to come back.

    >>> str(RetryLater())
    'answers 429 Too Many Requests with Retry-After: 1'
    >>> str(RetryLater(503, -60, "date"))
    'answers 503 Service Unavailable with Retry-After: a date 60 s ago'

    :ivar status: 429 or 503.
    :ivar after: seconds until the retry, at most 10^9; for a date in the past, below 0.
    :ivar form: ``"seconds"``, or ``"date"``; the header has either form (RFC 9110, section
        10.2.3).
    :raises FaultModelError: one of these is out of range.
    """

    name = "retry later"

    status: int = 429
    after: int = 1
    form: str = "seconds"

    def __post_init__(self) -> None:
        check_choice("status", self.status, _STATUSES)
        check_choice("form", self.form, _FORMS)
        least = 0 if self.form == "seconds" else -_MOST
        if type(self.after) is not int or not least <= self.after <= _MOST:
            raise FaultModelError(
                f"after is {self.after!r}; it must be a whole number of seconds "
                f"from {least} to {_MOST}"
            )

    @property
    def outcome(self) -> Outcome:
        """The status; its variant is the header."""
        return Outcome(status=self.status, variant=f"Retry-After {self._in_words}")

    def reply(self, asked: Asked) -> Answer:
        """The answer, with the header."""
        plain = plain_answer(self.status)
        after = str(self.after)
        if self.form == "date":
            after = formatdate(asked.now + self.after, usegmt=True)
        return Answer(
            self.status, plain.reason, (*plain.headers, ("Retry-After", after)), plain.body
        )

    @property
    def _in_words(self) -> str:
        if self.form == "seconds":
            return str(self.after)
        return f"a date {abs(self.after)} s {'ago' if self.after < 0 else 'ahead'}"

    def __str__(self) -> str:
        return f"answers {self.status} {reason_of(self.status)} with Retry-After: {self._in_words}"
