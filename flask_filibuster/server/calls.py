"""The record of a call, made of the message that announces it."""

from __future__ import annotations

from flask_filibuster.core.call import Call
from flask_filibuster.core.messages import InvocationStarted


def call_of(message: InvocationStarted, number: int, target: str, start: float) -> Call:
    """The call that a message announces.

    :param message: the message.
    :param number: the server's number for the call.
    :param target: name of the service that it reaches.
    :param start: when it begins, by the clock of the execution.
    """
    return Call(
        index=message.index,
        source=message.source,
        target=target,
        method=message.method,
        url=message.url,
        callsite=message.callsite,
        timeout=message.timeout,
        # Without positions from the client, calls are in the order of their arrival.
        position=message.position or ((2 * number + 1,),),
        api=message.api,
        library=message.library,
        family=message.family,
        idempotency_key=message.idempotency_key,
        safe=message.safe,
        repeatable=message.repeatable,
        start=start,
    )
