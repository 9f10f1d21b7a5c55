"""Fault sets: the faults of one execution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeAlias

from flask_filibuster.core.call import Call, Outage
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault


@dataclass(frozen=True, slots=True, eq=False)
class PlannedFault:
    """A fault and the call that it is planned for, as an earlier execution made that call.

    The search creates each of them once and compares them by identity.

    :ivar call: the call; of an outage, the first one.
    :ivar fault: its fault.
    :ivar outage: the other calls that fail in the same way; ``None``: none.
    """

    call: Call
    fault: Fault
    outage: Outage | None = None

    @property
    def index(self) -> ExecutionIndex:
        """Execution index of the call."""
        return self.call.index

    @property
    def service(self) -> str:
        """Name of the service that the call would reach."""
        return self.call.target

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal faults of equal calls."""
        return (self.index, self.fault, *(() if self.outage is None else (self.outage,)))

    @property
    def not_made(self) -> str:
        """The problem of an execution that did not make the call, in words."""
        return f"fault not injected, the call was not made: {self.call.describe()}"

    def failed(self, calls: Iterable[Call]) -> list[Call]:
        """The calls of an execution that it failed.

        :param calls: the calls, in order.
        """
        outage = self.outage
        if outage is None:
            return [each for each in calls if each.index == self.index and each.fault is not None]
        failed = (each for each in calls if each.fault == self.fault and outage.covers(each))
        return list(islice(failed, outage.most))

    def ended(self, calls: Iterable[Call]) -> PlannedFault:
        """The fault after an execution; an outage of a single call is a fault of that call.

        :param calls: the calls of the execution, in order.
        """
        if self.outage is None:
            return self
        failed = self.failed(calls)
        if len(failed) == 1 and self.outage.first is None:
            return PlannedFault(failed[0], self.fault)
        return replace(self, outage=self.outage.ended(failed))

    def __str__(self) -> str:
        which = "" if self.outage is None else f"{self.outage.words()}: "
        return f"{which}{self.call.describe()}  {self.fault.words(self.call.timeout)}"


class FaultsInOrder:
    """The faults of one execution, where outages count the calls that they fail.

    :param faults: the fault set.
    """

    __slots__ = ("_by_index", "_faults", "_left", "_outages")

    def __init__(self, faults: FaultSet) -> None:
        self._faults = faults
        self._by_index = {each.index: each for each in faults if each.outage is None}
        self._outages = [(each, each.outage) for each in faults if each.outage is not None]
        self._left = [outage.most for _, outage in self._outages]

    def of(self, call: Call) -> PlannedFault | None:
        """The fault of a call, which is made now."""
        planned = self._by_index.get(call.index)
        if planned is not None or not self._outages:
            return planned
        # As the call is made: the outcome of one that has failed says not what it would have been.
        made = call if call.outcome is None else replace(call, outcome=None)
        for number, (planned, outage) in enumerate(self._outages):
            if self._left[number] and outage.covers(made) and planned.fault.applies_to(made):
                self._left[number] -= 1
                return planned
        return None

    def unmet(self, calls: Mapping[ExecutionIndex, Call]) -> Iterator[str]:
        """The faults that did not happen as planned, in words.

        :param calls: the calls of the execution.
        """
        for planned in self._faults:
            call = calls.get(planned.index)
            if planned.outage is None and (call is None or call.fault is None):
                yield planned.not_made
        for (planned, outage), left in zip(self._outages, self._left, strict=True):
            if outage.first is None and left == 0:
                yield (
                    f"the outage of {outage.service} ended after {outage.most} calls, as they seem "
                    f"to have no end: {planned.call.describe()}"
                )
            elif left == outage.most or (left and outage.first is not None):
                made = outage.most - left
                yield (
                    f"fault not injected, {made or 'none'} of the calls of an outage "
                    f"{'was' if made < 2 else 'were'} made: {planned}"
                )

    def get(self, index: ExecutionIndex) -> PlannedFault | None:
        """The fault of the call with that index alone."""
        return self._by_index.get(index)

    def values(self) -> FaultSet:
        """All faults."""
        return self._faults

    def __bool__(self) -> bool:
        return len(self._faults) > 0


class FaultSet:
    """The faults of one execution, in the order of their calls."""

    __slots__ = ("_faults", "_hash")

    def __init__(self, faults: tuple[PlannedFault, ...] = ()) -> None:
        self._faults = faults
        self._hash: int | None = None

    def plus(self, fault: PlannedFault) -> FaultSet:
        """The set with one more fault, whose call comes after all others."""
        return FaultSet((*self._faults, fault))

    @property
    def last(self) -> PlannedFault:
        """The fault of the last call.

        :raises IndexError: the set is empty.
        """
        return self._faults[-1]

    def without(self, fault: PlannedFault) -> FaultSet:
        """The set without that fault."""
        return FaultSet(tuple(each for each in self._faults if each is not fault))

    def by_index(self) -> Faults:
        """The faults by the execution index of their call; with an outage, see the class."""
        # Once or twice for each set that the search decides on: no call but the dictionary's.
        by_index: dict[ExecutionIndex, PlannedFault] = {}
        for planned in self._faults:
            if planned.outage is not None:
                return FaultsInOrder(self)
            by_index[planned.call.index] = planned
        return by_index

    @property
    def has_outage(self) -> bool:
        """Whether one of the faults is an outage."""
        # For each prediction; a generator takes twice the time.
        for planned in self._faults:  # noqa: SIM110
            if planned.outage is not None:
                return True
        return False

    @property
    def is_flapping(self) -> bool:
        """Whether one of the faults is an outage that ends."""
        # For each set that is built upon, like ``has_outage``.
        for planned in self._faults:
            if planned.outage is not None and planned.outage.first is not None:
                return True
        return False

    @property
    def size(self) -> tuple[int, int]:
        """The number of faults, and that of the calls that fail: the smaller, the simpler."""
        calls = [each.outage.failed if each.outage else 1 for each in self._faults]
        return len(self._faults), sum(calls)

    def ended(self, calls: Iterable[Call]) -> FaultSet:
        """The set after an execution, in which outages have failed these calls."""
        listed = tuple(calls)
        return FaultSet(tuple(each.ended(listed) for each in self._faults))

    @property
    def identity(self) -> frozenset[tuple[object, ...]]:
        """Equal for two sets with the same faults on the same calls."""
        return frozenset(planned.key for planned in self._faults)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, FaultSet) and self.identity == other.identity

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.identity)
        return self._hash

    def __reduce__(self) -> tuple[type[FaultSet], tuple[Any, ...]]:
        # Without the hash, which differs between processes.
        return type(self), (self._faults,)

    def __iter__(self) -> Iterator[PlannedFault]:
        return iter(self._faults)

    def __len__(self) -> int:
        return len(self._faults)

    def __repr__(self) -> str:
        return f"FaultSet({'; '.join(map(str, self._faults)) or 'no faults'})"


Faults: TypeAlias = Mapping[ExecutionIndex, PlannedFault] | FaultsInOrder
"""The faults of an execution by the call that fails."""


class UnknownFaults(FaultSet):
    """The faults of an execution, known only to the server.

    :param server: URL of the server.
    :param number: number of the execution, from 1.
    """

    __slots__ = ("number", "server")

    def __init__(self, server: str, number: int) -> None:
        super().__init__()
        self.server = server
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownFaults) and self.number == other.number

    def __hash__(self) -> int:
        return hash((self.server, self.number))

    def __reduce__(self) -> tuple[type[FaultSet], tuple[Any, ...]]:
        return type(self), (self.server, self.number)

    def __repr__(self) -> str:
        return f"UnknownFaults({self.server!r}, {self.number})"
