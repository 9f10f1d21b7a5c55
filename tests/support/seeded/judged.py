"""Exploring seeded systems: whether their bug was found, where, and with how many executions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from flask import Flask

from flask_filibuster import Fault, FaultModel, FaultsOf, Result, explore
from tests.support.seeded import seed as seeds
from tests.support.seeded.seed import Seed, System

Faults: TypeAlias = FaultModel | str | Callable[[Mapping[str, Flask]], FaultModel]
"""A fault model, the name of a profile, or what makes a model of the services."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one exploration of a seed.

    :ivar lines: for each bug, the lines of the seed whose calls are in its fault set.
    :ivar executions: how many.
    :ivar proof: whether the exploration proves something.
    """

    lines: tuple[frozenset[int], ...]
    executions: int
    proof: bool

    def is_at(self, lines: Iterable[int]) -> bool:
        """Whether there is a bug, and each has exactly the calls of these lines."""
        return bool(self.lines) and set(self.lines) == {frozenset(lines)}


def explored(system: System, faults: Faults, most: int | None = 2000, **options: Any) -> Result:
    """Explore a system.

    :param faults: what can fail.
    :param most: the limit of executions.
    """
    given = {"max_executions": most, "journal": False, **options}
    model = faults(system.services) if callable(faults) else faults
    return explore(system.test, system.services, model, **given)


def found(seed: Seed, faults: Faults, *, careful: bool, most: int = 2000) -> Found:
    """Explore the system of a seed.

    :param faults: what can fail.
    :param careful: whether it is the careful twin.
    :param most: the limit of executions.
    """
    result = explored(seed.build(careful), faults, most, **(seed.options or {}))
    executions = {each.number: each for each in result.executions}
    lines = [
        frozenset(
            call.callsite.line
            for call, _ in executions[bug.executions[0]].injected
            if call.callsite is not None and call.callsite.file != seeds.__file__
        )
        for bug in result.bugs
    ]
    return Found(tuple(lines), len(result.executions), result.verdict != "no proof")


def model_of(seed: Seed) -> FaultModel:
    """The model with the faults that show the bug of a seed, and no other."""
    return only(*seed.faults)


def only(*faults: FaultsOf | Fault | int | str) -> FaultModel:
    """A model with these faults and no other."""
    return FaultModel((), default_statuses=(), faults=faults)
