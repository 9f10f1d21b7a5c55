"""Where requests enter Flask apps: patched while anything is explored, for every app.

An app needs no registration to take part, and the frame of a request surrounds all of its code:
from the first middleware inside the app to the end of the body's ``close()``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, has_request_context
from flask.ctx import AppContext

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.app.handling import (
    ExploredRequests,
    current_globals,
    current_request,
)
from flask_filibuster.instrumentation.app.peer import PEER_KEY
from flask_filibuster.instrumentation.app.served import (
    Apart,
    ServedVisit,
    is_apart,
    is_over,
    sender_of,
)
from flask_filibuster.instrumentation.app.visit import Visit, announce
from flask_filibuster.instrumentation.context import FRAME_KEY
from flask_filibuster.instrumentation.frames import (
    Frame,
    Scope,
    TestFrame,
    current_scope,
    enter,
    test_of,
)
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness.own_ports import hold_listening

_ORDINARY = "flask_filibuster.ordinary"
"""Where the WSGI environment of a request that is not explored keeps the app that it entered."""


def hold_entrances() -> list[Patch]:
    """Let every app of this process take part until the patches are released.

    ``__call__`` is the entrance of an app with middleware in ``app.wsgi_app``, whatever bound
    method that middleware took before; ``wsgi_app`` the one of an app that is called below it.
    """
    return [
        Patch.hold(Flask, "__call__", _wsgi_app),
        Patch.hold(Flask, "wsgi_app", _wsgi_app),
        Patch.hold(Flask, "full_dispatch_request", _dispatch),
        Patch.hold(Flask, "preprocess_request", _dispatch),
        Patch.hold(Flask, "finalize_request", _finalize),
        Patch.hold(Flask, "do_teardown_request", _teardown),
        Patch.hold(AppContext, "push", _context),
        Patch.hold(AppContext, "pop", _context),
        *hold_listening(),
    ]


def explored_requests(
    app: Flask, scope: Scope | None, environ: dict[str, Any]
) -> ExploredRequests | None:
    """What explores the app's requests; ``None``: nothing does."""
    state: Any = app.extensions.get("filibuster")
    if state is not None:
        if not state.config.enabled or (scope is None and state.remote is None):
            return None
        explored: ExploredRequests = state.explored_requests()
        return explored
    if scope is None:
        return None
    test = test_of(scope)
    if test is None and PEER_KEY in environ:
        test = environ[PEER_KEY].test
    return None if test is None else explored_of(app, test)


def explored_of(app: Flask, test: TestFrame) -> ExploredRequests | None:
    """What explores an app that takes part in a test; ``None``: it is disabled."""
    state: Any = app.extensions.get("filibuster")
    if state is not None:
        return state.explored_requests() if state.config.enabled else None
    explored: ExploredRequests | None = test.apps.get(app)
    if explored is None:
        config = Config.read(app.config)
        explored = test.apps[app] = ExploredRequests(app, config)
        explored.listen()
        test.found[test.names.get(app) or explored.given_name or app.name] = app
    return explored if explored.config.enabled else None


def _visit(app: Flask, scope: Scope | None, environ: dict[str, Any]) -> Visit | None:
    """A new visit to the app, or ``None``: nothing is explored, or the request is inside."""
    if environ.get(_ORDINARY) is app:
        return None
    sender = sender_of(app, scope, environ)
    if sender is None and is_over(scope, environ):
        return None
    around = scope if sender is None else sender
    explored = explored_requests(app, around, environ)
    frame = explored.frame(environ, around) if explored is not None else None
    if explored is None or frame is None:
        if scope is None:
            # A configured server is asked once, at the first of the entrances.
            environ[_ORDINARY] = app
        return None
    return (
        Visit(explored, frame, scope, environ)
        if sender is None
        else ServedVisit(explored, frame, sender, environ)
    )


def _wsgi_app(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def wsgi_app(self: Flask, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        scope = current_scope()
        own: Frame | None = environ.get(FRAME_KEY)
        inside = own is not None and scope is not None and own is scope.frame and own.app is self
        visit = _visit(self, scope, environ) if patch.active and not inside else None
        if visit is None:
            if patch.active and is_apart(self, scope, environ):
                return Apart(scope, environ).answer(original, self, environ, start_response)
            answer: Iterable[bytes] = original(self, environ, start_response)
            return answer
        return visit.answer(original, self, environ, start_response)

    return wsgi_app


def _dispatch(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """For ``test_request_context()``, where a test calls these methods by itself."""

    def dispatch(self: Flask, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        frame = scope.frame if scope is not None else None
        if isinstance(frame, Frame) and frame.app is self:
            if frame.is_entered and not frame.is_shown:
                announce(frame)
        elif patch.active and has_request_context():
            visit = _visit(self, scope, current_request().environ)
            if visit is not None:
                return visit.run(original, self, *args, **kwargs)
        return original(self, *args, **kwargs)

    return dispatch


def _finalize(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """After all hooks, and the saving of the session; also for an answer to an exception."""

    def finalize_request(self: Flask, *args: Any, **kwargs: Any) -> Response:
        response: Response = original(self, *args, **kwargs)
        scope = current_scope()
        frame = scope.frame if scope is not None and patch.active else None
        if isinstance(frame, Frame) and frame.app is self and has_request_context():
            own = current_request().environ.get(FRAME_KEY)
            if own is not None and own.app is self:
                ExploredRequests.answered(own, response)
        return response

    return finalize_request


def _teardown(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """In the frame of the request, when a test client tears it down later."""

    def teardown(self: Flask, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        if scope is None or not patch.active or not isinstance(scope.frame, TestFrame):
            return original(self, *args, **kwargs)
        shown = current_globals().get("filibuster")
        return _in_frame(shown, self, scope, functools.partial(original, self, *args, **kwargs))

    return teardown


def _context(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    """A test client with a ``with`` block enters and leaves the context of its last request."""

    def context(self: AppContext, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope()
        if scope is None or not patch.active or not isinstance(scope.frame, TestFrame):
            return original(self, *args, **kwargs)
        shown = self.g.get("filibuster")
        return _in_frame(shown, self.app, scope, functools.partial(original, self, *args, **kwargs))

    return context


def _in_frame(shown: object, app: Flask, around: Scope, function: Callable[[], Any]) -> Any:
    """Call a function in the frame that a context shows, if it is one of this execution."""
    if not isinstance(shown, Frame) or shown.app is not app or not shown.is_entered:
        return function()
    test = test_of(around)
    if test is None or shown.test is None or shown.test.apps is not test.apps:
        return function()
    enter(Scope(shown, shown.network))
    try:
        return function()
    finally:
        enter(around)
