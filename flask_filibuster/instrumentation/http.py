"""HTTP requests and answers, as clients and services of this process exchange them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flask_filibuster.core.kinds.bodies import Alteration, Pieces

Header = tuple[str, str]


class UnfinishedRequest(Exception):  # noqa: N818 - an event that clients translate
    """The callee waits for a part of the request's body that is declared and never comes.

    The caller waits for the answer, until its read timeout, or until the callee closes the
    connection.
    """


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it goes over the wire.

    :ivar method: HTTP method, upper case.
    :ivar url: absolute URL.
    :ivar headers: names and values, repeated names included.
    :ivar body: the bytes of the body, an iterable of its pieces, or ``None``.
    """

    method: str
    url: str
    headers: Sequence[Header]
    body: bytes | Iterable[bytes | str] | None = None


class Body(Protocol):
    """The body of an answer, produced as it is read."""

    def next_piece(self) -> bytes | None:
        """The next piece, or ``None`` at the end; an empty piece is not the end.

        :raises BrokenBody: the body is incomplete.
        """

    def close(self) -> None:
        """Stop reading; may be called twice."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer as it comes over the wire.

    :ivar status: HTTP status.
    :ivar reason: reason phrase.
    :ivar headers: names and values, repeated names included.
    :ivar body: the body, which the client closes.
    """

    status: int
    reason: str
    headers: Sequence[Header]
    body: Body


class BytesBody:
    """A complete body.

    :param content: its bytes.
    """

    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    def next_piece(self) -> bytes | None:
        """All of it, once."""
        content, self._content = self._content, None
        return content

    def close(self) -> None:
        """Nothing is held open."""


class AlteredBody:
    """A body derived from the pieces of another one.

    :param pieces: the pieces of the real body.
    :param alter: returns the pieces that the caller gets.
    :param close: closes the real body.
    :param length: number of bytes that the answer declares, if it does.
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        alter: Alteration,
        close: Callable[[], None],
        length: int | None = None,
    ) -> None:
        self._pieces = alter(Pieces(pieces, length))
        self._close = close

    def next_piece(self) -> bytes | None:
        """The next piece, or ``None`` at the end.

        :raises BrokenBody: the body is incomplete.
        """
        return next(self._pieces, None)

    def close(self) -> None:
        """Close the real body."""
        self._close()


class PiecewiseReader(io.RawIOBase):
    """A file whose content comes in pieces: a read blocks only if the last piece is used up."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""

    def next_piece(self) -> bytes | None:
        """The next piece, or ``None`` at the end."""
        raise io.UnsupportedOperation

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the available bytes."""
        while not self._rest:
            piece = self.next_piece()
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def pieces_of(body: Body) -> Iterator[bytes]:
    """The pieces of a body, to its end.

    :raises BrokenBody: the body is incomplete.
    """
    while (piece := body.next_piece()) is not None:
        yield piece
