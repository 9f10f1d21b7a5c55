"""An app's requests while it is explored: the start and the end of their frames."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, request

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
from flask_filibuster.instrumentation.context import FRAME_KEY
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

LONGEST_MESSAGE = 2000
_request = request._get_current_object  # type: ignore[attr-defined] # noqa: SLF001 - documented
_globals = g._get_current_object  # noqa: SLF001 - documented
"""``flask.request`` and ``flask.g`` themselves: reading through a proxy takes longer."""


class ExploredRequests:
    """Handles an app's requests while it is explored.

    :param app: the app.
    :param config: its settings.
    :param remote: its configured server; ``None``: only servers of this process.
    """

    def __init__(self, app: Flask, config: Config, remote: RemoteServer | None = None) -> None:
        self.app = app
        self.config = config
        self.remote = remote
        self._given_name = config.service_name
        self._arrivals: Arrivals | None = None
        if remote is not None:
            name = self._given_name or app.name
            self._arrivals = Arrivals(remote, seal_of(config.token), name, config.url_patterns)

    def frame(self) -> Frame | None:
        """The frame of the new request, or ``None`` for ordinary traffic."""
        scope = current_scope()
        environ: dict[str, Any] = _request().environ
        peer = environ.get(PEER_KEY)
        if peer is not None:
            return self._frame_from_peer(peer, environ)
        if scope is not None and (scope.network is not None or _test_of(scope) is not None):
            return self._frame_in_test()
        return self._frame_from_network()

    def enter(self, frame: Frame) -> None:
        """Enter the frame of a request; the code that runs from now on belongs to it."""
        push(frame)
        _request().environ[FRAME_KEY] = frame
        _globals().filibuster = frame
        if signals.request_received.receivers:
            signals.request_received.send(self.app, frame=frame)

    def _frame_from_peer(self, peer: Peer, environ: Mapping[str, Any]) -> Frame | None:
        """The frame for the headers of a request over the in-process network."""
        propagated = read_headers(EnvironHeaders(environ))
        if propagated is None:
            return None
        return self._begin(
            propagated, self._given_name or peer.service, peer.test, peer.test.server
        )

    def _frame_from_network(self) -> Frame | None:
        """The frame of a request from a socket, if it belongs to an execution."""
        arrivals, server = self._arrivals, self.remote
        if arrivals is None or server is None:
            return None
        arrival = arrivals.find(request.environ, request.method, request.url)
        if arrival is None:
            return None
        name, place = self._given_name or self.app.name, arrival.place
        return self._begin(place, name, None, server, known=arrival.known, signed=arrival.signed)

    def _frame_in_test(self) -> Frame | None:
        """A frame for a request of the test without headers, from a test client."""
        scope = here()
        test = _test_of(scope) if scope is not None else None
        if test is None:
            return None
        called = url_in_signature(request.url, test.url_patterns)
        index, position = test.next_request(f"{request.method} {called}")
        service = self._given_name or test.names.get(self.app) or self.app.name
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
        """The frame of a request; reports the request to the server unless it is known there."""
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
        received = _request()
        message = RequestReceived(
            propagated.request_id,
            propagated.index,
            service,
            received.method,
            received.path,
            propagated.generated_id,
        )
        vouched = report(frame, server.received, message) or signed
        if propagated.forced_sleep and propagated.generated_id is not None and vouched:
            self._sleep(frame, propagated.forced_sleep)
        return frame

    def _sleep(self, frame: Frame, seconds: float) -> None:
        """Sleep for a fault, up to the limit of the settings; report a shortened sleep."""
        most = self.config.max_sleep
        if seconds > most and frame.server.takes_notes:
            reason = (
                f"{frame.service} slept {most:g} s instead of {seconds:g} s, "
                "the limit of its FILIBUSTER_MAX_SLEEP"
            )
            note = InjectionFailed(frame.request_id, frame.execution_index, reason)
            report(frame, frame.server.injection_failed, note)
        time.sleep(min(seconds, most))

    def answered(self, response: Response) -> Response:
        """Report the app's answer to a request, after all other hooks."""
        scope, frame = current_scope(), _frame_of_request()
        if scope is None or frame is None:
            return response
        if response.is_streamed and not response.direct_passthrough and scope.frame is frame:
            failed = functools.partial(self._note_crash, frame)
            response.response = ScopedIterator(response.response, scope, failed)
        if frame.tells_answer and frame.server.takes_notes:
            # The test may read the body of any answer, a service that of a success.
            index, status = frame.execution_index, response.status_code
            read = status < 400 or (index != ROOT and index.parent == ROOT)
            answer = Outcome(status, None, _digest(response) if read else None)
            message = RequestAnswered(frame.request_id, index, answer)
            report(frame, frame.server.answered, message)
        return response

    def ended(self) -> None:
        """Leave the frame of a request at its teardown."""
        frame = _frame_of_request()
        if frame is not None:
            pop(frame)

    def left(self) -> None:
        """Leave the frame of a request whose teardown another function interrupted.

        The thread may handle other requests, which must not become part of this one.
        """
        scope = current_scope()
        frame = scope.frame if scope is not None else None
        if isinstance(frame, Frame) and g.get("filibuster") is frame:
            pop(frame)

    def crashed(self, exception: BaseException) -> None:
        """Report an unhandled exception of the app."""
        frame = _frame_of_request()
        if frame is not None:
            self._note_crash(frame, exception)

    def _note_crash(self, frame: Frame, exception: BaseException) -> None:
        if not frame.server.takes_notes:
            return
        site = site_of(exception.__traceback__, package_of(self.app))
        crash = Crash(f"{type(exception).__name__}: {exception}"[:LONGEST_MESSAGE], site)
        message = RequestAnswered(frame.request_id, frame.execution_index, crash=crash)
        report(frame, frame.server.answered, message)


def _frame_of_request() -> Frame | None:
    frame: Frame | None = _request().environ.get(FRAME_KEY)
    return frame


def _test_of(scope: Scope) -> TestFrame | None:
    """The test of a scope, if it runs in this process."""
    return scope.frame.test if isinstance(scope.frame, Frame) else scope.frame


def _digest(response: Response) -> str | None:
    """Digest of an answer's body; ``None`` for a streamed one."""
    if response.direct_passthrough or not response.is_sequence:
        return None
    return hashlib.md5(response.get_data(), usedforsecurity=False).hexdigest()
