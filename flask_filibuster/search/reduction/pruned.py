"""The pruned fault sets: there may be too many to list.

They are the products of the classes on the path to each representative set, so that each has a
number, and is created from it on demand.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.result import Pruned


class RepresentativeSet:
    """A representative set: it represents the sets with equivalent faults in place of its own.

    :param context: the representative of the set without its last fault; ``None``: the set is
        empty.
    :param faults: the last fault and its equivalents; empty for the empty set.
    :param answer: the ending of the test under any of them.
    """

    __slots__ = ("answer", "context", "count", "faults")

    def __init__(
        self, context: RepresentativeSet | None, faults: tuple[PlannedFault, ...], answer: str
    ) -> None:
        self.context = context
        self.faults = faults
        self.answer = answer
        self.count: int = 1 if context is None else context.count * len(faults)

    def member(self, number: int) -> FaultSet:
        """One of the sets, by its number; 0 is the representative."""
        faults: list[PlannedFault] = []
        representative = self
        while representative.context is not None:
            number, which = divmod(number, len(representative.faults))
            faults.append(representative.faults[which])
            representative = representative.context
        return FaultSet(tuple(reversed(faults)))


class PrunedSets(Sequence[Pruned]):
    """The represented sets without an execution, created on demand.

    :param representatives: the representative sets.
    :param ran: number of executed sets among all of them.
    :param was_run: whether a set was run.
    :ivar total: number of these sets, which may exceed the maximum of ``len``.
    """

    def __init__(
        self,
        representatives: Sequence[RepresentativeSet],
        ran: int,
        was_run: Callable[[FaultSet], bool],
    ) -> None:
        self._representatives = representatives
        self._was_run = was_run
        self._ends: list[int] = []
        total = 0
        for each in representatives:
            total += each.count
            self._ends.append(total)
        self.places = total
        self.total = total - ran

    def at(self, place: int) -> Pruned | None:
        """The set at a place, from 0 to ``places``; ``None`` if it was run."""
        which = bisect.bisect_right(self._ends, place)
        representative = self._representatives[which]
        before = self._ends[which - 1] if which else 0
        faults = representative.member(place - before)
        return None if self._was_run(faults) else Pruned(faults, representative.answer)

    def __len__(self) -> int:
        return self.total

    def __bool__(self) -> bool:
        return self.total > 0

    def __iter__(self) -> Iterator[Pruned]:
        for place in range(self.places):
            pruned = self.at(place)
            if pruned is not None:
                yield pruned

    def sample(self, count: int, chance: random.Random) -> list[Pruned]:
        """A random sample of the sets.

        :param count: size of the sample, if there are enough sets.
        :param chance: the random generator.
        """
        # If most sets were run, random places rarely hit one of the others.
        if self.places <= max(1000, 20 * count) or 10 * self.total < self.places:
            listed = list(self)
            return chance.sample(listed, min(count, len(listed)))
        chosen: dict[int, Pruned] = {}
        for _ in range(50 * count):
            if len(chosen) == count:
                break
            place = chance.randrange(self.places)
            pruned = self.at(place)
            if pruned is not None:
                chosen[place] = pruned
        return list(chosen.values())

    @overload
    def __getitem__(self, index: int) -> Pruned: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Pruned, ...]: ...

    def __getitem__(self, index: int | slice) -> Pruned | tuple[Pruned, ...]:
        """The time is proportional to the number of sets before it."""
        if isinstance(index, slice):
            return tuple(self)[index]
        wanted = index + self.total if index < 0 else index
        for number, pruned in enumerate(self):
            if number == wanted:
                return pruned
        raise IndexError(index)
