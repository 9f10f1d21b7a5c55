"""One call, from its description to its outcome: written once, for the clients of all libraries.

:func:`perform` and :func:`perform_async` take the next execution index, announce the call, carry
out the server's decision at the point of the call that the fault names, and report the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NoReturn

from flask_filibuster.core.documents.shape import Shape
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.urls import host_of
from flask_filibuster.instrumentation.attempt import Attempt, announce_for_test, outcome_of
from flask_filibuster.instrumentation.frames import Frame, Scope, TestFrame, current_scope, here
from flask_filibuster.instrumentation.mocking import (
    Mock,
    PassedOn,
    Taking,
    is_recorded,
    mock_for,
)
from flask_filibuster.instrumentation.outgoing import (
    AnyCall,
    AsyncOutgoingCall,
    OutgoingCall,
    Reply,
)
from flask_filibuster.instrumentation.performing.carrying_out import (
    carry_out,
    carry_out_async,
    make_hop,
    make_hop_async,
)
from flask_filibuster.instrumentation.performing.covering import Covering, covered
from flask_filibuster.instrumentation.performing.redirects import hop_of
from flask_filibuster.instrumentation.witness.seeing import explained, is_watched, note_call

AnyFrame = Frame | TestFrame
_Send = Callable[[Mapping[str, str] | None], Reply]


def perform(call: OutgoingCall[Reply]) -> Reply:
    """Make a call, or inject the fault that the execution under way has for it.

    Outside an exploration, and for calls that are not explored, it only makes the call.

    :param call: the call.
    :returns: the reply, real or injected.
    :raises Exception: as the library does, also for a fault.
    """
    return perform_for(frame_of(here(), call), call)


async def perform_async(call: AsyncOutgoingCall[Reply]) -> Reply:
    """:func:`perform` for an asynchronous client."""
    return await perform_async_for(frame_of(here(), call), call)


def frame_of(scope: Scope | None, call: AnyCall[Reply]) -> AnyFrame | None:
    """The frame that makes a call, for :func:`perform_for`; ``None``: the call is not explored.

    :param scope: the scope of the running code.
    :param call: the call.
    """
    frame = scope.frame if scope is not None else None
    if frame is None or not call.is_seen or call.client.name in covered():
        return None
    if isinstance(frame, TestFrame):
        outside = frame.outside.frame(frame, call.url) if frame.outside is not None else None
        if outside is None:
            return frame
        frame = outside
    config = frame.config
    if not call.is_on(config) or is_excluded(call.url, config.excluded_hosts):
        return None
    return frame


def takes_no_part() -> bool:
    """Whether the running code makes its calls without a look at them.

    It does outside all scopes, unless something is explored meanwhile: then they are named.
    """
    return current_scope() is None and not is_watched()


def is_excluded(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether the URL's host is in the list, or below an entry that begins with a dot."""
    if not hosts:
        return False
    host = host_of(url)
    return any(host == each or (each[0] == "." and host.endswith(each)) for each in hosts)


def perform_for(frame: AnyFrame | None, call: OutgoingCall[Reply]) -> Reply:
    """Make one attempt at a call for a frame; each attempt is a call of its own.

    :param frame: the result of :func:`frame_of`.
    :param call: the call.
    """
    if frame is None:
        note_call(call)
        with Covering(call):
            return call.send(None)
    hop = hop_of(call)
    if hop is not None:
        return make_hop(hop, call)
    mock = None if call.is_local else mock_for(call)
    if mock is not None:
        return _mocked(frame, call, lambda: call.send(None), mock=mock)
    Taking.made(call)
    if not call.is_local and is_recorded(call):
        return _explored(frame, call, lambda _headers: call.send(None))
    return _explored(frame, call, call.send)


def perform_mocked(
    call: OutgoingCall[Reply],
    take: Callable[[], Reply],
    *,
    mock: Mock | None = None,
    resend: _Send[Reply] | None = None,
) -> Reply:
    """Make a call that a mock answers, or inject the fault planned for it.

    The mock is asked first, so that its books are the same as without a fault. If it passes the
    call on, and a client below it sees the call, then the call is the client's.

    :param call: the call, as it would be made without the mock.
    :param take: asks the mock.
    :param mock: says which errors mean that it passes the call on.
    :param resend: given if it is unknown whether ``take`` asks a mock at all. The network is closed
        to ``take`` then, and if it gets that far, ``resend`` makes the call, with our headers.
    :returns: the mock's reply, or an injected one.
    :raises Exception: as the mock does, or as the library does for a fault.
    """
    frame = frame_of(here(), call)
    if frame is None:
        note_call(call)
        with Covering(call):
            return take()
    hop = hop_of(call)
    if hop is not None:
        return make_hop(hop, call)
    return _mocked(frame, call, take, mock=mock, resend=resend)


def _mocked(
    frame: AnyFrame,
    call: OutgoingCall[Reply],
    take: Callable[[], Reply],
    *,
    mock: Mock | None,
    resend: _Send[Reply] | None = None,
) -> Reply:
    is_taken = True
    send: _Send[Reply]
    with Taking(call, gated=resend is not None) as taking:
        token = explained.set(call)
        try:
            send = _returning(taking.ask(take))
        except PassedOn:
            if resend is None:
                raise  # Of a block around this one.
            send, is_taken = resend, False
        except Exception as error:
            if taking.passed_on or (mock is not None and mock.passes_on(error)):
                raise
            send = _raising(error)
        finally:
            explained.reset(token)
    if taking.passed_on:
        return send(None)
    Taking.made(call)
    return _explored(frame, call, send, is_taken=is_taken)


def _returning(reply: Reply) -> _Send[Reply]:
    return lambda _headers: reply


def _raising(error: Exception) -> Callable[[object], NoReturn]:
    def send(_headers: object) -> NoReturn:
        raise error

    return send


def _explored(
    frame: AnyFrame, call: OutgoingCall[Reply], send: _Send[Reply], *, is_taken: bool = False
) -> Reply:
    if isinstance(frame, TestFrame):
        return _perform_for_test(frame, call, send)
    attempt = Attempt(frame, call)
    try:
        if not attempt.is_explored:
            with Covering(call):
                return send(None)
        reply = carry_out(attempt, call, send, is_taken=is_taken)
        digest = call.digest(reply) if attempt.wants_digest else None
        shape = attempt.shape(call.content(reply)) if attempt.wants_shape else None
    except BaseException as error:
        attempt.raised(error, mocked=is_taken)
        raise
    attempt.ended(_seen(call, reply, digest, shape), mocked=is_taken)
    return reply


def _seen(call: AnyCall[Reply], reply: Reply, digest: str | None, shape: Shape | None) -> Outcome:
    outcome = call.outcome(reply, digest)
    return outcome if shape is None else replace(outcome, shape=shape)


def _perform_for_test(frame: TestFrame, call: OutgoingCall[Reply], send: _Send[Reply]) -> Reply:
    """A request of the test itself: the root of the calls that it causes; it never fails."""
    index, headers = announce_for_test(frame, call)
    try:
        with Covering(call):
            reply = send(headers)
    except BaseException as error:
        frame.watcher.request_ended(index, outcome_of(error))
        raise
    frame.watcher.request_ended(index, call.outcome(reply, None))
    return reply


async def perform_async_for(frame: AnyFrame | None, call: AsyncOutgoingCall[Reply]) -> Reply:
    """:func:`perform_for` for an asynchronous client."""
    if frame is None:
        note_call(call)
        with Covering(call):
            return await call.send(None)
    if isinstance(frame, TestFrame):
        return await _perform_async_for_test(frame, call)
    hop = hop_of(call)
    if hop is not None:
        return await make_hop_async(hop, call)
    attempt = Attempt(frame, call)
    try:
        if not attempt.is_explored:
            with Covering(call):
                return await call.send(None)
        reply = await carry_out_async(attempt, call)
        digest = await call.digest(reply) if attempt.wants_digest else None
        shape = attempt.shape(call.content(reply)) if attempt.wants_shape else None
    except BaseException as error:
        attempt.raised(error)
        raise
    attempt.ended(_seen(call, reply, digest, shape))
    return reply


async def _perform_async_for_test(frame: TestFrame, call: AsyncOutgoingCall[Reply]) -> Reply:
    index, headers = announce_for_test(frame, call)
    try:
        with Covering(call):
            reply = await call.send(headers)
    except BaseException as error:
        frame.watcher.request_ended(index, outcome_of(error))
        raise
    frame.watcher.request_ended(index, call.outcome(reply, None))
    return reply
