"""Bodies that are produced after the request has been torn down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.frame import Scope, current_scope, enter


class ScopedIterator:
    """A streamed body whose producer sees the request's scope around each step.

    Flask has torn the request down by the time a server iterates over the body, and hears nothing
    of what its producer raises.

    :param body: the body.
    :param scope: the request's scope.
    :param failed: told of an exception that the producer raises.
    """

    __slots__ = ("_body", "_closable", "_failed", "_scope")

    def __init__(self, body: Any, scope: Scope, failed: Callable[[Exception], None]) -> None:
        self._closable = body
        self._body = iter(body)
        self._scope = scope
        self._failed = failed

    def __iter__(self) -> ScopedIterator:
        return self

    def __next__(self) -> Any:
        previous = current_scope()
        enter(self._scope)
        try:
            return next(self._body)
        except StopIteration:
            raise
        except Exception as error:
            self._failed(error)
            raise
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
