"""Explanations: what became of one fault set in an exploration, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault

Fate: TypeAlias = Literal[
    "executed",
    "predicted",
    "represented",
    "not reached",
    "not in the model",
    "excluded",
    "not built upon",
    "left over",
]
"""What became of a fault set."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an execution, observed or predicted.

    :ivar call: the call, or the request of the test.
    :ivar outcome: how it ends for its caller, in a word; ``"?"`` if unknown.
    :ivar fault: the fault that it ends with, if any.
    :ivar taught_by: number of the first execution that showed this step after the same steps of its
        caller; ``None``: none did.
    """

    call: Call
    outcome: str
    fault: Fault | None
    taught_by: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """One fault of a set, and the class it belongs to.

    :ivar planned: the fault.
    :ivar representative: the fault of the same call that stands for it; itself, if it is that one.
    :ivar faults: all faults of the class.
    :ivar context: the other faults of the executions that showed the class.
    :ivar shown_by: number of the execution that showed its effect; ``None``: none was needed.
    :ivar stands_by: number of the execution of the representative there.
    """

    planned: PlannedFault
    representative: PlannedFault
    faults: tuple[Fault, ...]
    context: FaultSet
    shown_by: int | None
    stands_by: int | None

    @property
    def stands_for_itself(self) -> bool:
        """Whether the search builds on this fault, and not on another one."""
        return self.representative.fault == self.planned.fault


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of one fault set, and why.

    >>> result = explore(test, services)
    >>> why = result.why("reviews ConnectionError")
    >>> why.fate, why.execution
    ('executed', 2)

    :ivar faults: the fault set, in the order of its calls.
    :ivar fate: what became of it, in a word or two.
    :ivar reasons: why, in sentences; the first one says what happened to the set.
    :ivar execution: number of its execution, if there is one.
    :ivar ending: how the test ended, or would end: ``"passed"``, a failure, or ``None``: unknown.
    :ivar members: the class of each fault, as far as known.
    :ivar representative: the set that stands for it; ``None``: none does.
    :ivar represented_by: number of the execution of that set.
    :ivar steps: the steps of its execution, or of the predicted one.
    """

    faults: FaultSet
    fate: Fate
    reasons: tuple[str, ...]
    execution: int | None = None
    ending: str | None = None
    members: tuple[Member, ...] = ()
    representative: FaultSet | None = None
    represented_by: int | None = None
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.reasons)
