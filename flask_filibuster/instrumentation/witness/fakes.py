"""Connections that no event shows: those of replaced sockets, and of mocked clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_filibuster.core.trace import Way
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness import events
from flask_filibuster.instrumentation.witness.seeing import explained, note_unexplored


class Unexplored:
    """Notes something that leaves, or would; what leaves while the block runs is a part of it.

    :param way: how it leaves.
    :param target: where to.
    :param url: the URL, if known.
    """

    def __init__(self, way: Way, target: str, url: str = "") -> None:
        self._said: tuple[Way, str, str] = way, target, events.without_secrets(url)

    def __enter__(self) -> None:
        note_unexplored(*self._said)
        self._token = explained.set(explained.get() or self)

    def __exit__(self, *_error: object) -> None:
        explained.reset(self._token)


def connecting(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """The replacement of the method ``connect`` of a socket that a mock puts in place."""

    def connect(sock: Any, address: Any, *args: Any) -> Any:
        if not patch.active:
            return original(sock, address, *args)
        with Unexplored("connection", events.address_words(address)):
            return original(sock, address, *args)

    return connect
