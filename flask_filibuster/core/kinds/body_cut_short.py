"""The kind "body cut short": the call is made, and the body of its real answer is incomplete."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from flask_filibuster.core.kinds.answer import BODILESS
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.bodies import BrokenBody
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError

_DIGEST_OF_NOTHING = hashlib.md5(b"", usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class BodyCutShort(Kind):
    """The answer's head arrives, and the connection is closed while the body is read.

    The error occurs where the client's library raises it: for requests, inside the call, or while a
    streamed body is read. The callee has done its work.

    >>> str(BodyCutShort()), str(BodyCutShort(0))
    ('closes the connection after 50% of the body', 'closes the connection before the body')

    :ivar at: the fraction of the body that arrives, from 0 to below 1. A body may be endless, so
        the fraction refers to the first chunk, or to the first 64 KiB.
    :raises FaultModelError: the fraction is out of range.
    """

    name = "body cut short"
    rank = 30
    point = "body"

    at: float = 0.5

    def __post_init__(self) -> None:
        is_number = isinstance(self.at, int | float) and not isinstance(self.at, bool)
        if not is_number or not math.isfinite(self.at) or not 0 <= self.at < 1:
            raise FaultModelError(
                f"cannot cut a body short at {self.at!r}; it must be a number from 0 to below 1"
            )

    @property
    def outcome(self) -> Outcome:
        """The error that the caller sees; its variant is the fraction that arrived."""
        return Outcome(exception="ChunkedEncodingError", variant=f"cut at {self.at:g}")

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer has a body, as far as known."""
        if call.family != "http" or call.method == "HEAD":
            return False
        seen = call.outcome
        if seen is None:
            return True
        is_empty = seen.status in BODILESS or seen.digest == _DIGEST_OF_NOTHING
        return seen.exception is None and not is_empty

    def alter(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The beginning of the first piece.

        :raises BrokenBody: after that beginning.
        """
        first = next(filter(None, pieces), b"")
        arrived = first[: int(len(first) * self.at)]
        if arrived:
            yield arrived
        raise BrokenBody(len(arrived))

    def __str__(self) -> str:
        if not self.at:
            return "closes the connection before the body"
        return f"closes the connection after {self.at:.0%} of the body"
