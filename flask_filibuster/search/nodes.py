"""The states of handlers, and what following them says about an execution."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex

Key = tuple[str, str | None]
"""An outcome as a handler may tell it from others: status or exception, and what a body told."""

Handler = tuple[ExecutionIndex, int]
"""The execution index, and a number for what else may matter: see above; 0 for nothing."""


class Node:
    """A state of a handler: what it does next, having seen the outcomes that lead here.

    :ivar number: tells it from all other states, from 1; 0 is the test's before all requests.
    """

    __slots__ = ("ambiguous", "answer", "branches", "call", "natural", "number", "silent")

    def __init__(self, number: int) -> None:
        self.number = number
        self.call: Call | None = None
        self.branches: dict[Key, Node] = {}
        # How the call ends by itself, where no handler of its own tells.
        self.natural: Key | None = None
        # The call was made and its answer lost, and nobody told of handling it.
        self.silent = False
        # What whoever called the handler sees, where the handler ends here.
        self.answer: Key | None = None
        # The same outcomes led to something else at another time: nothing can be predicted.
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
"""A call, its outcome as far as that is known, and the second part of its caller's handler."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the trees say about a test execution.

    :ivar calls: the calls that it makes, in order, as far as is known, with their outcomes.
    :ivar answer: how the test ends, or ``None`` where a step on the way is unknown.
    :ivar stamp: when it was made; see :meth:`Behaviour.holds`.
    """

    calls: list[PredictedCall]
    answer: str | None
    stamp: tuple[int, int] = field(default=(-1, -1), compare=False)

    def __repr__(self) -> str:
        ended = ", ".join(
            f"{call.describe()}: {key[0] if key else '?'}" for call, key, _ in self.calls
        )
        return f"<Prediction {self.answer}: {ended}>"
