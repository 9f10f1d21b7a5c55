"""The server's decision on a call, carried out at the point of the call that the fault names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.vocabulary import OF_REAL_ANSWER, Failure
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.attempt import Attempt
from flask_filibuster.instrumentation.outgoing import (
    AnyCall,
    AsyncOutgoingCall,
    OutgoingCall,
    Reply,
)
from flask_filibuster.instrumentation.performing.covering import Covering
from flask_filibuster.instrumentation.performing.injecting import injected, met
from flask_filibuster.instrumentation.performing.real_answers import (
    made_of_real,
    made_of_real_async,
)
from flask_filibuster.instrumentation.performing.waiting import (
    wait,
    wait_async,
    wait_longer,
    wait_longer_async,
)

logger = logging.getLogger(__name__)

Send = Callable[[Mapping[str, str] | None], Reply]


def carry_out(
    attempt: Attempt[Reply], call: OutgoingCall[Reply], send: Send[Reply], *, is_taken: bool
) -> Reply:
    """Make the call, or inject the fault that the server asks for.

    :param attempt: the attempt, announced to the server.
    :param call: the call.
    :param send: makes it.
    :param is_taken: whether the answer was taken from a mock already.
    :raises Exception: as the library does, also for a fault.
    """
    fault = attempt.fault()
    if fault is not None and fault.point in ("before", "answer"):
        if is_taken:
            _throw_away(call, send)
        if attempt.is_sent(fault):
            with _Sending(attempt):
                call.use_up()
        wait(attempt, fault, call)
        return _inject(attempt, fault, call)
    with Covering(call):
        if fault is None:
            return send(attempt.headers())
        if fault.point in OF_REAL_ANSWER:
            return made_of_real(attempt, fault, call, send)
        try:
            reply = send(attempt.headers(fault))
            attempt.lose(call.outcome(reply, None), call.discard(reply))
        except call.client.errors as error:
            logger.debug("the call whose answer is lost had none: %r", error)
        wait_longer(attempt, fault, call)
    return _inject(attempt, fault, call)


def _throw_away(call: OutgoingCall[Reply], send: Send[Reply]) -> None:
    """Drop the answer that was taken from a mock.

    :raises AssertionError: the mock complains of the call itself.
    """
    try:
        call.discard(send(None))
    except AssertionError:
        raise
    except Exception as error:  # noqa: BLE001 - a test makes its mocks raise anything
        logger.debug("the mocked answer that a fault replaces was %r", error)


async def carry_out_async(attempt: Attempt[Reply], call: AsyncOutgoingCall[Reply]) -> Reply:
    """:func:`carry_out` for an asynchronous client."""
    fault = attempt.fault()
    if fault is not None and fault.point in ("before", "answer"):
        if attempt.is_sent(fault):
            with _Sending(attempt):
                await call.use_up()
        await wait_async(attempt, fault, call)
        return _inject(attempt, fault, call)
    with Covering(call):
        if fault is None:
            return await call.send(attempt.headers())
        if fault.point in OF_REAL_ANSWER:
            return await made_of_real_async(attempt, fault, call)
        try:
            reply = await call.send(attempt.headers(fault))
            attempt.lose(call.outcome(reply, None), await call.discard(reply))
        except call.client.errors as error:
            logger.debug("the call whose answer is lost had none: %r", error)
        await wait_longer_async(attempt, fault, call)
    return _inject(attempt, fault, call)


def make_hop(hop: Answer | Failure, call: OutgoingCall[Reply]) -> Reply:
    """Make a call that the library makes as a fault has redirected it: part of that fault."""
    if isinstance(hop, Answer):
        call.use_up()
    return met(hop, call)


async def make_hop_async(hop: Answer | Failure, call: AsyncOutgoingCall[Reply]) -> Reply:
    """:func:`make_hop` for an asynchronous client."""
    if isinstance(hop, Answer):
        await call.use_up()
    return met(hop, call)


def _inject(attempt: Attempt[Reply], fault: Fault, call: AnyCall[Reply]) -> Reply:
    try:
        return injected(fault, call)
    except InjectionError as error:
        attempt.refuse(error)


class _Sending:
    """While the block runs, the body of a request is read that a fault keeps from its callee."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt[Any]) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        """The code of the application that makes the body runs from here on."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, Exception):
            self._attempt.unsent(error)
