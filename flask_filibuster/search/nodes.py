"""The states of handlers, and predictions of executions."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex

Key = tuple[str, str | None]
"""An outcome as a handler can distinguish it: status or exception, and the identity of a body."""

Handler = tuple[ExecutionIndex, int]
"""The execution index, and a number for its further inputs; 0 for none."""


class Node:
    """A state of a handler: its next step after the outcomes that lead here.

    :ivar number: identifies the state, from 1; 0 is the test's state before all requests.
    """

    __slots__ = ("ambiguous", "answer", "branches", "call", "natural", "number", "silent")

    def __init__(self, number: int) -> None:
        self.number = number
        self.call: Call | None = None
        self.branches: dict[Key, Node] = {}
        # The outcome of the call without a fault, if it has no known handler.
        self.natural: Key | None = None
        # The call was made, its answer lost, and no service reported handling it.
        self.silent = False
        # The answer that the handler's caller sees, if the handler ends here.
        self.answer: Key | None = None
        # The same outcomes led to different steps: no prediction is possible.
        self.ambiguous = False

    def __repr__(self) -> str:
        if self.ambiguous:
            does = "ambiguous"
        elif self.call is not None:
            does = f"{self.call.describe()}: {', '.join(sorted(key[0] for key in self.branches))}"
        else:
            does = f"answers {self.answer[0]}" if self.answer else "unknown"
        return f"<Node {self.number}, {does}>"


PredictedCall = tuple[Call, Key | None, int]
"""A call, its outcome, if known, and the second part of its caller's handler."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted course of an execution.

    :ivar calls: its calls, in order, as far as known, with their outcomes.
    :ivar answer: the ending of the test, or ``None`` if a step is unknown.
    :ivar stamp: the age of the trees at the time; see :meth:`Behaviour.holds`.
    """

    calls: list[PredictedCall]
    answer: str | None
    stamp: tuple[int, int] = field(default=(-1, -1), compare=False)

    def __repr__(self) -> str:
        ended = ", ".join(
            f"{call.describe()}: {key[0] if key else '?'}" for call, key, _ in self.calls
        )
        return f"<Prediction {self.answer}: {ended}>"
