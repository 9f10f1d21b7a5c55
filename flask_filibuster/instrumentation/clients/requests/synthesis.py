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
            piece = file.read1(-1 if amt is None else amt)
            if not piece:
                break
            yield piece
        self.close()


class BytesBody:
    """A body that is there already.

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

        :raises urllib3.exceptions.ProtocolError: the body broke off.
        """
        try:
            return self._body.next_piece()
        except BrokenBody as broken:
            if broken.error is None and not self.enforced:
                return None
            below = broken.error or IncompleteRead(broken.received, broken.missing)  # type: ignore[arg-type]
            raise ProtocolError(f"Connection broken: {below!r}", below) from below

    def close(self) -> None:
        """Close the body."""
        if not self.closed:
            super().close()
            self._body.close()


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
    listed = list(headers)
    file = BodyFile(body)
    raw = PiecewiseResponse(
        body=io.BufferedReader(file),
        headers=HTTPHeaderDict(listed),
        status=status,
        reason=reason,
        version=11,
        preload_content=False,
        decode_content=False,
        original_response=OriginalResponse(listed),  # type: ignore[arg-type]
        request_method=method,
    )
    file.enforced = raw.enforce_content_length
    return raw


def with_body(raw: HTTPResponse, body: Body, method: str) -> HTTPResponse:
    """The response with another body, and all else as it was.

    :param raw: a response of urllib3, or one that looks like it.
    :param body: the body to read instead.
    :param method: method of the request that it answers.
    """
    other = raw_response(
        status=raw.status,
        reason=raw.reason or "",
        headers=list(raw.headers.items()),
        body=body,
        method=method,
    )
    other.retries = raw.retries
    return other


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
