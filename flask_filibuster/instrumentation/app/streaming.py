"""Bodies that are produced after the request has been torn down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_filibuster.instrumentation.frames import Frame, Scope, current_scope, enter, pop


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
        """Leave the request for good, where it is torn down only with the end of its stream.

        Flask does so with ``stream_with_context``: the thread is still in the request's scope then.
        """
        frame = self._scope.frame
        if isinstance(frame, Frame):
            pop(frame)

    def close(self) -> None:
        """Close the body, as PEP 3333 asks of a server."""
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
