"""The faults that can be planned, each made once."""

from __future__ import annotations

from collections.abc import Iterable

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import PlannedFault
from flask_filibuster.faultmodel.model import FaultModel

Timeouts = tuple[float | None, float | None]
CallFaults = tuple[Call, tuple[PlannedFault, ...]]
"""A call, and how it can fail: by rank, those of one rank in the model's order."""


class PlannedWays:
    """Makes planned faults, so that they can be compared by identity, and numbers them.

    :param model: which calls can fail how.
    """

    def __init__(self, model: FaultModel) -> None:
        self._model = model
        self._ways: dict[tuple[ExecutionIndex, str, Timeouts], tuple[PlannedFault, ...]] = {}
        self._numbers: dict[PlannedFault, int] = {}
        self._names: dict[tuple[ExecutionIndex, Fault], int] = {}

    def of(self, call: Call) -> tuple[PlannedFault, ...]:
        """How a call can fail that reaches this service and has these timeouts."""
        key = call.index, call.target, call.timeout
        ways = self._ways.get(key)
        if ways is None:
            faults = self._model.faults_of(call)
            ways = self._ways[key] = tuple(PlannedFault(call, fault) for fault in faults)
        return ways

    def identity(self, faults: Iterable[PlannedFault]) -> frozenset[int]:
        """Equal for two sets that let the same calls fail in the same ways."""
        numbers = self._numbers
        try:
            return frozenset([numbers[planned] for planned in faults])
        except KeyError:
            return frozenset([self._number(planned) for planned in faults])

    def _number(self, planned: PlannedFault) -> int:
        number = self._numbers.get(planned)
        if number is None:
            name = planned.index, planned.fault
            number = self._names.setdefault(name, len(self._names))
            self._numbers[planned] = number
        return number
