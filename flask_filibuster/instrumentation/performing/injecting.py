"""A fault in the place of a call: its answer, or the library's own error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NoReturn

from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.kinds.answer import Answer, Asked
from flask_filibuster.core.kinds.bodies import BrokenBody
from flask_filibuster.core.vocabulary import Failure
from flask_filibuster.errors import InjectionError
from flask_filibuster.instrumentation.outgoing import AnyCall, Reply
from flask_filibuster.instrumentation.performing.redirects import begin_redirect


def injected(fault: Fault, call: AnyCall[Reply]) -> Reply:
    """The answer of a fault, or the library's own error.

    :param fault: the fault.
    :param call: the call that fails.
    :raises Exception: the library's error for the fault.
    :raises InjectionError: the library does not have this error, or its calls have no status.
    """
    answer = fault.kind.reply(Asked(call.operation, call.url, time.time()))
    if answer is None:
        _fail(fault, call)
    if not answer.is_broken:
        reply = replied(answer, call)
        begin_redirect(call, fault.kind, answer)
        return reply
    try:
        reply = call.alter_body(replied(answer, call), _broken_off)
    except InjectionError:
        _fail(fault, call)  # The library, or a mock in its place, has no bodies.
    return reply


def met(hop: Answer | Failure, call: AnyCall[Reply]) -> Reply:
    """What the hop of an injected redirect meets.

    :param hop: see :func:`~flask_filibuster.instrumentation.performing.redirects.hop_of`.
    :param call: the hop.
    :raises Exception: the library's error for a failure.
    """
    if not isinstance(hop, Answer):
        call.meet(hop, "ConnectionError", sent=False)
    return replied(hop, call)


def _fail(fault: Fault, call: AnyCall[Reply]) -> NoReturn:
    sent, exception = not fault.abort, fault.exception or ""
    if fault.library not in (REQUESTS, call.client.name):
        raise call.unknown(f"{fault.library}.{exception}")
    failure = fault.kind.failure
    if failure is None:
        call.fail(exception, sent=sent)
    call.meet(failure, exception, sent=sent)


def replied(answer: Answer, call: AnyCall[Reply]) -> Reply:
    """The reply of the call's library for an answer.

    :param answer: the answer.
    :param call: the call.
    :raises InjectionError: calls of the library have no status.
    """
    headers = list(answer.headers)
    named = {name.lower() for name, _ in headers}
    # A 204 must not have this header (RFC 9110, section 8.6).
    if answer.status != 204 and named.isdisjoint(("content-length", "transfer-encoding")):
        headers.append(("Content-Length", str(len(answer.body))))
    body = b"" if call.operation == "HEAD" else answer.body
    return call.answer(answer.status, answer.reason, headers, body)


def _broken_off(pieces: Iterator[bytes]) -> Iterator[bytes]:
    arrived = 0
    for piece in pieces:
        arrived += len(piece)
        yield piece
    raise BrokenBody(arrived)
