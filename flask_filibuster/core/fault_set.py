"""Fault sets: the faults of one execution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault


@dataclass(frozen=True, slots=True, eq=False)
class PlannedFault:
    """A fault and the call that it is planned for, as an earlier execution made that call.

    The search creates each of them once and compares them by identity.

    :ivar call: the call.
    :ivar fault: its fault.
    """

    call: Call
    fault: Fault

    @property
    def index(self) -> ExecutionIndex:
        """Execution index of the call."""
        return self.call.index

    @property
    def service(self) -> str:
        """Name of the service that the call would reach."""
        return self.call.target

    def __str__(self) -> str:
        return f"{self.call.describe()}  {self.fault.words(self.call.timeout)}"


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

    def by_index(self) -> dict[ExecutionIndex, PlannedFault]:
        """The faults by the execution index of their call."""
        return {planned.call.index: planned for planned in self._faults}

    @property
    def identity(self) -> frozenset[tuple[ExecutionIndex, Fault]]:
        """Equal for two sets with the same faults on the same calls."""
        return frozenset((planned.call.index, planned.fault) for planned in self._faults)

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
