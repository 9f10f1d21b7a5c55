"""The kind "body stalled": nothing arrives after the beginning of the body."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.bodies import Altered, BrokenBody, Pause, Pieces
from flask_filibuster.core.kinds.of_body import beginning, has_body
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.errors import FaultModelError


@dataclass(frozen=True, slots=True)
class BodyStalled(Kind):
    """The answer's head and a part of the body arrive, then nothing until the read timeout.

    The error occurs where the client's library raises it: requests raises ``ConnectionError`` here,
    not ``ReadTimeout``.

    >>> str(BodyStalled()), str(BodyStalled(0))
    ('stalls after 50% of the body', 'stalls before the body')

    :ivar at: the fraction of the body that arrives, as for "body cut short".
    :raises FaultModelError: the fraction is out of range.
    """

    name = "body stalled"
    rank = 31
    point = "body"

    at: float = 0.5

    def __post_init__(self) -> None:
        is_number = isinstance(self.at, int | float) and not isinstance(self.at, bool)
        if not is_number or not math.isfinite(self.at) or not 0 <= self.at < 1:
            raise FaultModelError(
                f"cannot stall a body at {self.at!r}; it must be a number from 0 to below 1"
            )

    @property
    def outcome(self) -> Outcome:
        """The error of requests; httpx raises ``ReadTimeout``."""
        return Outcome(exception="ConnectionError", variant=f"stalled at {self.at:g}")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer has a body, and the call a read timeout: it waits for ever without."""
        return call.timeout[1] is not None and has_body(call)

    def alter(self, pieces: Pieces, timeout: Timeouts) -> Altered:
        """The beginning of the body, and a pause.

        :raises BrokenBody: after the pause.
        """
        arrived = 0
        for piece in beginning(pieces, self.at):
            arrived += len(piece)
            yield piece
        yield Pause(timeout[1] or 0.0)
        raise BrokenBody(arrived, stalled=True)

    def __str__(self) -> str:
        return f"stalls after {self.at:.0%} of the body" if self.at else "stalls before the body"
