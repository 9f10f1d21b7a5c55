"""Bodies produced after the teardown of their request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.frames import Frame, Scope, current_scope, enter, pop


class ScopedIterator:
    """A streamed body whose producer runs each step in the request's scope.

    Flask tears the request down before a server iterates over the body, and doesn't handle
    exceptions of its producer.

    :param body: the body.
    :param scope: the request's scope.
    :param failed: called with an exception of the producer.
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
        ended = True
        try:
            piece = next(self._body)
            ended = False
        except StopIteration:
            raise
        except Exception as error:
            self._failed(error)
            raise
        finally:
            enter(previous)
            if ended:
                self._leave()
        return piece

    def _leave(self) -> None:
        """Leave the request's scope if its teardown came with the end of the stream.

        With ``stream_with_context``, the thread is still in the request's scope then.
        """
        frame = self._scope.frame
        if isinstance(frame, Frame):
            pop(frame)

    def close(self) -> None:
        """Close the body, as PEP 3333 requires of a server."""
        close = getattr(self._closable, "close", None)
        if close is None:
            self._leave()
            return
        previous = current_scope()
        enter(self._scope)
        try:
            close()
        finally:
            enter(previous)
            self._leave()
