"""What the handlers of an exploration answered when their calls failed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.retrying.attempts import Retries

_Reaction = tuple[int, int | None, int | None]
"""Number of faults, status of the call (``None``: an exception), status of the handler's answer."""


class Reactions:
    """The answers of handlers to failures of their calls, over all executions.

    A service that answers one status to every failure of a call has chosen that status; it does not
    hand it on, even if the callee has answered it.

    :param executions: the executions.
    """

    def __init__(self, executions: Sequence[Execution]) -> None:
        self._executions = executions

    def to_others(
        self, call: Call, handler: ExecutionIndex, status: int, most: int
    ) -> frozenset[int | None]:
        """The statuses that a handler answers when a call fails in another way than by a status.

        :param call: the call.
        :param handler: the index of the handler's request.
        :param status: that status.
        :param most: maximum number of faults: another fault may have led to the same answer.
        :returns: ``None`` is among them if the handler gave no answer.
        """
        known = self._known.get((handler, call.index), ())
        return frozenset(
            answered for faults, failed, answered in known if faults <= most and failed != status
        )

    @cached_property
    def retries(self) -> Retries:
        """Their retries."""
        return Retries(self._executions)

    @cached_property
    def _known(self) -> dict[tuple[ExecutionIndex, ExecutionIndex], set[_Reaction]]:
        known: dict[tuple[ExecutionIndex, ExecutionIndex], set[_Reaction]] = {}
        for execution in self._executions:
            _note(known, execution.trace, len(execution.injected))
        return known


def _note(
    known: dict[tuple[ExecutionIndex, ExecutionIndex], set[_Reaction]], trace: Trace, faults: int
) -> None:
    for handler, calls in trace.calls().items():
        for call in calls:
            if call.outcome is not None and call.outcome.failed:
                answered = status_of(trace.handlings.get(handler))
                reaction = faults, call.outcome.status, answered
                known.setdefault((handler, call.index), set()).add(reaction)


def status_of(handling: Handling | None) -> int | None:
    """The status of a handler's answer; ``None``: an exception ended it, or nothing is known."""
    if handling is None or handling.answer is None or handling.crash is not None:
        return None
    return handling.answer.status
