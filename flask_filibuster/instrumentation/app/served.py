"""Requests that a server in a thread of this process hands to an app.

The thread may be older than the execution under way, as that of a fixture, and then has no scope,
or one without a test. The headers of the request name its test. Without headers, the request takes
no part, and its calls are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from flask_filibuster.instrumentation.app.handling import ExploredRequests
from flask_filibuster.instrumentation.app.incoming import EnvironHeaders
from flask_filibuster.instrumentation.app.peer import PEER_KEY
from flask_filibuster.instrumentation.app.visit import Body, Visit
from flask_filibuster.instrumentation.around import Watcher
from flask_filibuster.instrumentation.frames import Frame, Scope, current_scope, enter, watcher_of
from flask_filibuster.instrumentation.witness.apart import ApartScope
from flask_filibuster.instrumentation.witness.seeing import is_watched, scope_of
from flask_filibuster.protocol.headers import read_headers

_SERVER = "SERVER_SOFTWARE"
"""What a server puts into the environment (CGI, RFC 3875), and a test client does not."""


def sender_of(app: Flask, scope: Scope | None, environ: dict[str, Any]) -> Scope | None:
    """The scope of the test that is behind a request from a socket; ``None``: of no test here.

    :param scope: the scope of the code that hands the request to the app.
    """
    if PEER_KEY in environ or not is_watched():
        return None
    if scope is None:
        state: Any = app.extensions.get("filibuster")
        if state is not None and state.remote is not None:
            return None  # It asks its configured server.
    elif isinstance(scope.frame, Frame) and not is_over(scope, environ):
        return None
    place = read_headers(EnvironHeaders(environ))
    return None if place is None else scope_of(place.request_id, place.index)


def is_apart(app: Flask, scope: Scope | None, environ: dict[str, Any]) -> bool:
    """Whether a request without a frame comes from a socket, while something is explored."""
    if not is_watched() or _SERVER not in environ:
        return False
    state: Any = app.extensions.get("filibuster")
    if state is not None and (state.remote is not None or not state.config.enabled):
        return False
    if scope is None or is_over(scope, environ):
        return True
    return scope.frame is None and scope.is_carried and not scope.is_service


def is_over(scope: Scope | None, environ: dict[str, Any]) -> bool:
    """Whether a server hands on a request in a scope that it has kept from an earlier execution."""
    if scope is None or scope.frame is None or _SERVER not in environ:
        return False
    watcher = watcher_of(scope.frame)
    return watcher is not None and is_watched() and not is_watched(watcher)


class ServedVisit(Visit):
    """The part of a request from a socket that runs in its frame.

    The client may have the whole answer before the server closes the body. So the execution waits
    for the close.
    """

    __slots__ = ("_name", "_watcher")

    def __init__(
        self, explored: ExploredRequests, frame: Frame, around: Scope, environ: dict[str, Any]
    ) -> None:
        super().__init__(explored, frame, around, environ)
        path = f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}"
        self._name = f"{frame.service}, {path}"
        self._watcher: Watcher | None = frame.test.watcher if frame.test is not None else None
        if self._watcher is not None:
            self._watcher.strand_started(self._name)

    def answer(
        self,
        wsgi_app: Callable[..., Iterable[bytes]],
        app: Any,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """As for any visit; the request ends when its body is closed."""
        is_over = True
        try:
            body = super().answer(wsgi_app, app, environ, start_response)
            is_over = not isinstance(body, Body)
        finally:
            if is_over:
                self.end()
        return body if is_over else _Ending(self, body)

    def end(self) -> None:
        """The request has ended; does nothing the second time."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.strand_ended(self._name)


class _Ending(Body):
    """A body whose close ends the request."""

    __slots__ = ()

    def close(self) -> None:
        try:
            super().close()
        finally:
            visit: ServedVisit = self._visit
            visit.end()


class Apart:
    """The part of a request without a frame that runs in a scope by which its calls are named.

    :param scope: the scope of the server.
    :param environ: the request's WSGI environment.
    """

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope | None, environ: dict[str, Any]) -> None:
        self._scope = ApartScope(scope.network if scope is not None else None, _base(environ))

    def answer(self, wsgi_app: Callable[..., Any], *args: Any) -> Iterable[bytes]:
        """The app's body for the request, each step of which runs in the scope, too."""
        body: Iterable[bytes] = self.step(wsgi_app, *args)
        return body if isinstance(body, list | tuple) else Body(self, body)

    def step(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the request in the scope."""
        before = current_scope()
        enter(self._scope)
        try:
            return function(*args)
        finally:
            enter(before)


def _base(environ: dict[str, Any]) -> str:
    """The URL of the app that a request reaches, as its client writes it."""
    try:
        return Request(environ, populate_request=False).host_url.rstrip("/")
    except HTTPException:
        return f"http://{environ.get('SERVER_NAME')}:{environ.get('SERVER_PORT')}"
