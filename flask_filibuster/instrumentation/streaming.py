"""Bodies that are produced after the request has been torn down."""

from __future__ import annotations

from typing import Any

from flask_filibuster.instrumentation.frame import Scope, current_scope, enter


class ScopedIterator:
    """A streamed body whose producer sees the request's scope around each step.

    Flask has torn the request down by the time a server iterates over the body.
    """

    __slots__ = ("_body", "_closable", "_scope")

    def __init__(self, body: Any, scope: Scope) -> None:
        self._closable = body
        self._body = iter(body)
        self._scope = scope

    def __iter__(self) -> ScopedIterator:
        return self

    def __next__(self) -> Any:
        previous = current_scope()
        enter(self._scope)
        try:
            return next(self._body)
        finally:
            enter(previous)

    def close(self) -> None:
        """Close the body, as PEP 3333 asks of a server."""
        close = getattr(self._closable, "close", None)
        if close is None:
            return
        previous = current_scope()
        enter(self._scope)
        try:
            close()
        finally:
            enter(previous)
