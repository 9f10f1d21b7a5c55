"""One request inside an app: its frame is there until the body is closed, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask_filibuster import signals
from flask_filibuster.instrumentation.app.handling import ExploredRequests, current_globals
from flask_filibuster.instrumentation.clock.here import clock_of
from flask_filibuster.instrumentation.context import FRAME_KEY
from flask_filibuster.instrumentation.frames import Frame, Scope, current_scope, enter

_Status = Callable[..., Any]


def announce(frame: Frame) -> None:
    """Show the frame to the application, and signal the request."""
    frame.is_shown = True
    current_globals().filibuster = frame
    if signals.request_received.receivers:
        signals.request_received.send(frame.app, frame=frame)


class Visit:
    """The part of a request that runs in its frame.

    :param explored: explores the app's requests.
    :param frame: the frame of the request.
    :param around: the scope of the code that sends the request.
    :param environ: its WSGI environment, which shows the frame to the app.
    """

    __slots__ = (
        "_clock",
        "_environ",
        "_explored",
        "_frame",
        "_is_told",
        "_outer",
        "_scope",
        "_status",
    )

    def __init__(
        self,
        explored: ExploredRequests,
        frame: Frame,
        around: Scope | None,
        environ: dict[str, Any],
    ) -> None:
        self._explored = explored
        self._frame = frame
        self._environ = environ
        self._outer: Frame | None = environ.get(FRAME_KEY)
        self._status: int | None = None
        self._is_told = False
        frame.is_entered = True
        frame.network = around.network if around is not None else None
        self._scope = Scope(frame, frame.network)
        self._clock = clock_of(frame)

    def answer(
        self,
        wsgi_app: Callable[..., Iterable[bytes]],
        app: Any,
        environ: dict[str, Any],
        start_response: _Status,
    ) -> Iterable[bytes]:
        """The app's body for the request, each step of which runs in the frame, too."""

        def start(status: str, *rest: Any) -> Any:
            self._status = int(status[:3]) if status[:3].isdecimal() else None
            return start_response(status, *rest)

        body = self._inside(wsgi_app, app, environ, start)
        if self._status is not None:
            self._told()
        if isinstance(body, (list, tuple)):  # No code of the app produces its pieces.
            return body
        return Body(self, body)

    def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function as the whole request, and end the request."""
        announce(self._frame)
        result = self._inside(function, *args, **kwargs)
        if self._frame.told is None:
            self._explored.over(self._frame)
        return result

    def step(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the body in the frame."""
        before = current_scope()
        enter(self._scope)
        depth = 0 if self._clock is None else self._clock.enter()
        try:
            return function(*args)
        except StopIteration:
            raise
        except Exception as error:
            self._explored.failed(self._frame, error)
            raise
        except BaseException as error:
            self._explored.left(self._frame, error)
            raise
        finally:
            enter(before)
            if self._clock is not None:
                self._clock.leave(depth)
            if not self._is_told and self._status is not None:
                self._told()

    def _inside(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        before = current_scope()
        enter(self._scope)
        depth = 0 if self._clock is None else self._clock.enter()
        self._environ[FRAME_KEY] = self._frame
        try:
            return function(*args, **kwargs)
        except (Exception, SystemExit) as error:
            self._explored.failed(self._frame, error)
            raise
        except BaseException as error:
            self._explored.left(self._frame, error)
            raise
        finally:
            if self._outer is not None:
                self._environ[FRAME_KEY] = self._outer
            enter(before)
            if self._clock is not None:
                self._clock.leave(depth)

    def _told(self) -> None:
        """Report the status that left the app's middleware, if the app reported no such answer."""
        self._is_told = True
        status, frame = self._status, self._frame
        if status is not None and status != frame.told:
            self._explored.changed(frame, status)
        if self._outer is not None and not frame.is_nested:
            self._outer.told = frame.told


class Body:
    """A WSGI body whose producer, and what closes it, run in the frame of the request.

    :param visit: the request, which calls each step.
    :param body: the app's body.
    """

    __slots__ = ("_body", "_iterator", "_visit")

    def __init__(self, visit: Any, body: Any) -> None:
        self._visit = visit
        self._body = body
        self._iterator: Any = None

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> Any:
        return self._visit.step(self._advance)

    def _advance(self) -> Any:
        if self._iterator is None:
            self._iterator = iter(self._body)
        return next(self._iterator)

    def close(self) -> None:
        """Close the body, as PEP 3333 requires of a server."""
        close = getattr(self._body, "close", None)
        if close is not None:
            self._visit.step(close)
