"""The Flask extension: where requests enter and leave the propagation."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from flask import Flask, Response, g, got_request_exception, request

from flask_filibuster import signals
from flask_filibuster.config import Config
from flask_filibuster.core import wire
from flask_filibuster.core.messages import RequestAnswered, RequestReceived
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.services import from_port_on
from flask_filibuster.core.trace import Crash, Invocation
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.core.wire import Propagated, read_headers
from flask_filibuster.errors import SetupError
from flask_filibuster.instrumentation.callsite import package_of, site_of
from flask_filibuster.instrumentation.frame import (
    Frame,
    TestFrame,
    current_scope,
    here,
    pop,
    push,
)
from flask_filibuster.instrumentation.peer import PEER_KEY, Peer
from flask_filibuster.instrumentation.reporting import report
from flask_filibuster.instrumentation.streaming import ScopedIterator

FRAME_KEY = "flask_filibuster.frame"
_setup = threading.Lock()


class EnvironHeaders:
    """The headers of our protocol, straight from a WSGI environment: Werkzeug's way takes longer.

    :param environ: the environment.
    """

    _KEYS: ClassVar[Mapping[str, str]] = {
        name: f"HTTP_{name.upper().replace('-', '_')}" for name in wire.READ
    }

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._environ = environ

    def get(self, name: str, default: str, /) -> str:
        """A header's value, or ``default`` where it is missing."""
        value: str = self._environ.get(self._KEYS[name], default)
        return value


class InstrumentedApp:
    """The extension's part in one app, kept as ``app.extensions["filibuster"]``.

    :ivar app: the app.
    :ivar config: its settings.
    :ivar given_name: the service's name, where it was configured.
    :ivar temporary: whether it was installed for the time of an exploration only.
    """

    def __init__(self, app: Flask, config: Config, *, temporary: bool = False) -> None:
        self.app = app
        self.config = config
        self.given_name = config.service_name
        self.temporary = temporary
        self.holders = 0
        self._lock = threading.Lock()
        self._registered: list[tuple[dict[Any, list[Any]], Any, list[Any] | None]] = []

    @property
    def service_name(self) -> str:
        """What the service is called where no exploration names it after its host."""
        return self.given_name or self.app.name

    def connect(self) -> None:
        """Register the hook on the way in, before everybody's; it registers those on the way out.

        Not through Flask's decorators: they append, and refuse once the app has handled a request.
        """
        self._register(self.app.before_request_funcs, self._before_request)
        got_request_exception.connect(self._crashed, self.app)

    def rest(self) -> None:
        """Take out the hooks on the way out, until the app is explored again."""
        self._unregister_all_but(1)

    def disconnect(self) -> None:
        """Take all hooks out."""
        self._unregister_all_but(0)
        got_request_exception.disconnect(self._crashed, self.app)

    def _unregister_all_but(self, first: int) -> None:
        with self._lock:
            while len(self._registered) > first:
                _take_out(*self._registered.pop())

    def _register(self, functions: dict[Any, list[Any]], hook: Any) -> None:
        """Put a hook first in line, in a new list: another thread may be going through the old."""
        own = functions.get(None)
        self._registered.append((functions, hook, own))
        functions[None] = [hook, *(own or ())]

    def _register_ways_out(self) -> None:
        """The hooks after everybody's on the way out, from the first explored request on.

        Each hook costs Flask more than ours do, and an app that is never explored needs none.
        """
        app: Any = self.app
        with self._lock:
            if len(self._registered) == 1:
                self._register(app.after_request_funcs, self._after_request)
                self._register(app.teardown_request_funcs, self._teardown_request)

    def _before_request(self) -> None:
        g.filibuster = None
        if current_scope() is None:
            return
        environ = request.environ
        peer = environ.get(PEER_KEY)
        frame = self._frame_from_peer(peer) if peer is not None else self._frame_in_test()
        if frame is None:
            return
        if len(self._registered) == 1:
            self._register_ways_out()
        push(frame)
        environ[FRAME_KEY] = frame
        g.filibuster = frame
        if signals.request_received.receivers:
            signals.request_received.send(self.app, frame=frame)

    def _frame_from_peer(self, peer: Peer) -> Frame | None:
        """The frame that the headers of a request over the in-process network describe."""
        propagated = read_headers(EnvironHeaders(request.environ))
        if propagated is None:
            return None
        return self._begin(propagated, self.given_name or peer.service, peer.test)

    def _frame_in_test(self) -> Frame | None:
        """A frame for a request of the test's own that carries no headers: a test client's."""
        scope = here()
        caller = scope.frame if scope is not None else None
        test = caller.test if isinstance(caller, Frame) else caller
        if test is None:
            return None
        index, position = test.next_request(f"{request.method} {from_port_on(request.url)}")
        service = self.given_name or test.names.get(self.app) or self.app.name
        test.watcher.request(
            Invocation(
                index=index,
                source="",
                target=service,
                method=request.method,
                url=request.url,
                position=position,
            ),
            told_by_callee=True,
        )
        propagated = Propagated(test.watcher.new_request_id(), index)
        return self._begin(propagated, service, test)

    def _begin(self, propagated: Propagated, service: str, test: TestFrame) -> Frame:
        frame = Frame(
            service=service,
            execution_index=propagated.index,
            request_id=propagated.request_id,
            vclock=propagated.vclock if propagated.generated_id is not None else VectorClock(),
            app=self.app,
            config=self.config,
            server=test.server,
            test=test,
        )
        message = RequestReceived(
            propagated.request_id,
            propagated.index,
            service,
            request.method,
            request.path,
            propagated.generated_id,
        )
        report(frame, frame.server.received, message)
        if propagated.forced_sleep and propagated.generated_id is not None:
            time.sleep(min(propagated.forced_sleep, self.config.max_sleep))
        return frame

    def _after_request(self, response: Response) -> Response:
        if current_scope() is None:
            return response
        frame: Frame | None = request.environ.get(FRAME_KEY)
        if frame is None:
            return response
        if response.is_streamed and not response.direct_passthrough:
            scope = current_scope()
            if scope is not None and scope.frame is frame:
                failed = functools.partial(self._note_crash, frame)
                response.response = ScopedIterator(response.response, scope, failed)
        if frame.server.takes_notes:
            answer = Outcome(status=response.status_code, digest=_digest(response))
            message = RequestAnswered(frame.request_id, frame.execution_index, answer)
            report(frame, frame.server.answered, message)
        return response

    def _teardown_request(self, _error: BaseException | None) -> None:
        if current_scope() is None:
            return
        frame: Frame | None = request.environ.get(FRAME_KEY)
        if frame is not None:
            pop(frame)

    def _crashed(self, _sender: Flask, exception: BaseException, **_extra: Any) -> None:
        frame: Frame | None = request.environ.get(FRAME_KEY)
        if frame is not None:
            self._note_crash(frame, exception)

    def _note_crash(self, frame: Frame, exception: BaseException) -> None:
        if not frame.server.takes_notes:
            return
        site = site_of(exception.__traceback__, package_of(self.app))
        crash = Crash(f"{type(exception).__name__}: {exception}", site)
        message = RequestAnswered(frame.request_id, frame.execution_index, crash=crash)
        report(frame, frame.server.answered, message)


def _take_out(functions: dict[Any, list[Any]], hook: Any, own: list[Any] | None) -> None:
    """Take a hook out, and leave what others have done to the list meanwhile."""
    others = [each for each in functions.get(None, ()) if each != hook]
    if others != (own or []):
        functions[None] = others
    elif own is None:
        functions.pop(None, None)
    else:
        functions[None] = own


def _digest(response: Response) -> str | None:
    """Digest of a successful answer's body, which is looked at only where it lies ready."""
    if response.status_code >= 400 or response.direct_passthrough or not response.is_sequence:
        return None
    return hashlib.md5(response.get_data(), usedforsecurity=False).hexdigest()


class Filibuster:
    """Makes a Flask app a service whose dependencies can be made to fail.

    ``Filibuster(app)``, or ``filibuster = Filibuster()`` and later ``filibuster.init_app(app)``,
    for any number of apps. Without an exploration under way it changes nothing.

    :param app: the app, or ``None`` to call :meth:`init_app` later.
    :param server_url: URL of a Filibuster server, over ``FILIBUSTER_SERVER_URL``; ``None`` for the
        server embedded in the process.
    :param service_name: name of the service, over ``FILIBUSTER_SERVICE_NAME``.
    :raises ConfigError: a ``FILIBUSTER_*`` key or an argument has a value that does not fit.
    :raises SetupError: the app has the extension already, or a server URL is set.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        server_url: str | None = None,
        service_name: str | None = None,
    ) -> None:
        if app is not None:
            self.init_app(app, server_url=server_url, service_name=service_name)

    def init_app(
        self, app: Flask, *, server_url: str | None = None, service_name: str | None = None
    ) -> None:
        """Set up one app. Arguments and errors are those of the class."""
        config = Config.read(app.config, server_url=server_url, service_name=service_name)
        if config.server_url is not None:
            raise SetupError(
                f"FILIBUSTER_SERVER_URL is {config.server_url!r}, but servers in other processes "
                "are not supported yet; leave it unset to use the server in this process"
            )
        with _setup:
            install(app, config)


def install(app: Flask, config: Config, *, temporary: bool = False) -> InstrumentedApp:
    """Put the extension into an app.

    :raises SetupError: it is there already.
    """
    if "filibuster" in app.extensions:
        raise SetupError(
            f"Filibuster is already set up on the Flask app {app.name!r}; "
            "create it once for each app, at the place where the app is made"
        )
    state = InstrumentedApp(app, config, temporary=temporary)
    app.extensions["filibuster"] = state
    if config.enabled:
        state.connect()
    return state


def borrow(app: Flask) -> InstrumentedApp:
    """The app's extension, installed for the time being if it has none; give it back.

    :returns: what to hand to :func:`give_back`.
    """
    with _setup:
        state: InstrumentedApp | None = app.extensions.get("filibuster")
        if state is None:
            state = install(app, Config.read(app.config), temporary=True)
        state.holders += 1
        return state


def give_back(state: InstrumentedApp) -> None:
    """End a :func:`borrow`; the last one leaves the app as it was before the first."""
    with _setup:
        state.holders -= 1
        if state.holders:
            return
        if state.temporary:
            state.disconnect()
            del state.app.extensions["filibuster"]
        else:
            state.rest()
