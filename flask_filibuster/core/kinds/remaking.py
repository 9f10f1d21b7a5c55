"""Real answers, taken apart and put together again."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace
from typing import Any

from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.bodies import UnalterableError

_ENCODING, _TYPE = "content-encoding", "content-type"
_OF_BODY = frozenset({_ENCODING, "content-length", "transfer-encoding", "etag", "content-md5"})


def header(answer: Answer, name: str) -> str:
    """The value of a header, empty if the answer has none.

    :param answer: the answer.
    :param name: its name in lower case.
    """
    return next((value for each, value in answer.headers if each.lower() == name), "")


def remade(answer: Answer, body: bytes, **headers: str | None) -> Answer:
    """The answer with another body, and the headers that describe it.

    >>> real = Answer(200, "OK", (("Content-Type", "text/plain"), ("Content-Encoding", "gzip")))
    >>> remade(real, b"<p>", content_type="text/html").headers
    (('Content-Type', 'text/html'), ('Content-Length', '3'))

    :param answer: the real answer.
    :param body: the body, without any encoding.
    :param headers: further headers to set, or to leave out if ``None``.
    """
    other = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = [
        (name, other.pop(name.lower(), value))
        for name, value in answer.headers
        if name.lower() not in _OF_BODY
    ]
    kept += [(name.title(), value) for name, value in other.items()]
    named = [(name, value) for name, value in kept if value is not None]
    named.append(("Content-Length", str(len(body))))
    return replace(answer, headers=tuple(named), body=body)


def content_of(answer: Answer) -> bytes:
    """The body of an answer without its encoding.

    :raises UnalterableError: it is encoded in a way that is not known here.
    """
    encoding = header(answer, _ENCODING).strip().lower()
    try:
        if encoding in ("", "identity") or not answer.body:
            return answer.body
        if encoding in ("gzip", "x-gzip"):
            return gzip.decompress(answer.body)
        if encoding == "deflate":
            return zlib.decompress(answer.body)
    except (OSError, EOFError, zlib.error) as error:
        raise UnalterableError(f"the body is not in its encoding {encoding!r}: {error}") from error
    raise UnalterableError(f"the body has the encoding {encoding!r}")


def json_of(answer: Answer) -> Any:
    """The JSON document of an answer.

    :raises UnalterableError: its body is not JSON.
    """
    try:
        return json.loads(content_of(answer))
    except (ValueError, RecursionError) as error:
        raise UnalterableError(f"the answer is not JSON: {error}") from error


def with_json(answer: Answer, document: Any) -> Answer:
    """The answer with another JSON document."""
    return remade(answer, json.dumps(document, separators=(",", ":")).encode())
