"""The hooks of a Flask app, which do nothing outside an exploration."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, got_request_exception, request

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.context import FRAME_KEY, scope

if TYPE_CHECKING:
    from flask_filibuster.instrumentation.app.handling import ExploredRequests
    from flask_filibuster.instrumentation.holding import Instrumentation
    from flask_filibuster.server.client.remote import RemoteServer

_HOOKS_OF_IDLE_APPS = 2
_current_scope = scope.get
_globals = g._get_current_object  # noqa: SLF001 - documented by Werkzeug
"""``flask.g`` itself: assignment through the proxy would be most of an idle hook's time."""


class InstrumentedApp:
    """The extension's part in one app, kept as ``app.extensions["filibuster"]``.

    :ivar app: the app.
    :ivar config: its settings.
    :ivar given_name: the configured name of the service, if any.
    :ivar temporary: whether it exists only during an exploration.
    :ivar remote: its configured server; ``None``: only servers of this process.
    """

    def __init__(self, app: Flask, config: Config, *, temporary: bool = False) -> None:
        self.app = app
        self.config = config
        self.given_name = config.service_name
        self.temporary = temporary
        self.remote = _remote(config)
        self.holders = 0
        self._explored: ExploredRequests | None = None
        self._instrumented: Instrumentation | None = None
        self._lock = threading.Lock()
        self._sees_answers = False
        self._registered: list[tuple[dict[Any, list[Any]], Any, list[Any] | None]] = []

    @property
    def service_name(self) -> str:
        """The service's name, unless an exploration names it after its host."""
        return self.given_name or self.app.name

    def connect(self) -> None:
        """Register the hooks, first before the view and last after it, and the receivers.

        Not by Flask's decorators, which append, and raise once the app has handled a request. The
        first explored request adds the hooks after the view: for each hook, Flask takes longer than
        an idle hook does, and an app in production needs none of them.
        """
        with self._lock:
            self._register(self.app.before_request_funcs, self._before_request)
            self._register(self.app.teardown_request_funcs, self._teardown_request)
        got_request_exception.connect(self._crashed, self.app)
        if self.remote is not None:
            # Only an app with a configured server is explored from another process.
            from flask_filibuster.instrumentation.clients.registry import instrument

            # Such an exploration begins without notice, so the clients are always instrumented.
            self._instrumented = instrument()

    def rest(self) -> None:
        """Remove the hooks after the view until the next exploration."""
        self._unregister_all_but(_HOOKS_OF_IDLE_APPS)

    def disconnect(self) -> None:
        """Remove all hooks."""
        self._unregister_all_but(0)
        leaving = self.app.teardown_appcontext_funcs
        if self._left in leaving:
            self.app.teardown_appcontext_funcs = [each for each in leaving if each != self._left]
        got_request_exception.disconnect(self._crashed, self.app)
        if self._instrumented is not None:
            self._instrumented.release()
        if self.remote is not None:
            self.remote.close()

    def _unregister_all_but(self, first: int) -> None:
        with self._lock:
            self._sees_answers = False
            while len(self._registered) > first:
                _take_out(*self._registered.pop())

    def _register(self, functions: dict[Any, list[Any]], hook: Any) -> None:
        """Insert a hook first, in a new list: another thread may be iterating over the old one."""
        own = functions.get(None)
        self._registered.append((functions, hook, own))
        functions[None] = [hook, *(own or ())]

    def _see_answers(self) -> None:
        """Register the hooks after the view, from the first explored request on."""
        app: Any = self.app
        with self._lock:
            if self._sees_answers:
                return
            self._register(app.after_request_funcs, self._after_request)
            leaving = app.teardown_appcontext_funcs
            if self.remote is not None and self._left not in leaving:
                # The last in the list runs first, so no other function can prevent its call.
                app.teardown_appcontext_funcs = [*leaving, self._left]
            # Last: another thread that reads this may answer its request at once.
            self._sees_answers = True

    def _explored_requests(self) -> ExploredRequests:
        explored = self._explored
        if explored is None:
            # An app that is never explored doesn't import this.
            from flask_filibuster.instrumentation.app.handling import ExploredRequests

            with self._lock:
                explored = self._explored or ExploredRequests(self.app, self.config, self.remote)
                self._explored = explored
        return explored

    def _before_request(self) -> None:
        _globals().filibuster = None
        if _current_scope() is None and self.remote is None:
            return
        explored = self._explored_requests()
        frame = explored.frame()
        if frame is not None:
            if not self._sees_answers:
                self._see_answers()
            explored.enter(frame)

    def _after_request(self, response: Response) -> Response:
        if _current_scope() is None:
            return response
        return self._explored_requests().answered(response)

    def _teardown_request(self, _error: BaseException | None) -> None:
        if _current_scope() is not None:
            self._explored_requests().ended()

    def _left(self, _error: BaseException | None) -> None:
        if _current_scope() is not None:
            self._explored_requests().left()

    def _crashed(self, _sender: Flask, exception: BaseException, **_extra: Any) -> None:
        if FRAME_KEY in request.environ:
            self._explored_requests().crashed(exception)


def _remote(config: Config) -> RemoteServer | None:
    if config.server_url is None or not config.enabled:
        return None
    # Only an app that is explored from another process needs a client for the server.
    from flask_filibuster.server.client.remote import RemoteServer

    return RemoteServer(config.server_url, token=config.token, timeout=config.timeout)


def _take_out(functions: dict[Any, list[Any]], hook: Any, own: list[Any] | None) -> None:
    """Remove a hook, and keep later changes of other code to the list."""
    others = [each for each in functions.get(None, ()) if each != hook]
    if others != (own or []):
        functions[None] = others
    elif own is None:
        functions.pop(None, None)
    else:
        functions[None] = own
