"""The kind "body cut short": the call is made, and the body of its real answer is incomplete."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.bodies import Altered, BrokenBody, Pieces
from flask_filibuster.core.kinds.of_body import beginning, has_body
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.sleeping import Timeouts
from flask_filibuster.errors import FaultModelError

LAST_BYTE: Final = "last byte"


@dataclass(frozen=True, slots=True)
class BodyCutShort(Kind):
    """The answer's head arrives, and the connection is closed while the body is read.

    The error occurs where the client's library raises it: for requests, inside the call, or while a
    streamed body is read. The callee has done its work.

    >>> str(BodyCutShort()), str(BodyCutShort(0))
    ('closes the connection after 50% of the body', 'closes the connection before the body')
    >>> str(BodyCutShort("last byte"))
    'closes the connection before the last byte of the body'

    :ivar at: the fraction of the body that arrives, from 0 to below 1, or ``"last byte"``: all but
        the last byte. A body without a declared length may be endless: its fraction refers to the
        first chunk, or to the first 64 KiB.
    :raises FaultModelError: the fraction is out of range.
    """

    name = "body cut short"
    rank = 30
    point = "body"

    at: float | str = 0.5

    def __post_init__(self) -> None:
        is_number = isinstance(self.at, int | float) and not isinstance(self.at, bool)
        fits = is_number and math.isfinite(self.at) and 0 <= self.at < 1  # type: ignore[operator,arg-type]
        if not fits and self.at != LAST_BYTE:
            raise FaultModelError(
                f"cannot cut a body short at {self.at!r}; it must be a number from 0 to below 1, "
                f"or {LAST_BYTE!r}"
            )

    @property
    def outcome(self) -> Outcome:
        """The error that the caller sees; its variant is the fraction that arrived."""
        where = self.at if isinstance(self.at, str) else f"{self.at:g}"
        return Outcome(exception="ChunkedEncodingError", variant=f"cut at {where}")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer has a body, as far as known."""
        return has_body(call)

    def alter(self, pieces: Pieces, timeout: Timeouts) -> Altered:  # noqa: ARG002
        """The beginning of the body.

        :raises BrokenBody: after that beginning.
        """
        arrived = 0
        for piece in _but_last(pieces) if isinstance(self.at, str) else beginning(pieces, self.at):
            arrived += len(piece)
            yield piece
        raise BrokenBody(arrived)

    def __str__(self) -> str:
        if isinstance(self.at, str):
            return f"closes the connection before the {self.at} of the body"
        if not self.at:
            return "closes the connection before the body"
        return f"closes the connection after {self.at:.0%} of the body"


def _but_last(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, without the last byte of all: each is held back until the next one is there."""
    held = b""
    for piece in filter(None, pieces):
        if held:
            yield held
        held = piece
    if held[:-1]:
        yield held[:-1]
