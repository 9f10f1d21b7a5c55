"""The kind "answer late": the call is made, and its real answer comes later."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts, check_sleep, late_in_words, seconds_of

JUST_WITHIN = "@expr(metadata['timeout'])-0.001"


@dataclass(frozen=True, slots=True)
class AnswerLate(Kind):
    """The real answer comes after a delay, just within the call's own timeout by default.

    So the call itself succeeds, and whoever waits for its caller may have given up: a caller must
    answer within the timeout of its own caller. The kind does not apply to calls with a shorter
    read timeout, which "read timeout" is for.

    >>> str(AnswerLate()), str(AnswerLate(3))
    ('answers 0.001 s before the timeout of the call', 'answers 3 s late')

    :ivar seconds: the delay, or an expression of the call's timeout, as for ``Fault(sleep=…)``.
    :raises FaultModelError: it is neither.
    """

    name = "answer late"
    rank = 40
    point = "late"

    seconds: float | str = JUST_WITHIN

    def __post_init__(self) -> None:
        check_sleep(self.seconds)

    @property
    def outcome(self) -> Outcome:
        """The real answer."""
        return Outcome(status=200, variant=str(self))

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the call is answered, and waits that long."""
        if call.family != "http" or (call.outcome is not None and call.outcome.exception):
            return False
        if isinstance(self.seconds, str) and call.timeout == (None, None):
            return False
        read = call.timeout[1]
        return read is None or self.delay(call.timeout) < read

    def delay(self, timeout: Timeouts) -> float:
        """The delay."""
        return seconds_of(self.seconds, timeout)

    def __str__(self) -> str:
        return late_in_words(self.seconds)
