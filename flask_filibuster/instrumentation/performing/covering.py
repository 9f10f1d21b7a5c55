"""What belongs to a call that is really made."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from flask_filibuster.instrumentation.outgoing import AnyCall
from flask_filibuster.instrumentation.witness.seeing import explained

_covered: ContextVar[frozenset[str]] = ContextVar("flask_filibuster_covered", default=frozenset())


def covered() -> frozenset[str]:
    """Names of the clients whose calls are currently part of another client's call."""
    return _covered.get()


def is_covered(client: str) -> bool:
    """Whether calls of this client, by name, are currently part of another client's call."""
    return client in _covered.get()


class Covering:
    """While the block runs, the call is really made.

    Calls of the clients that its client is built on are part of it, and so is all that leaves the
    process.
    """

    __slots__ = ("_call", "_explained", "_names", "_token")

    def __init__(self, call: AnyCall[Any]) -> None:
        self._call = call
        self._names = call.client.built_on
        self._token: Token[frozenset[str]] | None = None

    def __enter__(self) -> None:
        self._explained = explained.set(self._call)
        if self._names:
            self._token = _covered.set(_covered.get() | self._names)

    def __exit__(self, *_error: object) -> None:
        explained.reset(self._explained)
        if self._token is not None:
            _covered.reset(self._token)
