"""An app's requests while it is explored: their frames, and the reports on their answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, got_request_exception, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from flask_filibuster.config import Config
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.messages import InjectionFailed, RequestAnswered, RequestReceived
from flask_filibuster.core.outcome import Outcome, answered, digest_of
from flask_filibuster.core.trace import Crash
from flask_filibuster.core.url_patterns import request_in_signature
from flask_filibuster.core.vclock import VectorClock
from flask_filibuster.instrumentation.app.incoming import Arrivals, EnvironHeaders
from flask_filibuster.instrumentation.app.peer import PEER_KEY, Peer
from flask_filibuster.instrumentation.callsite import package_of, site_of
from flask_filibuster.instrumentation.clock.here import clock_of
from flask_filibuster.instrumentation.context import FRAME_KEY
from flask_filibuster.instrumentation.frames import (
    Frame,
    Scope,
    TestFrame,
    current_scope,
    here,
    test_of,
)
from flask_filibuster.instrumentation.reporting import report
from flask_filibuster.instrumentation.standins.replacements import replacements
from flask_filibuster.instrumentation.witness.own_ports import without_own_port
from flask_filibuster.protocol.headers import Propagated, read_headers
from flask_filibuster.server.base import Server
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.signing import seal_of

LONGEST_MESSAGE = 2000

current_request = request._get_current_object  # type: ignore[attr-defined] # noqa: SLF001 - documented
current_globals = g._get_current_object  # noqa: SLF001 - documented
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

    @property
    def given_name(self) -> str | None:
        """The configured name of the service, if any."""
        return self._given_name

    def listen(self) -> None:
        """Report the unhandled exceptions of an app without the extension."""
        got_request_exception.connect(self._got_exception, self.app)

    def frame(self, environ: dict[str, Any], scope: Scope | None) -> Frame | None:
        """The frame of a new request.

        :param environ: its WSGI environment.
        :param scope: the scope of the code that sends the request.
        :returns: ``None`` for ordinary traffic, and for a request that has its frame already.
        """
        around = scope.frame if scope is not None else None
        if isinstance(around, Frame):
            return self._frame_in_request(environ, around)
        peer = environ.get(PEER_KEY)
        if peer is not None:
            return self._frame_from_peer(peer, environ)
        if scope is not None and (scope.network is not None or around is not None):
            return self._frame_in_test(environ, here() if scope is current_scope() else scope)
        return self._frame_from_network(environ)

    def _frame_in_request(self, environ: dict[str, Any], around: Frame) -> Frame | None:
        """The frame of a request that another one of this process causes without a network."""
        own: Frame | None = environ.get(FRAME_KEY)
        handed_on = own is not None and own.execution_index == around.execution_index
        if handed_on and around.app is self.app:
            return None
        inner = around.nested(
            self._name_in(around.test), self.app, self.config, handed_on=handed_on
        )
        if handed_on and inner.server.takes_notes:
            method, path = _operation(environ)
            message = RequestReceived(
                inner.request_id, inner.execution_index, inner.service, method, path
            )
            report(inner, inner.server.received, message)
        return inner

    def _name_in(self, test: TestFrame | None) -> str:
        named = test.names.get(self.app) if test is not None else None
        return self._given_name or named or self.app.name

    def _frame_from_peer(self, peer: Peer, environ: dict[str, Any]) -> Frame | None:
        """The frame for the headers of a request over the in-process network."""
        propagated = read_headers(EnvironHeaders(environ))
        if propagated is None:
            return None
        # An app that the service mounts below a path of its own is a service of its own.
        mounted = environ.get("SCRIPT_NAME", "") != peer.prefix
        name = self._name_in(peer.test) if mounted else self._given_name or peer.service
        return self._begin(environ, propagated, name, peer.test, peer.test.server)

    def _frame_from_network(self, environ: dict[str, Any]) -> Frame | None:
        """The frame of a request from a socket, if it belongs to an execution."""
        arrivals, server = self._arrivals, self.remote
        if arrivals is None or server is None:
            return None
        arrival = arrivals.find(environ, _operation(environ)[0], _url(environ))
        if arrival is None:
            return None
        name, place = self._given_name or self.app.name, arrival.place
        return self._begin(
            environ, place, name, None, server, known=arrival.known, signed=arrival.signed
        )

    def _frame_in_test(self, environ: dict[str, Any], scope: Scope | None) -> Frame | None:
        """A frame for a request of the test without headers, from a test client."""
        test = test_of(scope) if scope is not None else None
        if test is None:
            return None
        place = read_headers(EnvironHeaders(environ))
        if place is not None and test.watcher.awaits(place.request_id, place.index):
            # From a socket, which a server that the test started delivers.
            return self._begin(environ, place, self._name_in(test), test, test.server)
        method, url = _operation(environ)[0], _url(environ)
        called = without_own_port(url, request_in_signature(url, test.url_patterns))
        index, position = test.next_request(f"{method} {called}")
        service = self._name_in(test)
        request_id = test.watcher.request(
            Call(
                index=index,
                source="",
                target=service,
                method=method,
                url=url,
                position=position,
            ),
            told_by_callee=True,
        )
        return self._begin(environ, Propagated(request_id, index), service, test, test.server)

    def job(self, test: TestFrame, method: str, name: str) -> Frame:
        """The frame of code that the test runs in this app outside any request.

        It counts as a request of the test, which ends at once: how it ends is known of commands
        only, see ``commands``.

        :param method: the kind of code.
        :param name: its name.
        """
        service = self._name_in(test)
        index, position = test.next_request(f"{method} {service} {name}")
        request_id = test.watcher.request(
            Call(index=index, source="", target=service, method=method, url=name, position=position)
        )
        test.watcher.request_ended(index, Outcome())
        environ = {"REQUEST_METHOD": method, "PATH_INFO": name}
        return self._begin(environ, Propagated(request_id, index), service, test, test.server)

    def _begin(
        self,
        environ: Mapping[str, Any],
        propagated: Propagated,
        service: str,
        test: TestFrame | None,
        server: Server,
        *,
        known: bool = False,
        signed: bool = False,
    ) -> Frame:
        """The frame of a request; reports the request to the server unless it is known there."""
        replacements().look()
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
        method, path = _operation(environ)
        message = RequestReceived(
            propagated.request_id, propagated.index, service, method, path, propagated.generated_id
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
        clock = clock_of(frame)
        (time.sleep if clock is None else clock.sleep)(min(seconds, most))

    @staticmethod
    def answered(frame: Frame, response: Response) -> None:
        """Report the app's answer to a request, after all of its hooks."""
        if frame.is_nested:
            return
        frame.told = response.status_code
        if frame.tells_answer and frame.server.takes_notes:
            # The test may read the body of any answer, a service that of a success.
            index = frame.execution_index
            judged = index != ROOT and index.parent == ROOT
            digest = _digest(response) if judged or response.status_code < 400 else None
            _tell(frame, answered(response.status_code, digest))

    @staticmethod
    def changed(frame: Frame, status: int) -> None:
        """Report the status that a middleware gave the answer."""
        if frame.is_nested:
            return
        frame.told = status
        if frame.tells_answer and frame.server.takes_notes:
            _tell(frame, answered(status))

    @staticmethod
    def over(frame: Frame) -> None:
        """Report the end of a part of a request that has no answer."""
        if frame.test is not None and not frame.is_nested:
            frame.test.watcher.request_ended(frame.execution_index, Outcome())

    @staticmethod
    def left(frame: Frame, exception: BaseException) -> None:
        """Report the end of a request that a test ends from within: ``pytest.fail()`` in a mock.

        No fault of the application's, and nobody waits for its answer.
        """
        index = frame.execution_index
        if frame.test is not None and not frame.is_nested and index.parent == ROOT:
            frame.test.watcher.request_ended(index, Outcome(exception=type(exception).__name__))

    def crashed(self, exception: BaseException) -> None:
        """Report an unhandled exception of the app."""
        frame: Frame | None = current_request().environ.get(FRAME_KEY)
        if frame is not None:
            self.failed(frame, exception)

    def _got_exception(self, _sender: Flask, exception: BaseException, **_extra: Any) -> None:
        self.crashed(exception)

    def failed(self, frame: Frame, exception: BaseException) -> None:
        """Report an exception that ended a request, once."""
        if frame.is_nested or frame.crash == id(exception) or not frame.server.takes_notes:
            return
        frame.crash = id(exception)
        site = site_of(exception.__traceback__, package_of(self.app))
        crash = Crash(f"{type(exception).__name__}: {exception}"[:LONGEST_MESSAGE], site)
        message = RequestAnswered(frame.request_id, frame.execution_index, crash=crash)
        report(frame, frame.server.answered, message)


def _tell(frame: Frame, answer: Outcome) -> None:
    message = RequestAnswered(frame.request_id, frame.execution_index, answer)
    report(frame, frame.server.answered, message)


def _operation(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Method and path of a request, as Werkzeug reads them."""
    path: str = environ.get("PATH_INFO") or ""
    if not path.isascii():
        path = path.encode("latin-1").decode(errors="replace")
    return environ.get("REQUEST_METHOD", "GET").upper(), "/" + path.lstrip("/")


def _url(environ: dict[str, Any]) -> str:
    """URL of a request, as Werkzeug reads it."""
    try:
        return Request(environ, populate_request=False).url
    except HTTPException:  # The app answers a request for an invalid host by itself.
        return _operation(environ)[1]


def _digest(response: Response) -> str | None:
    """Digest of an answer's body; ``None`` for a streamed one."""
    if response.direct_passthrough or not response.is_sequence:
        return None
    return digest_of(response.get_data())
