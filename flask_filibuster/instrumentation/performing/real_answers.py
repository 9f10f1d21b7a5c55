"""Faults that are made of the real answer of a call: late, remade, or with an altered body."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.bodies import Pause, Pieces, UnalterableError
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.attempt import Attempt
from flask_filibuster.instrumentation.outgoing import (
    AnyCall,
    AsyncOutgoingCall,
    OutgoingCall,
    Reply,
)
from flask_filibuster.instrumentation.performing.injecting import replied

Send = Callable[[Mapping[str, str] | None], Reply]


def made_of_real(
    attempt: Attempt[Reply], fault: Fault, call: OutgoingCall[Reply], send: Send[Reply]
) -> Reply:
    """Make a call, and the fault of its answer.

    :param attempt: the attempt.
    :param fault: a fault at one of the points of a real answer.
    :param call: the call.
    :param send: makes it.
    :raises InjectionError: the answer has no part that the fault alters.
    """
    try:
        reply = send(attempt.headers(fault))
    except call.client.errors as error:
        attempt.unanswered(error)
        raise
    attempt.lose(call.outcome(reply, None), None)
    try:
        if fault.point == "body":
            return _altered(attempt, fault, call, reply)
        if fault.point == "received":
            return replied(_remade(fault, call, call.received(reply)), call)
    except InjectionError as error:
        attempt.refuse(error)
    seconds, in_time = _delay(fault, call)
    attempt.sleep(seconds)
    if not in_time:
        call.discard(reply)
        call.fail("ReadTimeout", sent=True)
    return reply


async def made_of_real_async(
    attempt: Attempt[Reply], fault: Fault, call: AsyncOutgoingCall[Reply]
) -> Reply:
    """:func:`made_of_real` for an asynchronous client."""
    try:
        reply = await call.send(attempt.headers(fault))
    except call.client.errors as error:
        attempt.unanswered(error)
        raise
    attempt.lose(call.outcome(reply, None), None)
    try:
        if fault.point == "body":
            return _altered(attempt, fault, call, reply)
        if fault.point == "received":
            return replied(_remade(fault, call, await call.received(reply)), call)
    except InjectionError as error:
        attempt.refuse(error)
    from asyncio import sleep  # Lazily: it takes long to import, and this has it already.

    seconds, in_time = _delay(fault, call)
    await sleep(attempt.limited(seconds))
    if not in_time:
        await call.discard(reply)
        call.fail("ReadTimeout", sent=True)
    return reply


def _delay(fault: Fault, call: AnyCall[Reply]) -> tuple[float, bool]:
    """How long the caller waits, and whether the answer comes within its read timeout."""
    seconds, read = fault.kind.delay(call.timeout), call.timeout[1]
    return (seconds, True) if read is None or seconds < read else (read, False)


def _remade(fault: Fault, call: AnyCall[Reply], answer: Answer) -> Answer:
    try:
        return fault.kind.remake(answer)
    except UnalterableError as error:
        raise InjectionError(call.words, str(error)) from error


def _altered(attempt: Attempt[Reply], fault: Fault, call: AnyCall[Reply], reply: Reply) -> Reply:
    def alter(pieces: Pieces) -> Iterator[bytes]:
        for each in fault.kind.alter(pieces, call.timeout):
            if isinstance(each, Pause):
                attempt.sleep(each.seconds)
            else:
                yield each

    return call.alter_body(reply, alter)
