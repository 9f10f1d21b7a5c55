"""Reductions: which fault sets to prune, and which to build on.

Exact reduction is the paper's dynamic reduction (Filibuster, SoCC '21, section 4.4): a set is
pruned only if every step of every handler under it has been seen, with the same outcomes before it.
It gives the published counts; like the paper's, it cannot know the effects of state that a handler
keeps beyond its request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.result import EquivalenceClass, Pruned
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import PredictedCall, Prediction
from flask_filibuster.search.reduction.contexts import Candidate, FaultClass


class Reduction(Protocol):
    """Decides on fault sets before and after their executions."""

    def predict(self, faults: FaultSet) -> Prediction | None:
        """The prediction for a set; with a known answer, the set is not run."""

    def as_seen(self, seen: Prediction | None, trace: Trace) -> Prediction:
        """The execution of a set in the form of a prediction.

        :param seen: the prediction for the set after the execution.
        :param trace: the execution's trace.
        """

    def prunes(self, candidate: Candidate) -> bool:
        """Whether the set is pruned in favour of its representative; has no side effects."""

    def prune(self, candidate: Candidate) -> None:
        """Record that the set is pruned in favour of its representative."""

    def settle(self, candidate: Candidate, prediction: Prediction) -> bool:
        """Take in the observed or predicted effect of a set.

        :returns: whether to build sets with one more fault on it.
        """

    def grow(
        self, candidate: Candidate, prediction: Prediction, later: Sequence[PlannedFault]
    ) -> list[Candidate]:
        """The candidates with one more of these faults.

        :param prediction: the prediction for the candidate's faults.
        :param later: faults on the calls after the candidate's last fault.
        """

    def reopened(self) -> list[Candidate]:
        """Wrongly pruned sets; each is returned once."""

    def representative_of(self, faults: FaultSet) -> FaultSet | None:
        """The representative of a set, if known."""

    def classes_of(self, faults: FaultSet) -> list[FaultClass]:
        """The classes of the faults of a set, in order, up to the first fault without a class."""

    @property
    def prunes_any(self) -> bool:
        """Whether it prunes sets at all."""

    def members(self) -> Iterator[tuple[FaultSet, ExecutionIndex | None]]:
        """The executed sets whose last fault has a representative.

        Each with the next call of the handler, if it is another one than without the fault.
        """

    def doubt(self, faults: FaultSet) -> list[Candidate]:
        """Split the classes of a set with an unexpected effect.

        :returns: the sets that the search has to build on after all.
        """

    @property
    def classes(self) -> tuple[EquivalenceClass, ...]:
        """The faults of calls, grouped by effect."""

    def all_pruned(self, pruned: Sequence[Pruned], ledger: Ledger) -> Sequence[Pruned]:
        """All pruned sets.

        :param pruned: the sets with a complete prediction.
        :param ledger: the executions so far.
        """


class NoReduction:
    """Prunes nothing."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def predict(self, faults: FaultSet) -> Prediction | None:  # noqa: ARG002 - by the protocol
        """No prediction."""
        return None

    def as_seen(self, seen: Prediction | None, trace: Trace) -> Prediction:  # noqa: ARG002
        """The calls of the trace, with unique states of their callers."""
        calls: list[PredictedCall] = [
            (call, None if call.outcome is None else (call.outcome.key, call.outcome.digest), -1)
            for call in trace.invocations
        ]
        return Prediction(calls, None)

    def prunes(self, candidate: Candidate) -> bool:  # noqa: ARG002
        """No set represents another."""
        return False

    def prune(self, candidate: Candidate) -> None:
        """Never called."""

    def settle(
        self,
        candidate: Candidate,
        prediction: Prediction,  # noqa: ARG002
    ) -> bool:
        """Every set is built upon; outages add nothing to the combinations of their faults."""
        return not candidate.faults.has_outage

    def grow(
        self,
        candidate: Candidate,
        prediction: Prediction,  # noqa: ARG002
        later: Sequence[PlannedFault],
    ) -> list[Candidate]:
        """One candidate for each fault."""
        faults = candidate.faults
        return [Candidate(faults.plus(planned)) for planned in later]

    def reopened(self) -> list[Candidate]:
        """None was pruned."""
        return []

    def representative_of(self, faults: FaultSet) -> FaultSet | None:
        """Each set represents itself."""
        return faults

    def classes_of(self, faults: FaultSet) -> list[FaultClass]:  # noqa: ARG002
        """There are no classes."""
        return []

    prunes_any = False

    def members(self) -> Iterator[tuple[FaultSet, ExecutionIndex | None]]:
        """None has a representative."""
        return iter(())

    def doubt(self, faults: FaultSet) -> list[Candidate]:  # noqa: ARG002
        """None: the search builds on all sets."""
        return []

    @property
    def classes(self) -> tuple[EquivalenceClass, ...]:
        """There are no classes."""
        return ()

    def all_pruned(self, pruned: Sequence[Pruned], ledger: Ledger) -> Sequence[Pruned]:
        """The predicted sets without a later execution."""
        return tuple(each for each in pruned if not ledger.has_run(each.faults))


class ExactReduction(NoReduction):
    """Prunes the sets with every step of every handler known."""

    prunes_any = True

    def settle(
        self,
        candidate: Candidate,  # noqa: ARG002
        prediction: Prediction,  # noqa: ARG002
    ) -> bool:
        """Every set is built upon; with an outage, early, so that combinations are predicted."""
        return True

    def predict(self, faults: FaultSet) -> Prediction | None:
        """Follow the trees."""
        return self._behaviour.predict(faults.by_index())
