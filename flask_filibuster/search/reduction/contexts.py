"""Calls that can fail, each in the context of one fault set, and their faults by class.

The context is the set of representatives that was run before the fault. Contexts form a tree: the
class of a fault is the context of the calls that come after it. This keeps memory and time
proportional to the executed sets, while the number of represented sets grows exponentially.
"""

from __future__ import annotations

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.search.nodes import Prediction

Event = tuple[str, str | None]
"""The next step of a handler: a call, or the status of its answer."""


class FaultClass:
    """A class: faults of one call in one context with the same effect.

    :ivar place: the call in its context.
    :ivar representative: the fault that the search builds on.
    :ivar ran: the faults with an execution in this context.
    :ivar taken: the faults assumed to be in the class, because they are where the call was first
        seen.
    :ivar answer: the ending of the test.
    :ivar reaction: the next step of the handler; ``None``: the same as without the fault.
    :ivar telling: whether the fault has any observable effect.
    """

    __slots__ = ("answer", "place", "ran", "reaction", "representative", "taken", "telling")

    def __init__(
        self,
        place: CallInContext,
        representative: PlannedFault,
        answer: str,
        reaction: Event | None,
        taken: list[PlannedFault],
        *,
        telling: bool,
    ) -> None:
        self.place = place
        self.representative = representative
        self.answer = answer
        self.reaction = reaction
        self.ran = [representative]
        self.taken = taken
        self.telling = telling

    def __repr__(self) -> str:
        faults = ", ".join(str(each.fault) for each in self.faults)
        return f"<FaultClass of {self.place.call.describe()}: {faults}; {self.answer}>"

    @property
    def faults(self) -> list[PlannedFault]:
        """All faults of the class, the representative first."""
        return [*self.ran, *self.taken]

    @property
    def fault_set(self) -> FaultSet:
        """The set that represents all sets of these faults and those of the context."""
        return self.place.faults.plus(self.representative)


class CallInContext:
    """A call that can fail, in the context of one fault set.

    :ivar context: the class of the context's last fault; ``None``: the context is fault-free.
    :ivar call: the call.
    :ivar following: the next step of the handler if the call does not fail.
    :ivar without: the prediction for the context without a fault of the call.
    :ivar opened: whether all faults are run here, although it is not the home.
    """

    __slots__ = (
        "_home",
        "by_outcome",
        "call",
        "classes",
        "context",
        "following",
        "opened",
        "others",
        "pruned",
        "without",
    )

    def __init__(
        self, context: FaultClass | None, call: Call, following: Event, without: Prediction
    ) -> None:
        self.context = context
        self.call = call
        # None: this one. A reference to itself would leave it to the garbage collector, and with it
        # all that it refers to.
        self._home: CallInContext | None = None
        self.following = following
        self.without = without
        self.opened = False
        self.classes: list[FaultClass] = []
        self.by_outcome: dict[int, FaultClass] = {}
        self.pruned: list[Candidate] = []
        # Of a home: the other places with the same situation.
        self.others: list[CallInContext] = []

    def __repr__(self) -> str:
        state = "home" if self._home is None else "opened" if self.opened else "trusts its home"
        return f"<CallInContext {self.call.describe()} under {self.faults!r}, {state}>"

    @property
    def faults(self) -> FaultSet:
        """The context."""
        return FaultSet() if self.context is None else self.context.fault_set

    @property
    def home(self) -> CallInContext:
        """The place where this situation was first seen, possibly this one."""
        return self if self._home is None else self._home

    def trust(self, home: CallInContext) -> None:
        """Expect the same classes as at the place where this situation was first seen."""
        self._home = home
        home.others.append(self)

    @property
    def sees_for_itself(self) -> bool:
        """Whether every fault is run here."""
        return self.opened or self._home is None

    def class_of(self, planned: PlannedFault) -> FaultClass | None:
        """The class of a fault, if known."""
        for each in self.classes:
            if planned in each.ran or planned in each.taken:
                return each
        return None


class Candidate:
    """A fault set in the frontier.

    :ivar faults: the set.
    :ivar place: the call of its last fault, in its context; ``None`` if the reduction does not
        need it.
    :ivar prediction: its last prediction.
    """

    __slots__ = ("faults", "place", "prediction")

    def __init__(self, faults: FaultSet, place: CallInContext | None = None) -> None:
        self.faults = faults
        self.place = place
        self.prediction: Prediction | None = None

    def __repr__(self) -> str:
        return f"<Candidate {self.faults!r}>"

    @property
    def is_combination(self) -> bool:
        """Whether it has several faults, and the last one is no outage."""
        return len(self.faults) > 1 and self.last.outage is None

    @property
    def last(self) -> PlannedFault:
        """Its last fault."""
        return self.faults.last
