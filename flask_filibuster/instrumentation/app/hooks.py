"""The extension's part in a Flask app, which does nothing outside an exploration."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from flask import Flask, g, got_request_exception, request

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.context import FRAME_KEY, scope

if TYPE_CHECKING:
    from flask_filibuster.instrumentation.app.handling import ExploredRequests
    from flask_filibuster.instrumentation.holding import Instrumentation
    from flask_filibuster.instrumentation.patching import Patch
    from flask_filibuster.server.client.remote import RemoteServer

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
        self._entrances: list[Patch] = []
        self._lock = threading.Lock()
        self._registered: list[tuple[dict[Any, list[Any]], Any, list[Any] | None]] = []

    @property
    def service_name(self) -> str:
        """The service's name, unless an exploration names it after its host."""
        return self.given_name or self.app.name

    def connect(self) -> None:
        """Register the hooks, each as the first of its kind, and the receiver.

        Not by Flask's decorators, which append, and raise once the app has handled a request. An
        exploration needs no other hooks: it patches the entrances of all apps.
        """
        with self._lock:
            self._register(self.app.before_request_funcs, self._before_request)
            self._register(self.app.teardown_request_funcs, self._teardown_request)
        got_request_exception.connect(self._crashed, self.app)
        if self.remote is not None:
            # Only an app with a configured server is explored from another process.
            from flask_filibuster.instrumentation.app.entrance import hold_entrances
            from flask_filibuster.instrumentation.clients.registry import instrument

            # Such an exploration begins without notice, so all is always instrumented.
            self._instrumented = instrument()
            self._entrances = hold_entrances()

    def disconnect(self) -> None:
        """Remove hooks, receiver and patches."""
        with self._lock:
            while self._registered:
                _take_out(*self._registered.pop())
        got_request_exception.disconnect(self._crashed, self.app)
        if self._instrumented is not None:
            self._instrumented.release()
        entrances, self._entrances = self._entrances, []
        for patch in entrances:
            patch.release()
        if self.remote is not None:
            self.remote.close()

    def _register(self, functions: dict[Any, list[Any]], hook: Any) -> None:
        """Insert a hook first, in a new list: another thread may be iterating over the old one."""
        own = functions.get(None)
        self._registered.append((functions, hook, own))
        functions[None] = [hook, *(own or ())]

    def explored_requests(self) -> ExploredRequests:
        """What explores the app's requests."""
        explored = self._explored
        if explored is None:
            # An app that is never explored doesn't import this.
            from flask_filibuster.instrumentation.app.handling import ExploredRequests

            with self._lock:
                explored = self._explored or ExploredRequests(self.app, self.config, self.remote)
                self._explored = explored
        return explored

    def _before_request(self) -> None:
        """Show the frame to the application; ``None`` for an ordinary request."""
        frame = None if _current_scope() is None else request.environ.get(FRAME_KEY)
        _globals().filibuster = frame

    def _teardown_request(self, exception: BaseException | None) -> None:
        """Report what ends a request without Flask's signal: ``sys.exit()`` in a view."""
        if isinstance(exception, SystemExit):
            self._crashed(self.app, exception)

    def _crashed(self, _sender: Flask, exception: BaseException, **_extra: Any) -> None:
        if FRAME_KEY in request.environ:
            self.explored_requests().crashed(exception)


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
