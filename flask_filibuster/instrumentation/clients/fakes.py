"""Answers that tests make by hand: objects with what an application reads of a response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask_filibuster.instrumentation.clients.base import Answer, AnyCall, Header

_JSON: Header = ("Content-Type", "application/json")


def content_of_fake(reply: object) -> bytes | None:
    """The content of a response made by ``unittest.mock``, whose books stay as they are.

    >>> from unittest.mock import Mock
    >>> reply = Mock(status_code=200, **{"json.return_value": {"price": 3}})
    >>> content_of_fake(reply), reply.mock_calls
    (b'{"price":3}', [])

    :returns: the content; ``None`` if it is unknown until a method is called.
    """
    known = getattr(reply, "__dict__", None)
    if not isinstance(known, dict):
        return None
    for name in ("content", "_content"):
        if isinstance(known.get(name), bytes):
            return bytes(known[name])
    if isinstance(known.get("text"), str):
        return str(known["text"]).encode()
    children = known.get("_mock_children")
    method = children.get("json") if isinstance(children, dict) else None
    given = getattr(method, "__dict__", {})
    if given.get("_mock_side_effect") is not None:
        return None
    return _dumped(given.get("_mock_return_value"))


def answer_of_fake(reply: Any, call: AnyCall[Any]) -> Answer:
    """The answer that such an object stands for; a fault takes its place, so it may be called.

    :param reply: the object.
    :param call: the call that it answers.
    :raises InjectionError: it has no status, or no content.
    """
    status = getattr(reply, "status_code", None)
    content = content_of_fake(reply)
    if content is None:
        content = _asked(reply)
    if type(status) is not int or content is None:
        raise call.unreadable(reply)
    given = getattr(reply, "headers", None)
    headers = _headers(given if isinstance(given, Mapping) else {})
    if content[:1] in (b"{", b"[") and all(name.lower() != "content-type" for name, _ in headers):
        headers.append(_JSON)
    reason = getattr(reply, "reason", None)
    if not isinstance(reason, str):
        reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    return Answer(status, reason, tuple(headers), content)


def _headers(given: Mapping[Any, Any]) -> list[Header]:
    ignored = ("content-encoding", "content-length", "transfer-encoding")
    return [
        (name, value)
        for name, value in given.items()
        if isinstance(name, str) and isinstance(value, str) and name.lower() not in ignored
    ]


def _asked(reply: Any) -> bytes | None:
    content, text = getattr(reply, "content", None), getattr(reply, "text", None)
    if isinstance(content, bytes):
        return content
    if isinstance(text, str):
        return text.encode()
    try:
        return _dumped(reply.json())
    except Exception:  # noqa: BLE001 - a test makes its objects raise anything
        return None


def _dumped(document: Any) -> bytes | None:
    if not isinstance(document, dict | list):
        return None
    try:
        return json.dumps(document, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        return None
