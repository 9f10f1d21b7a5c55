"""Responses of requests without a socket, built by requests' own methods."""

from __future__ import annotations

import http.client
import io
from collections.abc import Generator, Iterable
from typing import Any, NoReturn

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse, Retry
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import IncompleteRead, ProtocolError, ReadTimeoutError

from flask_filibuster.instrumentation.clients.base import Body, BrokenBody, BytesBody, Header
from flask_filibuster.instrumentation.http import PiecewiseReader

_PREMATURE = "Response ended prematurely"


class OriginalResponse:
    """The part of an ``http.client`` response that requests and urllib3 use.

    requests reads cookies from its ``msg``; urllib3 calls ``isclosed()``.
    """

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.msg = http.client.HTTPMessage()
        for name, value in headers:
            self.msg[name] = value
        self._closed = False

    def isclosed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def close(self) -> None:
        """Nothing is held open."""
        self._closed = True


class PiecewiseResponse(HTTPResponse):
    """A urllib3 response that yields each piece at once, as over a chunked connection."""

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        """The pieces of the body, none longer than ``amt`` bytes."""
        file: Any = self._fp
        if "content-encoding" in self.headers:
            if amt is not None:
                yield from super().stream(amt, decode_content)
                return
            # A read of everything closes the file of a socket at its end, and not this one.
            data = self.read(decode_content=decode_content)
            if data:
                yield data
            self.close()
            return
        while not file.closed:
            piece: bytes | None
            try:
                piece = file.read1(-1 if amt is None else amt)
            except http.client.IncompleteRead:
                piece = None
            except TimeoutError as error:
                raise ReadTimeoutError(self._pool, None, "Read timed out.") from error  # type: ignore[arg-type]
            if piece is None:
                _end_prematurely()
            if not piece:
                break
            self._count(len(piece))
            yield piece
        self.close()

    def _count(self, size: int) -> None:
        """Move the position, as urllib3 does for a body that is not chunked."""
        if not self.chunked:
            self._fp_bytes_read += size
            if self.length_remaining is not None:
                self.length_remaining -= size


def _end_prematurely() -> NoReturn:
    # Between two chunks, urllib3 has another message than for a read of everything. It looks for
    # the length of the next chunk.
    try:
        int(b"", 16)
    except ValueError:
        raise ProtocolError(_PREMATURE) from None
    raise ProtocolError(_PREMATURE)


class BodyFile(PiecewiseReader):
    """A body as the file that urllib3 reads, with the errors that it raises.

    :param body: the body.
    :ivar enforced: whether a body shorter than its declared length is an error, as in newer
        versions of urllib3.
    """

    def __init__(self, body: Body) -> None:
        super().__init__()
        self._body = body
        self.enforced = True

    def next_piece(self) -> bytes | None:
        """The next piece of the callee's body.

        :raises urllib3.exceptions.ProtocolError, http.client.IncompleteRead: it is incomplete.
        :raises TimeoutError: nothing more arrives.
        """
        try:
            return self._body.next_piece()
        except BrokenBody as broken:
            self._body.close()
            if broken.stalled:
                # As of a socket: urllib3 converts it.
                raise TimeoutError("timed out") from None
            if broken.error is None and not self.enforced:
                return None
            if broken.error is None and broken.missing is None:
                # Not ProtocolError: urllib3 converts this one, as it does over a socket.
                raise http.client.IncompleteRead(b"") from broken
            below = broken.error or IncompleteRead(broken.received, broken.missing)  # type: ignore[arg-type]
            raise ProtocolError(f"Connection broken: {below!r}", below) from below

    def close(self) -> None:
        """Close the body."""
        if not self.closed:
            super().close()
            self._body.close()


class ChunkedFile(io.BufferedReader):
    """A body without a declared length, read as ``http.client`` reads chunks.

    :param file: the body.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Read this many bytes, or all.

        :raises http.client.IncompleteRead: the body ends early; it has what this call has read.
        """
        left = None if size is None or size < 0 else size
        pieces: list[bytes] = []
        try:
            while left != 0 and (piece := self.read1(-1 if left is None else left)):
                pieces.append(piece)
                left = None if left is None else left - len(piece)
        except http.client.IncompleteRead as error:
            raise http.client.IncompleteRead(b"".join(pieces)) from error
        return b"".join(pieces)


class ShortFile(io.BufferedReader):
    """A body that may end before its declared length, read as ``http.client`` reads a socket.

    :param file: the body, which ends where it is incomplete.
    :param length: the declared length in bytes.
    """

    def __init__(self, file: BodyFile, length: int) -> None:
        super().__init__(file)
        self._left = length

    def read(self, size: int | None = -1, /) -> bytes:
        """Read this many bytes, or all.

        :raises http.client.IncompleteRead: bytes are missing in a read of all; a read of a number
            of bytes only returns fewer.
        """
        data = super().read(size)
        self._left -= len(data)
        if self._left > 0 and (size is None or size < 0):
            raise http.client.IncompleteRead(data, self._left)
        if self._left <= 0:
            self.close()
        return data


def raw_response(
    *, status: int, reason: str, headers: Iterable[Header], body: Body, method: str
) -> HTTPResponse:
    """A urllib3 response that reads its content from ``body`` on demand.

    :param status: HTTP status.
    :param reason: reason phrase.
    :param headers: names and values, repeated names included.
    :param body: the body.
    :param method: method of the request that this answers.
    """
    file = BodyFile(body)
    head = {"status": status, "reason": reason, "method": method}
    raw = _built(PiecewiseResponse, io.BufferedReader(file), headers, head)
    file.enforced = raw.enforce_content_length
    return raw


def with_body(raw: HTTPResponse, body: Body, method: str, pool: object = None) -> HTTPResponse:
    """The response with another body, and otherwise unchanged.

    If the body is shorter than the declared length, urllib3 itself detects it.

    :param raw: a response of urllib3, or one with the same interface.
    :param body: the body to read instead.
    :param method: method of the request that it answers.
    :param pool: the pool that errors name, if the response has none.
    """
    file = BodyFile(body)
    length = getattr(raw, "length_remaining", None)
    pool = getattr(raw, "_pool", None) or pool
    head = {"status": raw.status, "reason": raw.reason or "", "method": method, "pool": pool}
    headers = list(raw.headers.items())
    # A mock may know a length that it does not declare, which urllib3 then does not detect.
    if length is None or "content-length" not in raw.headers:
        other = _built(PiecewiseResponse, ChunkedFile(file), headers, head)
    else:
        file.enforced = False
        other = _built(HTTPResponse, ShortFile(file, length), headers, head)
        other.enforce_content_length = True  # In all versions: this body must be incomplete.
    other.retries = raw.retries
    return other


def _built(
    kind: type[HTTPResponse], file: io.BufferedReader, headers: Iterable[Header], head: Any
) -> HTTPResponse:
    listed = list(headers)
    return kind(
        body=file,
        headers=HTTPHeaderDict(listed),
        status=head["status"],
        reason=head["reason"],
        version=11,
        preload_content=False,
        decode_content=False,
        original_response=OriginalResponse(listed),  # type: ignore[arg-type]
        request_method=head["method"],
        pool=head.get("pool"),
    )


def build_response(adapter: BaseAdapter, request: PreparedRequest, raw: HTTPResponse) -> Response:
    """A response of requests around a raw one, as ``adapter`` would build it.

    :param adapter: the adapter of the request; if it is an ``HTTPAdapter``, its ``build_response``
        builds the response.
    :param request: the request.
    :param raw: the response below.
    """
    if raw.retries is None:
        policy = getattr(adapter, "max_retries", None)
        raw.retries = policy if isinstance(policy, Retry) else Retry(0, read=False)
    if isinstance(adapter, HTTPAdapter):
        return adapter.build_response(request, raw)
    # requests' own method only stores the adapter in the response.
    return HTTPAdapter.build_response(adapter, request, raw)  # type: ignore[arg-type]


def synthetic_response(
    adapter: BaseAdapter,
    request: PreparedRequest,
    *,
    status: int,
    reason: str,
    headers: Iterable[Header],
    body: bytes,
) -> Response:
    """The response that ``adapter`` would build of an answer with this head and body."""
    raw = raw_response(
        status=status,
        reason=reason,
        headers=headers,
        body=BytesBody(body),
        method=request.method or "GET",
    )
    return build_response(adapter, request, raw)
