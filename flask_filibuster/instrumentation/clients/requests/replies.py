"""Replies of requests: read, digested, taken apart, and given other bodies."""

from __future__ import annotations

import hashlib
from typing import Any

from requests import RequestException, Response
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from flask_filibuster.instrumentation.clients.base import (
    Alteration,
    AlteredBody,
    Answer,
    AnyCall,
    BytesBody,
    Header,
    InjectionError,
    digest_of,
)
from flask_filibuster.instrumentation.clients.requests.injection import pool_of
from flask_filibuster.instrumentation.clients.requests.synthesis import raw_response, with_body

# A body that is remade is in memory as a whole.
MOST_REMADE = 16_777_216


def drained(reply: Response) -> str:
    """Read a response to its end and close it; returns the digest of its content."""
    digest = hashlib.md5(usedforsecurity=False)
    for piece in reply.iter_content(65_536):
        digest.update(piece)
    reply.close()
    return digest.hexdigest()


def content_read(reply: Response) -> bytes | None:
    """A response's content, if that is known without reading from a connection."""
    content: Any = getattr(reply, "_content", False)
    if isinstance(content, bytes):
        return content
    return b"" if getattr(reply.raw, "length_remaining", None) == 0 else None


def digest_of_read(reply: Response) -> str | None:
    """Digest of a response's content, if that is known without reading from a connection."""
    content = content_read(reply)
    return None if content is None else digest_of(content)


def received(reply: Response, call: AnyCall[Any]) -> Answer:
    """The whole answer behind a response, which is closed.

    :param reply: the response.
    :param call: the call.
    :raises InjectionError: its body is incomplete, or too long.
    """
    raw: Any = reply.raw
    content: Any = getattr(reply, "_content", False)
    if content or not hasattr(raw, "stream"):
        headers = _of_decoded(reply)
        return Answer(reply.status_code, reply.reason or "", tuple(headers), reply.content or b"")
    pieces, length = [], 0
    try:
        for piece in raw.stream(65_536, decode_content=False):
            pieces.append(piece)
            length += len(piece)
            if length > MOST_REMADE:
                raise InjectionError(call.words, f"the answer has more than {MOST_REMADE} bytes")
    except (HTTPError, RequestException) as error:
        raise InjectionError(call.words, f"the answer is incomplete: {error}") from error
    finally:
        reply.close()
    headers = [(str(name), str(value)) for name, value in raw.headers.items()]
    return Answer(reply.status_code, reply.reason or "", tuple(headers), b"".join(pieces))


def altered(reply: Response, alter: Alteration, call: AnyCall[Any]) -> Response:
    """The response, with a body that passes through ``alter``.

    :raises InjectionError: it has no body.
    """
    raw: Any = reply.raw
    content: Any = getattr(reply, "_content", False)
    if content or not hasattr(raw, "stream"):
        return _altered_content(reply, alter, call)
    length = getattr(raw, "length_remaining", None)
    if length == 0:
        reply.close()
        raise InjectionError(call.words, "the answer has no body")
    body = AlteredBody(raw.stream(65_536, decode_content=False), alter, raw.close, length)
    reply.raw = with_body(raw, body, call.operation, _pool_of(reply))
    return _unread(reply)


def _pool_of(reply: Response) -> HTTPConnectionPool | None:
    request: Any = reply.request  # A test may have made the response.
    return None if request is None else pool_of(request)


def _unread(reply: Response) -> Response:
    """The response as it is before its content is read."""
    unread: Any = reply
    unread._content = unread._content_consumed = False  # noqa: SLF001
    return reply


def _altered_content(reply: Response, alter: Alteration, call: AnyCall[Any]) -> Response:
    """:func:`altered`, for a response whose content a mock has set."""
    content = reply.content
    if not content:
        raise InjectionError(call.words, "the answer has no body")
    raw = raw_response(
        status=reply.status_code,
        reason=reply.reason or "",
        headers=[*_of_decoded(reply), ("Content-Length", str(len(content)))],
        body=BytesBody(content),
        method=call.operation,
    )
    pieces = raw.stream(65_536, decode_content=False)
    body = AlteredBody(pieces, alter, raw.close, len(content))
    reply.raw = with_body(raw, body, call.operation, _pool_of(reply))
    return _unread(reply)


def _of_decoded(reply: Response) -> list[Header]:
    """The headers of a response, without those of how its content was encoded."""
    ignored = ("content-encoding", "content-length", "transfer-encoding")
    return [(name, value) for name, value in reply.headers.items() if name.lower() not in ignored]
