"""The calls that an application makes with requests, seen and made to fail."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster import signals
from flask_filibuster.core.faults import Fault
from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
)
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.services import from_port_on, host_of
from flask_filibuster.core.trace import Invocation
from flask_filibuster.core.wire import INSTRUMENTATION, Propagated, write_headers
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation import threads
from flask_filibuster.instrumentation.frame import Frame, Scope, TestFrame, current_scope
from flask_filibuster.instrumentation.injection import injected_exception, injected_response
from flask_filibuster.instrumentation.invocation import start_invocation
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.reporting import report
from flask_filibuster.instrumentation.retries import (
    policy_of,
    send_with_retries,
    without_retries,
)
from flask_filibuster.instrumentation.timeouts import timeouts_of

logger = logging.getLogger(__name__)


class FilibusterAdapter(BaseAdapter):
    """A transport adapter that lets the calls sent through another one be seen and be failed.

    :func:`instrument_requests` puts one around every adapter in use; to instrument a single
    session, mount one by hand: ``session.mount("http://", FilibusterAdapter())``. Outside a
    request under exploration it only hands through.

    :param inner: the adapter that really sends; by default a new ``HTTPAdapter``.
    """

    def __init__(self, inner: BaseAdapter | None = None) -> None:
        super().__init__()
        self.inner = HTTPAdapter() if inner is None else inner

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # While being unpickled, before __init__.
            raise AttributeError(name)
        return getattr(self.inner, name)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request as the inner adapter does, unless a fault is planned for it.

        Arguments, result and exceptions are those of ``requests.adapters.BaseAdapter.send``.
        """
        options: dict[str, Any] = {
            "stream": stream,
            "timeout": timeout,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
        }
        scope = current_scope()
        if scope is None:
            return self.inner.send(request, **options)
        carrier = self._carrier(scope, request)
        frame = scope.frame
        if frame is None or INSTRUMENTATION in request.headers:
            return carrier.send(request, **options)
        if isinstance(frame, TestFrame):
            return _send_for_test(frame, carrier, request, options)
        if is_excluded(request.url or "", frame.config.excluded_hosts):
            return carrier.send(request, **options)
        policy = policy_of(self.inner)
        if policy is None:
            return _Attempt(frame, carrier, request, options)()
        single = carrier if carrier is not self.inner else without_retries(carrier)
        return send_with_retries(_Attempt(frame, single, request, options), policy, request)

    def close(self) -> None:
        """Close the inner adapter."""
        self.inner.close()

    def _carrier(self, scope: Scope, request: PreparedRequest) -> BaseAdapter:
        """Who delivers: the network in this process, where it knows the host, or the inner one."""
        if scope.network is not None:
            local = scope.network.adapter_for(request.url or "")
            if local is not None:
                return local
        return self.inner


def is_excluded(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether the URL's host is one of these, or below one that begins with a dot."""
    if not hosts:
        return False
    host = host_of(url)
    return any(host == each or (each[0] == "." and host.endswith(each)) for each in hosts)


def _with_headers(request: PreparedRequest, propagated: Propagated) -> PreparedRequest:
    """A copy that carries our headers: the original is what redirects are made from."""
    sent = copy.copy(request)
    sent.headers = request.headers.copy()
    sent.headers.update(write_headers(propagated))
    return sent


def _deliver(
    carrier: BaseAdapter, request: PreparedRequest, sent: PreparedRequest, options: dict[str, Any]
) -> Response:
    """Send the copy; the application gets to see its own request."""
    try:
        response = carrier.send(sent, **options)
    except RequestException as error:
        if error.request is sent:
            error.request = request
        raise
    if response.request is sent:
        response.request = request
    return response


def _outcome_of(error: BaseException) -> Outcome:
    return Outcome(exception=type(error).__name__)


def _send_for_test(
    frame: TestFrame, carrier: BaseAdapter, request: PreparedRequest, options: dict[str, Any]
) -> Response:
    """A request that the test itself makes: never failed, but the root of what it causes."""
    url, method = request.url or "", request.method or "GET"
    index, position = frame.next_request(f"{method} {from_port_on(url)}")
    call = Invocation(
        index=index,
        source="",
        target=host_of(url),
        method=method,
        url=url,
        timeout=timeouts_of(options["timeout"]),
        position=position,
    )
    frame.watcher.request(call)
    sent = _with_headers(request, Propagated(frame.watcher.new_request_id(), index))
    try:
        response = _deliver(carrier, request, sent, options)
    except BaseException as error:
        frame.watcher.request_ended(index, _outcome_of(error))
        raise
    frame.watcher.request_ended(index, Outcome(status=response.status_code))
    return response


class _Attempt:
    """One attempt at a call: an invocation of its own each time it is called."""

    def __init__(
        self,
        frame: Frame,
        carrier: BaseAdapter,
        request: PreparedRequest,
        options: dict[str, Any],
    ) -> None:
        self._frame = frame
        self._carrier = carrier
        self._request = request
        self._options = options
        self._timeouts = timeouts_of(options["timeout"])

    def __call__(self) -> Response:
        frame = self._frame
        started = start_invocation(frame, self._request, self._timeouts)
        if signals.invocation_started.receivers:
            signals.invocation_started.send(frame.app, frame=frame, invocation=started)
        decision = report(frame, frame.server.create, started)
        if decision is None:
            return self._carrier.send(self._request, **self._options)
        try:
            response = self._carry_out(started, decision)
        except BaseException as error:
            self._completed(started, decision, _outcome_of(error))
            raise
        self._completed(started, decision, Outcome(status=response.status_code))
        return response

    def _carry_out(self, started: InvocationStarted, decision: Decision) -> Response:
        fault = decision.fault
        if fault is None:
            return self._call(started, decision)
        if signals.fault_injected.receivers:
            signals.fault_injected.send(
                self._frame.app, frame=self._frame, invocation=started, fault=fault
            )
        if not fault.abort:
            self._call_and_lose(started, decision)
        elif fault.sleep:
            time.sleep(min(fault.seconds(self._timeouts), self._frame.config.max_sleep))
        if fault.status is not None:
            return injected_response(fault, self._request, self._carrier)
        raise self._exception(started, fault)

    def _call(self, started: InvocationStarted, decision: Decision) -> Response:
        fault = decision.fault
        propagated = Propagated(
            started.request_id,
            started.index,
            decision.generated_id,
            started.vclock,
            fault.seconds(self._timeouts) if fault is not None else 0.0,
        )
        sent = _with_headers(self._request, propagated)
        return _deliver(self._carrier, self._request, sent, self._options)

    def _call_and_lose(self, started: InvocationStarted, decision: Decision) -> None:
        """Let the callee do its work; whatever comes back is lost, an exception too."""
        try:
            response = self._call(started, decision)
            # To the end, as a streamed answer is part of the callee's work.
            for _ in response.iter_content(65_536):
                pass
            response.close()
        except RequestException as error:
            logger.debug("the call whose answer is to be lost had none: %r", error)

    def _exception(self, started: InvocationStarted, fault: Fault) -> Exception:
        try:
            return injected_exception(fault, self._request, self._timeouts)
        except InjectionError as error:
            message = InjectionFailed(started.request_id, started.index, str(error))
            if self._frame.server.takes_notes:
                report(self._frame, self._frame.server.injection_failed, message)
            return error

    def _completed(self, started: InvocationStarted, decision: Decision, outcome: Outcome) -> None:
        frame = self._frame
        fault = decision.fault
        # What is reported is what was asked for: Timeout, though a ReadTimeout was raised.
        seen = outcome if fault is None else fault.outcome
        message = InvocationCompleted(
            started.request_id, started.index, decision.generated_id, started.vclock, seen, fault
        )
        report(frame, frame.server.completed, message)
        if signals.invocation_completed.receivers:
            signals.invocation_completed.send(
                frame.app, frame=frame, invocation=started, outcome=outcome, fault=fault
            )


class Instrumentation:
    """Instrumented requests, until :meth:`release`; also a context manager.

    Several may be held at once, in any order and from any thread; each is released once, further
    releases do nothing.
    """

    def __init__(self) -> None:
        self._patches = [
            Patch.hold(Session, "get_adapter", _get_adapter),
            *threads.hold_patches(),
        ]

    def release(self) -> None:
        """Put requests back as it was, unless somebody else still holds it instrumented."""
        patches, self._patches = self._patches, []
        for patch in patches:
            patch.release()

    def __enter__(self) -> Instrumentation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def instrument_requests() -> Instrumentation:
    """Let every call made with requests in this process be seen and be failed.

    Wraps the adapter that ``Session.get_adapter`` returns, so that old and new sessions, mounted
    adapters and each hop of a redirect are covered, and lets threads that a view starts belong to
    its request. Where nothing is being explored, calls go their way untouched.

    :returns: the hold on it; ``release()`` it, or use it as a context manager.
    """
    return Instrumentation()


def _get_adapter(original: Callable[..., BaseAdapter], patch: Patch) -> Callable[..., BaseAdapter]:
    def get_adapter(self: Session, url: str) -> BaseAdapter:
        scope = current_scope()
        if scope is None:
            return original(self, url)
        adapter = original(self, url)
        if not patch.active or isinstance(adapter, FilibusterAdapter):
            return adapter
        if isinstance(scope.frame, Frame) and not scope.frame.config.instrument_requests:
            local = scope.network.adapter_for(url) if scope.network is not None else None
            return adapter if local is None else local
        return FilibusterAdapter(adapter)

    return get_adapter
