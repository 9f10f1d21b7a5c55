"""Reductions: which fault sets need not be run, and which need not be built upon.

Exact reduction is the paper's dynamic reduction (Filibuster, SoCC '21, section 4.4): a set is
pruned only if every step of every handler under it has been seen, with the same outcomes before it.
It gives the published counts; what follows from a handler's memory beyond its request, it cannot
know, as the paper's cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.result import EquivalenceClass, Pruned
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import PredictedCall, Prediction
from flask_filibuster.search.reduction.contexts import Candidate


class Reduction(Protocol):
    """Judges fault sets before and after they are run."""

    def predict(self, faults: FaultSet) -> Prediction | None:
        """What running the set would show; with its answer known, it is not run."""

    def as_seen(self, seen: Prediction | None, trace: Trace) -> Prediction:
        """What running a set has shown, in the form of a prediction.

        :param seen: what is predicted of it now that it was run.
        :param trace: what happened.
        """

    def prunes(self, candidate: Candidate) -> bool:
        """Whether the set is pruned, as another one stands for it; asking changes nothing."""

    def prune(self, candidate: Candidate) -> None:
        """The set is pruned on that ground."""

    def settle(self, candidate: Candidate, prediction: Prediction) -> bool:
        """Take in what a set has led to, or is predicted to lead to.

        :returns: whether sets with one fault more are worth building on it.
        """

    def grow(
        self, candidate: Candidate, prediction: Prediction, ways: Sequence[PlannedFault]
    ) -> list[Candidate]:
        """The candidates with one of these faults more.

        :param prediction: what happens under the candidate's faults.
        :param ways: faults on those of them that are met after the candidate's.
        """

    def reopened(self) -> list[Candidate]:
        """Sets that were pruned and, as it turned out, should not have been; once each."""

    def representative_of(self, faults: FaultSet) -> FaultSet | None:
        """The set that stands for this one, as far as it is known."""

    def doubt(self, faults: FaultSet) -> list[Candidate]:
        """What one set has shown does not hold for those it stood with.

        :returns: sets that are to be built upon after all.
        """

    @property
    def classes(self) -> tuple[EquivalenceClass, ...]:
        """The ways for calls to fail, by what they lead to."""

    def all_pruned(self, pruned: Sequence[Pruned], ledger: Ledger) -> Sequence[Pruned]:
        """Everything that was pruned.

        :param pruned: the sets that were predicted step by step.
        :param ledger: what was run.
        """


class NoReduction:
    """Prunes nothing."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def predict(self, faults: FaultSet) -> Prediction | None:  # noqa: ARG002 - by the protocol
        """Nothing is predicted."""
        return None

    def as_seen(self, seen: Prediction | None, trace: Trace) -> Prediction:  # noqa: ARG002
        """The calls of the trace; the state of their callers is like no other."""
        calls: list[PredictedCall] = [
            (call, None if call.outcome is None else (call.outcome.key, call.outcome.digest), -1)
            for call in trace.invocations
        ]
        return Prediction(calls, None)

    def prunes(self, candidate: Candidate) -> bool:  # noqa: ARG002
        """No set stands for another."""
        return False

    def prune(self, candidate: Candidate) -> None:
        """Never called for."""

    def settle(
        self,
        candidate: Candidate,  # noqa: ARG002
        prediction: Prediction,  # noqa: ARG002
    ) -> bool:
        """Every set is built upon."""
        return True

    def grow(
        self,
        candidate: Candidate,
        prediction: Prediction,  # noqa: ARG002
        ways: Sequence[PlannedFault],
    ) -> list[Candidate]:
        """One candidate for each way."""
        faults = candidate.faults
        return [Candidate(faults.plus(planned)) for planned in ways]

    def reopened(self) -> list[Candidate]:
        """None was pruned."""
        return []

    def representative_of(self, faults: FaultSet) -> FaultSet | None:
        """Each set stands for itself."""
        return faults

    def doubt(self, faults: FaultSet) -> list[Candidate]:  # noqa: ARG002
        """All sets that could be are built upon."""
        return []

    @property
    def classes(self) -> tuple[EquivalenceClass, ...]:
        """None are formed."""
        return ()

    def all_pruned(self, pruned: Sequence[Pruned], ledger: Ledger) -> Sequence[Pruned]:
        """What was predicted, and not run later on."""
        return tuple(each for each in pruned if not ledger.has_run(each.faults))


class ExactReduction(NoReduction):
    """Prunes the sets of which every step of every handler is known."""

    def predict(self, faults: FaultSet) -> Prediction | None:
        """Follow the trees."""
        return self._behaviour.predict(faults.by_index())
