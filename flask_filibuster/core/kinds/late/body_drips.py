"""The kind "body drips": the body arrives in small pieces, each just in time."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.bodies import Altered, Pause, Pieces
from flask_filibuster.core.kinds.of_body import has_body
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.errors import FaultModelError

_MOST_DRIPS = 1000
_DEFAULT_PAUSE = 1.0
# A read timeout limits the wait for one piece, which so comes in time.
_JUST_IN_TIME = 0.8


@dataclass(frozen=True, slots=True)
class BodyDrips(Kind):
    """The whole body arrives, but far later than the call's timeout seems to allow.

    A read timeout limits the time between two pieces, not the time of the call: no error is raised.

    >>> str(BodyDrips(5)), str(BodyDrips(3, pause=2))
    ('sends its body in 5 drips', 'sends its body in 3 drips, 2 s apart')

    :ivar drips: number of pieces, from 2 to 1,000; fewer for a shorter body. Pieces of a body
        without a declared length are those in which it is sent, each of them in this many drips.
    :ivar pause: seconds before each piece; by default, 80 % of the call's read timeout, or 1 s.
    :raises FaultModelError: one of them is out of range.
    """

    name = "body drips"
    rank = 41
    point = "body"

    drips: int = 5
    pause: float | None = None

    def __post_init__(self) -> None:
        if type(self.drips) is not int or not 2 <= self.drips <= _MOST_DRIPS:
            raise FaultModelError(
                f"cannot send a body in {self.drips!r} drips; it must be a number from 2 to "
                f"{_MOST_DRIPS}"
            )
        is_number = isinstance(self.pause, int | float) and not isinstance(self.pause, bool)
        if self.pause is not None and not (is_number and 0 < self.pause < float("inf")):
            raise FaultModelError(f"cannot pause for {self.pause!r}; it must be seconds, above 0")

    @property
    def outcome(self) -> Outcome:
        """The real answer."""
        return Outcome(status=200, variant=str(self))

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer has a body, and no pause exceeds the call's read timeout."""
        read = call.timeout[1]
        in_time = self.pause is None or read is None or self.pause < read
        return in_time and has_body(call)

    def alter(self, pieces: Pieces, timeout: Timeouts) -> Altered:
        """The pieces, and pauses."""
        read, pause = timeout[1], self.pause
        if pause is None:
            pause = _DEFAULT_PAUSE if read is None else read * _JUST_IN_TIME
        for piece in filter(None, pieces):
            whole = len(piece) if pieces.length is None else pieces.length
            size = max(-(-whole // self.drips), 1)
            for start in range(0, len(piece), size):
                yield Pause(pause)
                yield piece[start : start + size]

    def __str__(self) -> str:
        apart = "" if self.pause is None else f", {self.pause:g} s apart"
        return f"sends its body in {self.drips} drips{apart}"
