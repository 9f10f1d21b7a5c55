"""What is hooked into a Flask app; while nothing is explored, it does nothing."""

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
"""``flask.g`` itself: assigning through the proxy takes longer than all else in an idle hook."""


class InstrumentedApp:
    """The extension's part in one app, kept as ``app.extensions["filibuster"]``.

    :ivar app: the app.
    :ivar config: its settings.
    :ivar given_name: the service's name, where it was configured.
    :ivar temporary: whether it was installed for the time of an exploration only.
    :ivar remote: the server that it is configured with; ``None``: none but those of this process.
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
        """What the service is called where no exploration names it after its host."""
        return self.given_name or self.app.name

    def connect(self) -> None:
        """Register the hooks, first on the way in and last on the way out, and the receivers.

        Not through Flask's decorators: they append, and refuse once the app has handled a request.
        The hooks after a request's view come with the first explored request: each costs Flask
        more than ours do, and an app in production needs none of them.
        """
        with self._lock:
            self._register(self.app.before_request_funcs, self._before_request)
            self._register(self.app.teardown_request_funcs, self._teardown_request)
        got_request_exception.connect(self._crashed, self.app)
        if self.remote is not None:
            # An app with a server of its own is there to be explored.
            from flask_filibuster.instrumentation.clients.registry import instrument

            # What is explored from outside begins without notice, so the clients are ready for it.
            self._instrumented = instrument()

    def rest(self) -> None:
        """Take out the hooks after the view, until the app is explored again."""
        self._unregister_all_but(_HOOKS_OF_IDLE_APPS)

    def disconnect(self) -> None:
        """Take all hooks out."""
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
        """Put a hook first in line, in a new list: another thread may be going through the old."""
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
                # The last in the list is the first to run: no other function can keep it from that.
                app.teardown_appcontext_funcs = [*leaving, self._left]
            # Not before: another thread may be about to look, and to answer its request at once.
            self._sees_answers = True

    def _explored_requests(self) -> ExploredRequests:
        explored = self._explored
        if explored is None:
            # Of an app that is never explored, nothing of this is loaded.
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
    # Only an app that is explored from another process needs a client of the server.
    from flask_filibuster.server.client.remote import RemoteServer

    return RemoteServer(config.server_url, token=config.token, timeout=config.timeout)


def _take_out(functions: dict[Any, list[Any]], hook: Any, own: list[Any] | None) -> None:
    """Take a hook out, and leave what others have done to the list meanwhile."""
    others = [each for each in functions.get(None, ()) if each != hook]
    if others != (own or []):
        functions[None] = others
    elif own is None:
        functions.pop(None, None)
    else:
        functions[None] = own
