"""A status that a callee meant for the service, handed on to the service's own caller."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.core.trace import Handling
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting
from flask_filibuster.results.reactions import status_of

STATUSES = (401, 403, 503)


class StatusHandedOn(Oracle):
    """A service answers with the 401, 403 or 503 that a callee answered to it.

    Why it matters: each of these statuses is about the caller. A callee's 401 or 403 rejects the
    *service's* credentials; handed on, it sends the user to log in again, which cannot help. A
    callee's 503, perhaps with ``Retry-After``, reports an overloaded callee; handed on, it makes
    load balancers remove a healthy service.

    How to mend it: answer 502 for a callee that rejects the service, 503 or 504 of your own for one
    that is down or slow, or do without its answer. If the callee checks the user's own credentials,
    its 401 is meant for the user: switch this oracle off.

    A service is reported only if it answers another status to another fault of the call. A service
    that answers the same status to every fault of the call has chosen it.
    """

    name = "status handed on"
    severity = "warning"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Handlers that answer with the status of a call of theirs that failed."""
        if not seen.execution.faults:
            return
        for handling in seen.trace.handlings.values():
            status, before = status_of(handling), seen.baseline.handlings.get(handling.index)
            if status not in STATUSES or status == status_of(before):
                continue
            for call in seen.failing(handling.index):
                if _answered(call, status) and _follows(seen, handling, call):
                    yield Sighting(
                        (handling.service, call.method, str(call.callsite), str(status)),
                        f"{handling.service} hands on the {status} of {call.target} "
                        f"({call.method} {call.url}) as its own answer to "
                        f"{handling.method} {handling.path}",
                        handling.service,
                        call.callsite,
                        (call,),
                    )


def _follows(seen: Seen, handling: Handling, call: Call) -> bool:
    """Whether the answer follows the status of the call, and is no answer of the service's own.

    It does if another fault of the call led to another answer, and none led to the same one.
    """
    others = seen.answers_to_others(handling, call)
    return bool(others) and status_of(handling) not in others


def _answered(call: Call, status: int | None) -> bool:
    return call.outcome is not None and call.outcome.status == status
