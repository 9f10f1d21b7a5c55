"""What weakens the fault-free execution, on which all others build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

from flask_filibuster.core.call import Call
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import UnendingError

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Lines: TypeAlias = Iterator[str]


def broken(trace: Trace, expected: int | None = None) -> Lines:
    """Why the fault-free execution proves nothing, although the test passed, in words.

    Many services rely on an answer of 4xx: no such user, item not cached. An answer of 5xx or an
    exception means that a service is down or broken.

    :param trace: the trace of the fault-free execution.
    :param expected: the status that the test's last request is meant to end with, if known.
    """
    yield from failing_calls(trace)
    for request in _unexpected(trace, expected):
        if request.outcome is not None and _is_broken(request.outcome):
            yield (
                f"A request fails in the fault-free execution, and the test accepts that: "
                f"{_of_test(request)} ended with {request.outcome}."
            )


def failing_calls(trace: Trace) -> Lines:
    """The calls of services that fail without any fault, each in a sentence, with advice."""
    for call in trace.invocations:
        outcome = call.outcome
        if outcome is not None and outcome.exception == UnendingError.__name__:
            continue  # One of those that the last call, which was one too many, is made for.
        if outcome is not None and call.fault is None and _is_broken(outcome):
            said = (
                f"A call fails in the fault-free execution: {call.describe()} ended with {outcome}."
            )
            if outcome.mocked:
                said += (
                    " A mock of the test ends it so: let the mock answer, as only a call that "
                    "succeeds can be made to fail. A test of this very failure needs no "
                    "exploration."
                )
            elif outcome.exception is not None:
                said += f" Start {_place(call)}, or add it to the services of this exploration."
            yield said


def doubtful(trace: Trace, expected: int | None = None) -> Lines:
    """What the fault-free execution may not be meant to do, in words; see :func:`broken`."""
    requests = _unexpected(trace, expected)
    for request in requests:
        if request.outcome is not None and _is_refused(request.outcome):
            yield (
                f"A request is refused in the fault-free execution: "
                f"{_of_test(request)} ended with {request.outcome}"
            )
    last = requests[-1] if requests and requests[-1] is trace.requests[-1] else None
    if last is not None and last.method in ("GET", "HEAD") and _is_redirect(last.outcome):
        yield (
            f"The fault-free execution ends with a redirect in place of a page: {_of_test(last)} "
            f"ended with {last.outcome}"
        )
    for call in trace.invocations:
        if call.outcome is not None and call.fault is None and _is_refused(call.outcome):
            yield (
                f"A call is refused in the fault-free execution: {call.describe()} ended with "
                f"{call.outcome}"
            )


def _unexpected(trace: Trace, expected: int | None) -> tuple[Call, ...]:
    """The requests of the test, without one that ended as expected."""
    *before, last = trace.requests or (None,)
    if expected is None or last is None or last.outcome is None or last.outcome.status != expected:
        return trace.requests
    return tuple(each for each in before if each is not None)


def _is_broken(outcome: Outcome) -> bool:
    # A call that ended well may have no status: a statement, a look into a cache.
    return outcome.exception is not None or (outcome.status or 200) >= 500


def _is_redirect(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in _REDIRECTS


def _is_refused(outcome: Outcome) -> bool:
    return outcome.status is not None and 400 <= outcome.status < 500


def _place(call: Call) -> str:
    """What has to be started for a call to succeed."""
    url = urlsplit(call.url)
    if not url.netloc:
        return call.target
    return f"what answers {url.scheme}://{url.netloc.rpartition('@')[2]}"


def _of_test(request: Call) -> str:
    return f"{request.method} {request.url}"
