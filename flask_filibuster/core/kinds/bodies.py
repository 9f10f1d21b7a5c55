"""Bodies of answers that arrive altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias


class Pieces(Iterator[bytes]):
    """The pieces of a real body, encoded as they arrive.

    >>> pieces = Pieces(iter([b"ab", b"c"]), length=3)
    >>> pieces.length, b"".join(pieces)
    (3, b'abc')

    :param pieces: the pieces.
    :param length: number of bytes that the answer declares, if it does.
    """

    def __init__(self, pieces: Iterator[bytes], length: int | None = None) -> None:
        self._pieces = pieces
        self.length = length

    def __next__(self) -> bytes:
        return next(self._pieces)


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing arrives for a while.

    :ivar seconds: how long.
    """

    seconds: float


Altered: TypeAlias = Iterator[bytes | Pause]
"""An altered body: pieces, and pauses between them."""

Alteration: TypeAlias = Callable[[Pieces], Iterator[bytes]]
"""Alters a body, piece by piece, and takes its time; raises :class:`BrokenBody` where the body ends
early."""


class BrokenBody(Exception):  # noqa: N818 - an event that clients translate
    """The body of an answer is incomplete. Each client raises its library's own error instead.

    :ivar received: number of bytes that arrived.
    :ivar missing: number of bytes that did not, if the answer declared its length.
    :ivar error: the cause, if known.
    :ivar stalled: whether the connection stays open, and the read timeout ends the wait.
    """

    def __init__(
        self,
        received: int,
        missing: int | None = None,
        error: Exception | None = None,
        *,
        stalled: bool = False,
    ) -> None:
        super().__init__(f"the body is incomplete: {received} bytes received")
        self.received = received
        self.missing = missing
        self.error = error
        self.stalled = stalled


class UnalterableError(Exception):
    """A real answer has no part that a fault could alter; the message says what is missing."""
