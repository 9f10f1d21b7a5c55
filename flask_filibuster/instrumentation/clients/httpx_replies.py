"""Replies of httpcore, below httpx: made, read, taken apart, and given other bodies."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import Any, NoReturn

import h11
import httpcore
import httpx
from httpx import _client

from flask_filibuster.instrumentation.clients.base import (
    Alteration,
    AlteredBody,
    Answer,
    AnyCall,
    Body,
    BrokenBody,
    Header,
    InjectionError,
    pieces_of,
)
from flask_filibuster.instrumentation.clients.httpx_errors import CLOSED

RawHeaders = list[tuple[bytes, bytes]]

# A body that is remade is in memory as a whole.
MOST_REMADE = 16_777_216


def raw_headers(headers: Iterable[Header]) -> RawHeaders:
    """Headers as httpcore has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def response_of(
    status: int, reason: str, headers: Sequence[Header], body: Body
) -> httpcore.Response:
    """The response that a pool would return."""
    extensions = {"http_version": b"HTTP/1.1", "reason_phrase": reason.encode("latin-1")}
    return httpcore.Response(
        status, headers=raw_headers(headers), content=_Stream(body), extensions=extensions
    )


def with_body(reply: httpcore.Response, alter: Alteration) -> httpcore.Response:
    """The response, with a body that passes through ``alter``."""
    given = _header(reply, b"content-length")
    length = int(given) if given.isdecimal() else None
    body = _Stream(AlteredBody(reply.iter_stream(), alter, reply.close, length), length)
    return httpcore.Response(
        reply.status, headers=reply.headers, content=body, extensions=reply.extensions
    )


def received(reply: httpcore.Response, call: AnyCall[Any]) -> Answer:
    """The whole answer behind a response, which is closed.

    :param reply: the response.
    :param call: the call.
    :raises InjectionError: its body is incomplete, or too long.
    """
    pieces, length = [], 0
    try:
        for piece in reply.iter_stream():
            pieces.append(piece)
            length += len(piece)
            if length > MOST_REMADE:
                raise InjectionError(call.words, f"the answer has more than {MOST_REMADE} bytes")
    except call.client.errors as error:
        raise InjectionError(call.words, f"the answer is incomplete: {error}") from error
    finally:
        reply.close()
    reason = reply.extensions.get("reason_phrase", b"").decode("latin-1")
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers
    )
    return Answer(reply.status, reason, headers, b"".join(pieces))


def content_ahead(reply: httpcore.Response) -> bytes | None:
    """The decoded content of a response that ``httpx.Client`` is about to read.

    What arrived is read again by the client, piece by piece; an error is raised there.

    :returns: the content; ``None`` if it may not be read, is incomplete or cannot be decoded.
    """
    if not _is_read_next():
        return None
    stream: Any = reply.stream
    read = _Again(stream)
    reply.stream = read
    if read.error is not None:
        return None
    try:
        return httpx.Response(
            reply.status, headers=reply.headers, content=b"".join(read.pieces)
        ).content
    except httpx.DecodingError:
        return None


def _is_read_next() -> bool:
    """Whether the call is that of a client which reads the answer before anything else sees it."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - inspect is slower
    while frame is not None:
        code = frame.f_code
        if code.co_name == "send" and code.co_filename == _client.__file__:
            known = frame.f_locals
            client = known.get("self")
            hooks = getattr(client, "event_hooks", {}).get("response")
            return known.get("stream") is False and not hooks
        frame = frame.f_back
    return False


def _header(reply: httpcore.Response, name: bytes) -> str:
    found = (value for each, value in reply.headers if each.lower() == name)
    return next(found, b"").decode("latin-1").strip()


def stream_of(body: Body, length: int | None = None) -> httpx.SyncByteStream:
    """A body for httpcore and httpx, with the errors of httpcore.

    :param body: the body.
    :param length: number of bytes that the answer declares, if it does.
    """
    return _Stream(body, length)


class _Stream(httpx.SyncByteStream):
    """A body for httpcore and httpx.

    :param body: the body.
    :param length: number of bytes that the answer declares, if it does.
    """

    def __init__(self, body: Body, length: int | None = None) -> None:
        self._body = body
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        incomplete: BrokenBody | None = None
        try:
            yield from pieces_of(self._body)
        except BrokenBody as broken:
            # Without the traceback: it would lead back to this frame, and keep the real body open
            # until Python looks for garbage, which may be while httpcore holds its lock.
            incomplete = broken.with_traceback(None)
        if incomplete is not None:
            self._raise(incomplete)

    def _raise(self, broken: BrokenBody) -> NoReturn:
        if broken.stalled:
            raise httpcore.ReadTimeout("timed out")
        expected = self._length
        if broken.missing is not None:
            expected = broken.received + broken.missing
        how = "incomplete chunked read"
        if expected is not None:
            how = f"received {broken.received} bytes, expected {expected}"
        below = h11.RemoteProtocolError(f"{CLOSED} ({how})")
        if broken.error is not None:
            below.__cause__ = broken.error
        try:
            raise below
        except h11.RemoteProtocolError:
            raise httpcore.RemoteProtocolError(below) from None  # As httpcore's pool does.
        finally:
            del below  # Else it would refer to itself, by its traceback.

    def close(self) -> None:
        self._body.close()


class _Again(httpx.SyncByteStream):
    """A body that is read at once, and then again, as it arrived.

    :param stream: the body.
    :ivar pieces: what arrived.
    :ivar error: the error that ended it, if any.
    """

    def __init__(self, stream: Any) -> None:
        self._close: Callable[[], None] = getattr(stream, "close", lambda: None)
        self.pieces: list[bytes] = []
        self.error: Exception | None = None
        try:
            self.pieces.extend(stream)
        except Exception as error:  # noqa: BLE001 - it is raised where the body is read
            self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self._close()
