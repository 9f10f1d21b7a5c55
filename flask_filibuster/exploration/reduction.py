"""Reductions: which fault sets need not be run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import ConfigError
from flask_filibuster.exploration.behaviour import Behaviour, Prediction


class Reduction(Protocol):
    """Judges a fault set before it is run."""

    def __init__(self, behaviour: Behaviour) -> None:
        """:param behaviour: what has been learned, by the time of each judgement."""

    def predict(self, faults: FaultSet) -> Prediction | None:
        """What running the set would show; with its answer known, it is not run."""


class ExactReduction:
    """Leaves out the sets of which every step of every handler is known."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def predict(self, faults: FaultSet) -> Prediction | None:
        """Follow the trees."""
        return self._behaviour.predict(faults.by_index())


class NoReduction:
    """Leaves out nothing."""

    def __init__(self, behaviour: Behaviour) -> None:
        pass

    def predict(self, faults: FaultSet) -> Prediction | None:  # noqa: ARG002 - by the protocol
        """Nothing is predicted."""
        return None


_REDUCTIONS: Mapping[str, type[Reduction]] = {"exact": ExactReduction, "none": NoReduction}


def reduction_named(name: str) -> type[Reduction]:
    """The reduction of that name.

    :raises ConfigError: there is none.
    """
    if name not in _REDUCTIONS:
        raise ConfigError("reduction", name, " or ".join(map(repr, _REDUCTIONS)))
    return _REDUCTIONS[name]
