"""Calls that can fail, each in the context of one fault set, and their faults by class.

The context is the set of representatives that was run before the fault. Contexts form a tree: the
class of a fault is the context of the calls that come after it. That is what keeps memory and time
in proportion to what is run, where the sets that the classes stand for grow exponentially.
"""

from __future__ import annotations

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.search.nodes import Prediction

Event = tuple[str, str | None]
"""What a handler does next: the call that it makes, or the status that it answers."""


class WayClass:
    """Ways for one call to fail in one context that lead to the same.

    :ivar place: the call in its context.
    :ivar representative: the way that is built upon.
    :ivar ran: the ways of which that was seen in this context.
    :ivar taken: those of which it is believed, as it was so where the call was first seen.
    :ivar answer: how the test ends.
    :ivar reaction: what the handler does next; ``None``: the same as without the failure.
    :ivar telling: whether anything at all is other than without the failure.
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
        faults = ", ".join(str(each.fault) for each in self.ways)
        return f"<WayClass of {self.place.call.describe()}: {faults}; {self.answer}>"

    @property
    def ways(self) -> list[PlannedFault]:
        """All of them, the representative first."""
        return [*self.ran, *self.taken]

    @property
    def faults(self) -> FaultSet:
        """The set that stands for all sets made of these ways and of those of the context."""
        return self.place.faults.plus(self.representative)


class CallInContext:
    """A call that can fail, in the context of one fault set.

    :ivar context: the class of the context's last fault; ``None``: the context is fault-free.
    :ivar call: the call.
    :ivar home: where this situation was first seen, which may be here.
    :ivar following: what the handler does next if the call does not fail.
    :ivar without: all that happens in the context then.
    :ivar opened: whether all ways are run here, though it is not home.
    """

    __slots__ = (
        "by_outcome",
        "call",
        "classes",
        "context",
        "following",
        "home",
        "opened",
        "others",
        "pruned",
        "without",
    )

    def __init__(
        self, context: WayClass | None, call: Call, following: Event, without: Prediction
    ) -> None:
        self.context = context
        self.call = call
        self.home = self
        self.following = following
        self.without = without
        self.opened = False
        self.classes: list[WayClass] = []
        self.by_outcome: dict[int, WayClass] = {}
        self.pruned: list[Candidate] = []
        # Of a home: where else the situation was met.
        self.others: list[CallInContext] = []

    def __repr__(self) -> str:
        state = "home" if self.home is self else "opened" if self.opened else "trusts its home"
        return f"<CallInContext {self.call.describe()} under {self.faults!r}, {state}>"

    @property
    def faults(self) -> FaultSet:
        """The context."""
        return FaultSet() if self.context is None else self.context.faults

    @property
    def sees_for_itself(self) -> bool:
        """Whether every way is run here."""
        return self.opened or self.home is self

    def class_of(self, planned: PlannedFault) -> WayClass | None:
        """The class that a way belongs to, if that is known."""
        for each in self.classes:
            if planned in each.ran or planned in each.taken:
                return each
        return None


class Candidate:
    """A fault set that waits to be judged.

    :ivar faults: the set.
    :ivar place: the call that its last fault is planned for, in its context; ``None`` where a
        reduction does not ask for it.
    :ivar prediction: what was last predicted of it.
    """

    __slots__ = ("faults", "place", "prediction")

    def __init__(self, faults: FaultSet, place: CallInContext | None = None) -> None:
        self.faults = faults
        self.place = place
        self.prediction: Prediction | None = None

    def __repr__(self) -> str:
        return f"<Candidate {self.faults!r}>"

    @property
    def last(self) -> PlannedFault:
        """Its last fault."""
        return self.faults.last
