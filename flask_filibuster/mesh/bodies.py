"""The streams of a call within this process: the caller's request body, the callee's answer."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any, TypeVar

from flask_filibuster.core.kinds.bodies import BrokenBody
from flask_filibuster.instrumentation.around import Network
from flask_filibuster.instrumentation.frames import (
    Scope,
    enter,
)
from flask_filibuster.instrumentation.http import PiecewiseReader

_CLOSED = "the client closed the connection in the middle of its request"

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class CalleeContext:
    """The context in which one request is handled and its body produced.

    :param network: where the callee's own calls go.
    """

    def __init__(self, network: Network) -> None:
        self._context = Context()
        scope = Scope(None, network)
        scope.is_service = True
        self._context.run(enter, scope)

    def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call a function in that context."""
        return self._context.run(function, *args)


class AnswerBody:
    """A WSGI body, piece by piece, as the app produces it.

    :param context: the context in which the app produces it.
    :param body: the app's iterable.
    :param length: number of bytes that the client reads, by the answer's headers; ``None``: all.
    """

    def __init__(self, context: CalleeContext, body: Iterable[bytes], length: int | None) -> None:
        self._context = context
        self._body = body
        self._iterator: Iterator[bytes] = iter(()) if length == 0 else context.run(iter, body)
        self._given = 0
        self._length = length
        self._closed = False

    def next_piece(self) -> bytes | None:
        """The next piece that the app produces.

        :raises BrokenBody: the app raised, or ended before its declared length.
        """
        left = None if self._length is None else self._length - self._given
        try:
            piece = self._context.run(_next if left != 0 else _exhaust, self._iterator)
        except Exception as error:
            logger.exception("a service raised an exception in the middle of its answer")
            if left == 0:  # The client has all that it expects.
                return None
            raise BrokenBody(self._given, error=error) from error
        if piece is None:
            if left:
                raise BrokenBody(self._given, left)
            return None
        piece = piece[:left]
        self._given += len(piece)
        return piece

    def close(self) -> None:
        """Close the app's iterable, as a server does (PEP 3333)."""
        if self._closed:
            return
        self._closed = True
        close = getattr(self._body, "close", None)
        if close is not None:
            try:
                self._context.run(close)
            except Exception:  # The client never sees it.
                logger.exception("a service raised an exception when its answer was closed")


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


def _exhaust(pieces: Iterator[bytes]) -> None:
    for _ in pieces:
        pass


class RequestBody(PiecewiseReader):
    """A request body that is produced piece by piece, as the file that WSGI expects.

    The caller's code produces it, so it runs in a copy of the caller's context.

    :param pieces: the pieces.
    :param length: the declared length in bytes, if any.
    :ivar failure: the exception of the caller's code; its request ends in that, independent of the
        app's reaction to the incomplete body.
    :ivar is_awaited: whether the app reads on for bytes that were declared and never come. Over a
        socket, it waits until the caller gives up.
    """

    def __init__(self, pieces: Iterable[bytes | str], length: int | None = None) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.is_awaited = False
        self._context = copy_context()
        self._pieces = iter(pieces)
        self._ahead: deque[bytes] = deque()
        self._left = length

    def read_ahead(self) -> None:
        """Take all that the caller produces: it sends its request before it reads the answer."""
        while self.failure is None and (piece := self._produced()) is not None:
            self._ahead.append(piece)

    def next_piece(self) -> bytes | None:
        """The next piece that the caller produces.

        :raises ConnectionResetError: the caller's code raised, or produced less than it declared.
        """
        piece = self._ahead.popleft() if self._ahead else self._produced()
        if self.failure is not None and piece is None:
            raise ConnectionResetError(_CLOSED) from self.failure
        if self._left is not None:
            if piece is None and self._left > 0:
                self.is_awaited = True
                raise ConnectionResetError(_CLOSED)
            self._left -= len(piece or b"")
        return piece

    def _produced(self) -> bytes | None:
        try:
            piece = self._context.run(next, self._pieces, None)
        except Exception as error:  # noqa: BLE001 - the caller gets it
            self.failure = error
            return None
        return piece.encode() if isinstance(piece, str) else piece
