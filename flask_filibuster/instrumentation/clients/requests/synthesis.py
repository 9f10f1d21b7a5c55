"""Responses of requests that did not come over a socket, built the way requests builds its own."""

from __future__ import annotations

import http.client
import io
from collections.abc import Generator, Iterable
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import IncompleteRead, ProtocolError

from flask_filibuster.instrumentation.clients.base import Body, BrokenBody, Header
from flask_filibuster.instrumentation.http import PiecewiseReader


class OriginalResponse:
    """What requests and urllib3 want of the ``http.client`` response below theirs.

    requests takes cookies from its ``msg``; urllib3 asks whether it is closed.
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
    """A urllib3 response that hands on each piece as it comes, as it does over a chunked socket."""

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        """The pieces of the body, none longer than ``amt`` bytes."""
        file: Any = self._fp
        if "content-encoding" in self.headers:
            yield from super().stream(amt, decode_content)
            return
        while not file.closed:
            try:
                piece = file.read1(-1 if amt is None else amt)
            except http.client.IncompleteRead as error:
                # Between two chunks, where urllib3 says it in other words than where it reads all.
                raise ProtocolError("Response ended prematurely") from error
            if not piece:
                break
            yield piece
        self.close()


class BodyFile(PiecewiseReader):
    """A body as the file that urllib3 reads, with the errors that it raises.

    :param body: the body.
    :ivar enforced: whether a body shorter than its answer says is an error, as in newer versions of
        urllib3.
    """

    def __init__(self, body: Body) -> None:
        super().__init__()
        self._body = body
        self.enforced = True

    def next_piece(self) -> bytes | None:
        """What the callee produces next.

        :raises urllib3.exceptions.ProtocolError, http.client.IncompleteRead: the body broke off.
        """
        try:
            return self._body.next_piece()
        except BrokenBody as broken:
            self._body.close()
            if broken.error is None and not self.enforced:
                return None
            if broken.error is None and broken.missing is None:
                # Not ProtocolError: urllib3 makes that of it, as it does over a socket.
                raise http.client.IncompleteRead(b"") from broken
            below = broken.error or IncompleteRead(broken.received, broken.missing)  # type: ignore[arg-type]
            raise ProtocolError(f"Connection broken: {below!r}", below) from below

    def close(self) -> None:
        """Close the body."""
        if not self.closed:
            super().close()
            self._body.close()


class ShortFile(io.BufferedReader):
    """A body that may end before its declared length, read as ``http.client`` reads a socket.

    :param file: the body, which just ends where it breaks off.
    :param length: the declared length in bytes.
    """

    def __init__(self, file: BodyFile, length: int) -> None:
        super().__init__(file)
        self._left = length

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or all.

        :raises http.client.IncompleteRead: of all, some are missing; a part is just shorter.
        """
        data = super().read(size)
        self._left -= len(data)
        if self._left > 0 and (size is None or size < 0):
            raise http.client.IncompleteRead(data, self._left)
        return data


def raw_response(
    *, status: int, reason: str, headers: Iterable[Header], body: Body, method: str
) -> HTTPResponse:
    """A urllib3 response that reads its content from ``body`` when it is asked to.

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


def with_body(raw: HTTPResponse, body: Body, method: str) -> HTTPResponse:
    """The response with another body, and all else as it was.

    Where that is shorter than the length that the answer declares, urllib3 itself finds out.

    :param raw: a response of urllib3, or one that looks like it.
    :param body: the body to read instead.
    :param method: method of the request that it answers.
    """
    file = BodyFile(body)
    length = getattr(raw, "length_remaining", None)
    head = {"status": raw.status, "reason": raw.reason or "", "method": method}
    headers = list(raw.headers.items())
    if length is None:
        other = _built(PiecewiseResponse, io.BufferedReader(file), headers, head)
    else:
        file.enforced = False
        other = _built(HTTPResponse, ShortFile(file, length), headers, head)
        other.enforce_content_length = True  # In all versions: this body is to break off.
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
    )


def build_response(adapter: BaseAdapter, request: PreparedRequest, raw: HTTPResponse) -> Response:
    """A response of requests around a raw one, as ``adapter`` would have built it.

    :param adapter: the adapter that would have sent the request; what its class makes of responses,
        where it is one of requests' own kind, is made of this one.
    :param request: what is answered.
    :param raw: the response below.
    """
    if isinstance(adapter, HTTPAdapter):
        return adapter.build_response(request, raw)
    # requests' own method needs nothing of the adapter but the name it puts into the response.
    return HTTPAdapter.build_response(adapter, request, raw)  # type: ignore[arg-type]
