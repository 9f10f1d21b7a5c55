"""The fault sets that were pruned: there may be more than can be listed.

They are the products of the classes on the way to each representative set, so that each has a
number, from which it is made when it is asked for.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.results.result import Pruned


class RepresentativeSet:
    """A fault set that stands for others: those in which a fault is replaced by an equal one.

    :param context: what stands for the set without its last fault; ``None``: it has none.
    :param ways: the last fault and those that it stands for; of the empty set, none.
    :param answer: how the test ends under any of them.
    """

    __slots__ = ("answer", "context", "count", "ways")

    def __init__(
        self, context: RepresentativeSet | None, ways: tuple[PlannedFault, ...], answer: str
    ) -> None:
        self.context = context
        self.ways = ways
        self.answer = answer
        self.count: int = 1 if context is None else context.count * len(ways)

    def member(self, number: int) -> FaultSet:
        """One of the sets, by a number from 0, which is the one that stands for the others."""
        faults: list[PlannedFault] = []
        representative = self
        while representative.context is not None:
            number, which = divmod(number, len(representative.ways))
            faults.append(representative.ways[which])
            representative = representative.context
        return FaultSet(tuple(reversed(faults)))


class PrunedSets(Sequence[Pruned]):
    """The sets that are stood for and were not run, made when they are asked for.

    :param representatives: the sets that stand for others.
    :param ran: how many of all these sets were run.
    :param was_run: says of a set whether it was.
    :ivar total: how many sets these are, which can be more than ``len`` can say.
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
        """The set at a place, from 0 to ``places``; ``None`` where that one was run."""
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
        """Some of the sets, fewer only where there are not so many.

        :param count: how many.
        :param chance: chooses them.
        """
        # Where most were run, those that were not are too rare to be hit.
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
        """Takes time in the number of all sets before it."""
        if isinstance(index, slice):
            return tuple(self)[index]
        wanted = index + self.total if index < 0 else index
        for number, pruned in enumerate(self):
            if number == wanted:
                return pruned
        raise IndexError(index)
