"""The body of a request, as requests sends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from requests import PreparedRequest


def body_of(request: PreparedRequest) -> bytes | Iterable[bytes | str] | None:
    """The bytes of a request's body, or its pieces, which can be read once."""
    body: Any = request.body
    if isinstance(body, str):
        content = body.encode()
        # Older versions of urllib3 send Latin-1, which shows in the length.
        is_latin = request.headers.get("Content-Length") != str(len(content))
        return body.encode("latin-1") if is_latin else content
    return _pieces(body.read) if hasattr(body, "read") else body


def _pieces(read: Callable[[int], bytes | str]) -> Iterator[bytes | str]:
    while piece := read(65_536):
        yield piece


def use_up(request: PreparedRequest) -> None:
    """Read the body of a request to its end, as if it was sent: a file, an iterator, an encoder."""
    body = body_of(request)
    if body is not None and not isinstance(body, (bytes, bytearray, memoryview)):
        for _ in body:
            pass
