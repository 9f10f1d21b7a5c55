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
        if "content-encoding" in self.headers or not hasattr(file, "read1"):
            yield from super().stream(amt, decode_content)
            return
        while not file.closed:
            piece = file.read1(-1 if amt is None else amt)
            if not piece:
                break
            yield piece
        self.close()


def raw_response(
    *,
    status: int,
    reason: str,
    headers: Iterable[tuple[str, str]],
    body: io.BufferedIOBase,
    method: str,
) -> HTTPResponse:
    """A urllib3 response that reads its content from ``body`` when it is asked to.

    :param status: HTTP status.
    :param reason: reason phrase.
    :param headers: names and values, repeated names included.
    :param body: file of the bytes of the body; ``read1`` gives what is there without waiting.
    :param method: method of the request that this answers.
    """
    listed = list(headers)
    return PiecewiseResponse(
        body=body,
        headers=HTTPHeaderDict(listed),
        status=status,
        reason=reason,
        version=11,
        preload_content=False,
        decode_content=False,
        original_response=OriginalResponse(listed),  # type: ignore[arg-type]
        request_method=method,
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
