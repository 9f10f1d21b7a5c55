"""One attempt at a call: announced, made or made to fail, and told of."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import BaseAdapter

from flask_filibuster import signals
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
)
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.clients.requests.delivery import (
    deliver,
    with_headers,
    without_headers,
)
from flask_filibuster.instrumentation.clients.requests.injection import (
    injected_response,
    raise_injected,
)
from flask_filibuster.instrumentation.clients.requests.own_send import Send
from flask_filibuster.instrumentation.clients.requests.timeouts import timeouts_of
from flask_filibuster.instrumentation.frames import Frame
from flask_filibuster.instrumentation.invocation import start_invocation
from flask_filibuster.instrumentation.reporting import report
from flask_filibuster.protocol.headers import Propagated
from flask_filibuster.server.signing import seal_of

logger = logging.getLogger(__name__)


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a call that ended in an exception."""
    return Outcome(exception=type(error).__name__)


class Attempt:
    """One attempt at a call: an invocation of its own each time it is called."""

    def __init__(
        self,
        frame: Frame,
        send: Send,
        adapter: BaseAdapter,
        request: PreparedRequest,
        options: dict[str, Any],
    ) -> None:
        self._frame = frame
        self._send = send
        self._adapter = adapter
        self._request = request
        self._options = options
        self._timeouts = timeouts_of(options["timeout"])
        self._lost: Outcome | None = None

    def __call__(self) -> Response:
        """Make it, as an invocation of its own."""
        frame = self._frame
        self._lost = None
        started = start_invocation(frame, self._request, self._timeouts)
        if signals.invocation_started.receivers:
            signals.invocation_started.send(frame.app, frame=frame, invocation=started)
        decision = report(frame, frame.server.create, started)
        if decision is None or decision.generated_id < 0:  # Not told, or nothing is explored.
            unmarked = without_headers(self._request)
            return deliver(self._send, self._request, unmarked, self._options)
        try:
            response = self._carry_out(started, decision)
            digest = self._digest(response) if frame.server.wants_digests else None
        except BaseException as error:
            self._completed(started, decision, outcome_of(error))
            raise
        self._completed(started, decision, Outcome(status=response.status_code, digest=digest))
        return response

    def _digest(self, response: Response) -> str | None:
        """Digest of the body, which the caller would read next; never of one that it streams."""
        if self._options["stream"]:
            return None
        return hashlib.md5(response.content, usedforsecurity=False).hexdigest()

    def _carry_out(self, started: InvocationStarted, decision: Decision) -> Response:
        fault = decision.fault
        if decision.refusal is not None:
            call = f"{started.method} {started.url}"
            refused = InjectionError(call, decision.refusal)
            self._injection_failed(started, refused)
            raise refused
        if fault is None:
            return self._call(started, decision)
        if signals.fault_injected.receivers:
            signals.fault_injected.send(
                self._frame.app, frame=self._frame, invocation=started, fault=fault
            )
        if not fault.abort:
            self._call_and_lose(started, decision)
        elif fault.sleep:
            self._hold(started, fault)
        if fault.status is not None:
            return injected_response(fault, self._request, self._adapter)
        try:
            raise_injected(fault, self._request, self._timeouts)
        except InjectionError as error:
            self._injection_failed(started, error)
            raise

    def _hold(self, started: InvocationStarted, fault: Fault) -> None:
        """Wait as the fault asks, but no longer than the settings allow, which is told."""
        seconds, most = fault.seconds(self._timeouts), self._frame.config.max_sleep
        if seconds > most:
            reason = (
                f"it was held for {most:g} s only, not {seconds:g} s; FILIBUSTER_MAX_SLEEP of "
                f"{self._frame.service} allows no more"
            )
            call = f"{started.method} {started.url}"
            self._injection_failed(started, InjectionError(call, reason))
        time.sleep(min(seconds, most))

    def _call(self, started: InvocationStarted, decision: Decision) -> Response:
        fault = decision.fault
        propagated = Propagated(
            started.request_id,
            started.index,
            decision.generated_id,
            started.vclock,
            fault.seconds(self._timeouts) if fault is not None else 0.0,
        )
        sent = with_headers(self._request, propagated, seal_of(self._frame.config.token))
        return deliver(self._send, self._request, sent, self._options)

    def _call_and_lose(self, started: InvocationStarted, decision: Decision) -> None:
        """Let the callee do its work; whatever comes back is lost, an exception too."""
        try:
            response = self._call(started, decision)
            digest = hashlib.md5(usedforsecurity=False)
            # To the end, as a streamed answer is part of the callee's work.
            for piece in response.iter_content(65_536):
                digest.update(piece)
            response.close()
        except RequestException as error:
            logger.debug("the call whose answer is to be lost had none: %r", error)
            return
        status = response.status_code
        self._lost = Outcome(status=status, digest=digest.hexdigest() if status < 400 else None)

    def _injection_failed(self, started: InvocationStarted, error: InjectionError) -> None:
        server = self._frame.server
        if server.takes_notes:
            message = InjectionFailed(started.request_id, started.index, str(error))
            report(self._frame, server.injection_failed, message)

    def _completed(self, started: InvocationStarted, decision: Decision, outcome: Outcome) -> None:
        frame = self._frame
        fault = decision.fault
        # What is reported is what was asked for: Timeout, though a ReadTimeout was raised.
        seen = outcome if fault is None else fault.outcome
        message = InvocationCompleted(
            started.request_id,
            started.index,
            decision.generated_id,
            started.vclock,
            seen,
            fault,
            self._lost,
        )
        report(frame, frame.server.completed, message)
        if signals.invocation_completed.receivers:
            signals.invocation_completed.send(
                frame.app, frame=frame, invocation=started, outcome=outcome, fault=fault
            )
