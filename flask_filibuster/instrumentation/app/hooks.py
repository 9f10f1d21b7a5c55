"""What is hooked into a Flask app: where requests enter and leave the propagation."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from typing import Any

from flask import Flask, Response, g, got_request_exception, request

from flask_filibuster import signals
from flask_filibuster.config import Config
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.messages import InjectionFailed, RequestAnswered, RequestReceived
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash
from flask_filibuster.core.url_patterns import url_in_signature
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.instrumentation.app.incoming import Arrivals, EnvironHeaders
from flask_filibuster.instrumentation.app.peer import PEER_KEY, Peer
from flask_filibuster.instrumentation.app.streaming import ScopedIterator
from flask_filibuster.instrumentation.callsite import package_of, site_of
from flask_filibuster.instrumentation.clients.requests.adapter import (
    Instrumentation,
    instrument_requests,
)
from flask_filibuster.instrumentation.frames import (
    Frame,
    Scope,
    TestFrame,
    current_scope,
    here,
    pop,
    push,
)
from flask_filibuster.instrumentation.reporting import report
from flask_filibuster.protocol.headers import Propagated, read_headers
from flask_filibuster.server.base import Server
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.signing import seal_of

FRAME_KEY = "flask_filibuster.frame"
LONGEST_MESSAGE = 2000
_HOOKS_OF_IDLE_APPS = 2
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
        self._arrivals: Arrivals | None = None
        self._instrumented: Instrumentation | None = None
        if self.remote is not None:
            self._arrivals = Arrivals(
                self.remote, seal_of(config.token), self.service_name, config.url_patterns
            )
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
            # What is explored from outside begins without notice, so requests is ready for it.
            self._instrumented = instrument_requests()

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

    def _before_request(self) -> None:
        _globals().filibuster = None
        scope = current_scope()
        if scope is None and self._arrivals is None:
            return
        environ = request.environ
        peer = environ.get(PEER_KEY)
        frame: Frame | None
        if peer is not None:
            frame = self._frame_from_peer(peer)
        elif scope is not None and (scope.network is not None or _test_of(scope) is not None):
            frame = self._frame_in_test()
        else:
            frame = self._frame_from_network()
        if frame is None:
            return
        if not self._sees_answers:
            self._see_answers()
        push(frame)
        environ[FRAME_KEY] = frame
        _globals().filibuster = frame
        if signals.request_received.receivers:
            signals.request_received.send(self.app, frame=frame)

    def _frame_from_peer(self, peer: Peer) -> Frame | None:
        """The frame that the headers of a request over the in-process network describe."""
        propagated = read_headers(EnvironHeaders(request.environ))
        if propagated is None:
            return None
        return self._begin(propagated, self.given_name or peer.service, peer.test, peer.test.server)

    def _frame_from_network(self) -> Frame | None:
        """The frame of a request that came over a socket, if it belongs to an execution."""
        arrivals, server = self._arrivals, self.remote
        if arrivals is None or server is None:
            return None
        arrival = arrivals.find(request.environ, request.method, request.url)
        if arrival is None:
            return None
        name, place = self.service_name, arrival.place
        return self._begin(place, name, None, server, known=arrival.known, signed=arrival.signed)

    def _frame_in_test(self) -> Frame | None:
        """A frame for a request of the test's own that carries no headers: a test client's."""
        scope = here()
        test = _test_of(scope) if scope is not None else None
        if test is None:
            return None
        called = url_in_signature(request.url, test.url_patterns)
        index, position = test.next_request(f"{request.method} {called}")
        service = self.given_name or test.names.get(self.app) or self.app.name
        request_id = test.watcher.request(
            Call(
                index=index,
                source="",
                target=service,
                method=request.method,
                url=request.url,
                position=position,
            ),
            told_by_callee=True,
        )
        propagated = Propagated(request_id, index)
        return self._begin(propagated, service, test, test.server)

    def _begin(
        self,
        propagated: Propagated,
        service: str,
        test: TestFrame | None,
        server: Server,
        *,
        known: bool = False,
        signed: bool = False,
    ) -> Frame:
        """The frame of a request, which the server is told of unless it knows already."""
        frame = Frame(
            service=service,
            execution_index=propagated.index,
            request_id=propagated.request_id,
            vclock=propagated.vclock if propagated.generated_id is not None else VectorClock(),
            app=self.app,
            config=self.config,
            server=server,
            test=test,
            tells_answer=test is not None or propagated.generated_id is None,
        )
        if known:
            return frame
        message = RequestReceived(
            propagated.request_id,
            propagated.index,
            service,
            request.method,
            request.path,
            propagated.generated_id,
        )
        vouched = report(frame, server.received, message) or signed
        if propagated.forced_sleep and propagated.generated_id is not None and vouched:
            self._sleep(frame, propagated.forced_sleep)
        return frame

    def _sleep(self, frame: Frame, seconds: float) -> None:
        """Sleep as a fault asks for, but no longer than the settings allow, which is told."""
        most = self.config.max_sleep
        if seconds > most and frame.server.takes_notes:
            reason = (
                f"{frame.service} slept {most:g} s only, not {seconds:g} s; its "
                "FILIBUSTER_MAX_SLEEP allows no more"
            )
            note = InjectionFailed(frame.request_id, frame.execution_index, reason)
            report(frame, frame.server.injection_failed, note)
        time.sleep(min(seconds, most))

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
        if frame.tells_answer and frame.server.takes_notes:
            # The test may look at any body that it gets, a service at those of successes.
            index = frame.execution_index
            judged = index != ROOT and index.parent == ROOT
            digest = _digest(response) if judged or response.status_code < 400 else None
            answer = Outcome(status=response.status_code, digest=digest)
            message = RequestAnswered(frame.request_id, frame.execution_index, answer)
            report(frame, frame.server.answered, message)
        return response

    def _teardown_request(self, _error: BaseException | None) -> None:
        if current_scope() is None:
            return
        frame: Frame | None = request.environ.get(FRAME_KEY)
        if frame is not None:
            pop(frame)

    def _left(self, _error: BaseException | None) -> None:
        """Leave the frame of a request whose teardown another function has kept from its end.

        The thread may handle other requests: none of them is to be taken for a part of this one.
        """
        scope = current_scope()
        frame = scope.frame if scope is not None else None
        if isinstance(frame, Frame) and g.get("filibuster") is frame:
            pop(frame)

    def _crashed(self, _sender: Flask, exception: BaseException, **_extra: Any) -> None:
        frame: Frame | None = request.environ.get(FRAME_KEY)
        if frame is not None:
            self._note_crash(frame, exception)

    def _note_crash(self, frame: Frame, exception: BaseException) -> None:
        if not frame.server.takes_notes:
            return
        site = site_of(exception.__traceback__, package_of(self.app))
        crash = Crash(f"{type(exception).__name__}: {exception}"[:LONGEST_MESSAGE], site)
        message = RequestAnswered(frame.request_id, frame.execution_index, crash=crash)
        report(frame, frame.server.answered, message)


def _remote(config: Config) -> RemoteServer | None:
    if config.server_url is None or not config.enabled:
        return None
    return RemoteServer(config.server_url, token=config.token, timeout=config.timeout)


def _test_of(scope: Scope) -> TestFrame | None:
    """The test that runs in this process, on whose behalf a scope is."""
    return scope.frame.test if isinstance(scope.frame, Frame) else scope.frame


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
    """Digest of an answer's body, which is looked at only where it lies ready."""
    if response.direct_passthrough or not response.is_sequence:
        return None
    return hashlib.md5(response.get_data(), usedforsecurity=False).hexdigest()
