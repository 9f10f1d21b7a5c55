"""The planned faults, each created once."""

from __future__ import annotations

from collections.abc import Iterable

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import PlannedFault
from flask_filibuster.faultmodel.model import FaultModel

Timeouts = tuple[float | None, float | None]
_Made = tuple[str, Timeouts, tuple[str, int] | None]
CallFaults = tuple[Call, tuple[PlannedFault, ...]]
"""A call and its faults: by rank; within a rank, in the model's order."""


class PlannedFaults:
    """Creates and numbers planned faults, so that they can be compared by identity.

    :param model: the faults of each call.
    :ivar some_alone: whether a fault so far is tried alone, see :meth:`is_alone`.
    """

    def __init__(self, model: FaultModel) -> None:
        self._model = model
        # By call. Lists: they are short, and comparing a few of these is faster than hashing one.
        self._faults: dict[ExecutionIndex, list[tuple[_Made, tuple[PlannedFault, ...]]]] = {}
        self._numbers: dict[PlannedFault, int] = {}
        self._numbered: dict[ExecutionIndex, list[tuple[Fault, int]]] = {}
        self._outages: dict[tuple[object, ...], int] = {}
        self._count = 0
        self.some_alone = False

    def of(self, call: Call) -> tuple[PlannedFault, ...]:
        """The faults of a call, by the service reached, its timeouts and its place.

        After other faults, the call of an index may be one of another line.
        """
        site = call.callsite
        made = call.target, call.timeout, None if site is None else (site.file, site.line)
        of_index = self._faults.setdefault(call.index, [])
        for known, faults in of_index:
            if known == made:
                return faults
        faults = tuple([PlannedFault(call, each) for each in self._model.faults_of(call)])
        self.some_alone = self.some_alone or any(self.is_alone(each.fault) for each in faults)
        of_index.append((made, faults))
        if call.index in self._numbered:
            for planned in faults:
                self._number(planned)
        else:
            self._number_all(call.index, faults)
        return faults

    def is_alone(self, fault: Fault) -> bool:
        """Whether a fault is tried alone, by its kind or by the model."""
        return fault.kind.alone or fault in self._model.alone

    def identity(self, faults: Iterable[PlannedFault]) -> frozenset[int]:
        """Equal for two sets with the same faults on the same calls."""
        numbers = self._numbers
        try:
            return frozenset([numbers[planned] for planned in faults])
        except KeyError:  # Planned elsewhere: by a counterexample, or in another process.
            return frozenset([self._number(planned) for planned in faults])

    def _number_all(self, index: ExecutionIndex, faults: tuple[PlannedFault, ...]) -> None:
        """Number all faults of a call whose faults have no numbers yet; no two are equal."""
        numbers = range(self._count, self._count + len(faults))
        self._count += len(faults)
        self._numbers.update(zip(faults, numbers, strict=True))
        self._numbered[index] = [
            (planned.fault, number) for planned, number in zip(faults, numbers, strict=True)
        ]

    def _number(self, planned: PlannedFault) -> int:
        """The number of a fault on a call; equal planned faults have the same number."""
        number = self._numbers.get(planned)
        if number is not None:
            return number
        if planned.outage is not None:
            number = self._outages.setdefault(planned.key, self._count)
            self._count += number == self._count
            self._numbers[planned] = number
            return number
        numbered = self._numbered.setdefault(planned.index, [])
        number = next((each for fault, each in numbered if fault == planned.fault), None)
        if number is None:
            number, self._count = self._count, self._count + 1
            numbered.append((planned.fault, number))
        self._numbers[planned] = number
        return number
