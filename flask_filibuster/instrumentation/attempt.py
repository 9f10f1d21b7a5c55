"""One attempt at a call: its decision from the server, and its reports to the server."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Generic, NoReturn

from flask_filibuster import signals
from flask_filibuster.core.call import Call
from flask_filibuster.core.documents.shape import Shape
from flask_filibuster.core.execution_index import ExecutionIndex, signature_of
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
)
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.url_patterns import UrlPattern, request_in_signature, url_in_signature
from flask_filibuster.core.urls import host_of
from flask_filibuster.errors import InjectionError, UnendingError
from flask_filibuster.instrumentation.callsite import (
    ENDS,
    CodeByFile,
    by_file,
    callers,
    package_of,
)
from flask_filibuster.instrumentation.clock.here import clock_of
from flask_filibuster.instrumentation.frames import Frame, TestFrame, current_scope
from flask_filibuster.instrumentation.keys.describing import described
from flask_filibuster.instrumentation.mocking import Answers, Taking
from flask_filibuster.instrumentation.outgoing import AnyCall, Client, Reply
from flask_filibuster.instrumentation.propagation import headers_for
from flask_filibuster.instrumentation.reporting import report
from flask_filibuster.instrumentation.witness.foreign import is_local_name
from flask_filibuster.instrumentation.witness.own_ports import without_own_port
from flask_filibuster.protocol.headers import Propagated
from flask_filibuster.server.embedded import EmbeddedServer
from flask_filibuster.server.signing import seal_of

_UNTOLD = Decision(-1)


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of a call that ended in an exception."""
    return Outcome(exception=type(error).__name__)


class Attempt(Generic[Reply]):
    """One attempt at a call within an explored request; its creation announces it to the server.

    :param frame: the frame of the request.
    :param call: the call.
    :raises UnendingError: the execution has no end.
    :ivar clock: the virtual clock of the execution, if it has one.
    :ivar began: when the attempt began, by that clock.
    :ivar is_explored: whether the server has numbered the call; if not, no fault is injected.
    """

    __slots__ = (
        "_call",
        "_decision",
        "_frame",
        "_lost",
        "_started",
        "began",
        "clock",
        "is_explored",
    )

    def __init__(self, frame: Frame, call: AnyCall[Reply]) -> None:
        self._frame = frame
        self._call = call
        self._lost: Outcome | None = None
        self.clock = clock_of(frame)
        self.began = 0.0 if self.clock is None else self.clock.now()
        self._started = started = start_call(frame, call)
        if signals.invocation_started.receivers:
            signals.invocation_started.send(frame.app, frame=frame, invocation=started)
        self._decision = report(frame, frame.server.create, started) or _UNTOLD
        if self._decision.unending is not None:
            raise UnendingError(self._decision.unending)
        self.is_explored = self._decision.generated_id >= 0

    @property
    def wants_digest(self) -> bool:
        """Whether the server compares bodies; never those of faults, which the caller must read."""
        return self._frame.server.wants_digests and self._decision.fault is None

    @property
    def wants_shape(self) -> bool:
        """Whether faults of the answer's parts may be planned; never those of altered answers."""
        return self._frame.server.wants_shapes and self._decision.fault is None

    def shape(self, content: bytes | None) -> Shape | None:
        """The shape of the answer, if its content is JSON.

        :param content: what the caller reads next; ``None`` if that is unknown.
        """
        return described(content, self._frame.app, self._call)

    def fault(self) -> Fault | None:
        """The fault to inject, if any.

        :raises InjectionError: the server requests a fault that cannot be injected.
        """
        decision = self._decision
        if decision.refusal is not None:
            self.refuse(InjectionError(self._call.words, decision.refusal))
        fault = decision.fault
        if fault is not None and signals.fault_injected.receivers:
            signals.fault_injected.send(
                self._frame.app, frame=self._frame, invocation=self._started, fault=fault
            )
        return fault

    def headers(self, fault: Fault | None = None) -> dict[str, str] | None:
        """The headers with the call's place, and with the time for the callee to sleep.

        ``None`` for a host that takes no part in the exploration.
        """
        started = self._started
        if self._frame.test is not None and not takes_part(self._frame.test, self._call):
            return None
        place = Propagated(
            started.request_id,
            started.index,
            self._decision.generated_id,
            started.vclock,
            fault.seconds(self._call.timeout) if fault is not None else 0.0,
        )
        return headers_for(place, seal_of(self._frame.config.token))

    def hold(self, fault: Fault) -> float:
        """Seconds to hold the call, up to the limit of the settings; reports a shortened hold."""
        return self.limited(fault.seconds(self._call.timeout)) if fault.sleep else 0.0

    def limited(self, seconds: float) -> float:
        """The seconds, up to the limit of the settings; reports a shortened hold."""
        most = self._frame.config.max_sleep
        if seconds > most:
            reason = (
                f"held {most:g} s instead of {seconds:g} s, the limit of FILIBUSTER_MAX_SLEEP in "
                f"{self._frame.service}"
            )
            self._failed(InjectionError(self._call.words, reason))
        return min(seconds, most)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the caller of a call that was made, up to the limit of the settings."""
        (time.sleep if self.clock is None else self.clock.sleep)(self.limited(seconds))

    def lose(self, seen: Outcome, digest: str | None) -> None:
        """Note the callee's answer, which the caller does not get."""
        self._lost = Outcome(status=seen.status, digest=None if seen.failed else digest)

    def is_sent(self, fault: Fault) -> bool:
        """Whether the callee would have read the request of a call that is not made."""
        return fault.kind.is_sent(self._call.timeout)

    def unsent(self, error: Exception) -> None:
        """Report that the fault did not happen, as the request's body could not be sent."""
        reason = f"the body of the request could not be sent: {error!r}"
        self._failed(InjectionError(self._call.words, reason))

    def unanswered(self, error: BaseException) -> None:
        """Report that the fault did not happen, as the call had no answer to make it of."""
        reason = f"the call had no answer, it failed with {type(error).__name__}"
        self._failed(InjectionError(self._call.words, reason))

    def raised(self, error: BaseException, *, mocked: bool = False) -> None:
        """Report that the call ended in an exception."""
        self.ended(outcome_of(error), mocked=mocked)

    def ended(self, outcome: Outcome, *, mocked: bool = False) -> None:
        """Report the outcome of the call for its caller.

        :param outcome: the outcome.
        :param mocked: whether it is that of a mock.
        """
        if not self.is_explored:
            return
        if mocked and outcome.failed:
            outcome = replace(outcome, mocked=True)
        frame, started, decision = self._frame, self._started, self._decision
        fault = decision.fault
        # The report names the requested fault: Timeout, even if a ReadTimeout was raised.
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

    def refuse(self, error: InjectionError) -> NoReturn:
        """Report that the fault cannot be injected, and raise that."""
        self._failed(error)
        raise error

    def _failed(self, error: InjectionError) -> None:
        server = self._frame.server
        if server.takes_notes:
            note = InjectionFailed(self._started.request_id, self._started.index, str(error))
            report(self._frame, server.injection_failed, note)


def start_call(frame: Frame, call: AnyCall[Reply]) -> InvocationStarted:
    """Take the next index and clock of the frame for a call.

    :param frame: the frame of the request.
    :param call: the call.
    """
    client = call.client
    functions, site = callers(
        package_of(frame.app),
        _entrances_of(client),
        client.file,
        ends=ENDS if frame.test is None else frame.test.ends,
        skipped=2,  # This function, and Attempt.
    )
    index, vclock, position = frame.next_invocation(_signature(frame, functions, call))
    return InvocationStarted(
        request_id=frame.request_id,
        index=index,
        source=frame.service,
        method=call.operation,
        url=call.url,
        callsite=site,
        timeout=call.timeout,
        vclock=vclock,
        origin_vclock=frame.origin_vclock,
        position=position,
        functions=functions,
        api="" if client.name == REQUESTS else f"{client.name}.{call.operation.lower()}",
        target=call.target,
        library=client.name,
        family=client.family,
        idempotency_key=call.idempotency_key,
        safe=call.safe,
        repeatable=call.repeatable,
    )


def _signature(frame: Frame, functions: Iterable[str], call: AnyCall[Reply]) -> str:
    """The signature of a call, the same in each execution, on each host, after edits elsewhere.

    It consists of the service, the application's functions on the stack, the operation, the URL
    from the port on (without the parts that are configured to vary), and the thread of the request.
    It excludes the library if there is a URL, so that counterexamples stay valid after a change of
    the HTTP client.
    """
    called = _called(call, frame.config.url_patterns)
    parts = (frame.service, *functions, call.operation, called)
    return signature_of(*parts, frame.thread) if frame.thread else signature_of(*parts)


# A client has the same ones as long as it exists.
@lru_cache(maxsize=64)
def _entrances_of(client: Client) -> CodeByFile:
    return by_file(Taking.ask.__code__, Answers.take.__code__, *client.entrances)


def _called(call: AnyCall[Reply], patterns: tuple[UrlPattern, ...]) -> str:
    if call.url:
        called = url_in_signature(call.url, patterns)
        return called if call.is_local else without_own_port(call.url, called)
    return f"{call.client.name} {call.target}"


def announce_for_test(
    frame: TestFrame, call: AnyCall[Reply]
) -> tuple[ExecutionIndex, dict[str, str] | None]:
    """Take the next index of the test for one of its requests.

    :returns: the index, and the headers that carry it; ``None`` instead of headers for a host that
        takes no part in the exploration.
    """
    client = call.client
    patterns = frame.url_patterns
    if not call.url:
        called = _called(call, patterns)
    else:
        called = request_in_signature(call.url, patterns)
        called = called if call.is_local else without_own_port(call.url, called)
    index, position = frame.next_request(f"{call.operation} {called}")
    request_id = frame.watcher.request(
        Call(
            index=index,
            source="",
            target=call.target or host_of(call.url),
            method=call.operation,
            url=call.url,
            timeout=call.timeout,
            position=position,
            library=client.name,
            family=client.family,
            idempotency_key=call.idempotency_key,
            safe=call.safe,
            repeatable=call.repeatable,
        )
    )
    place = Propagated(request_id, index)
    return index, headers_for(place, frame.seal) if takes_part(frame, call) else None


def takes_part(test: TestFrame, call: AnyCall[Any]) -> bool:
    """Whether the callee may know the headers: a service of this process, or on this machine."""
    if not isinstance(test.server, EmbeddedServer):
        return True  # The services of a server elsewhere may be anywhere.
    scope = current_scope()
    network = scope.network if scope is not None else None
    if network is not None and network.service_at(call.url) is not None:
        return True
    return is_local_name(host_of(call.url))
