"""Equivalence reduction: a few faults of each call represent the others.

Source: dynamic reduction as in the Filibuster paper (SoCC '21, section 4.4), carried further. Each
fault of a call is run once, where the call is first seen. Faults followed by the same events (the
other calls and their outcomes, including those of the enclosing handlers, the answer to the test,
its verdict) are a class, and the search builds only on its first member: it runs neither sets with
another member nor, in other contexts, the call with another member.

The invariant: a fault is pruned only if, where its call was first met in the same situation (see
``_find_places``), the same events followed it as its representative, one by one. This loses nothing
with handlers that react to a fault where it happens. A handler that remembers the fault and reacts
later can be missed: an audit finds such handlers, and splits the class. If a fault turns out to
cause another reaction than where its call was first met, or an effect where it had none there, all
faults are run there, too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import succeeded
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.result import EquivalenceClass, Pruned
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import PredictedCall, Prediction
from flask_filibuster.search.reduction.contexts import CallInContext, Candidate, Event, FaultClass
from flask_filibuster.search.reduction.exact import ExactReduction
from flask_filibuster.search.reduction.pruned import PrunedSets, RepresentativeSet

logger = logging.getLogger(__name__)

Situation = tuple[object, ...]
"""The key of a place: places with equal keys are expected to react to faults alike."""


class EquivalenceReduction(ExactReduction):
    """Prunes like exact reduction, and also sets with faults that have a representative."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour)
        self._homes: dict[Situation, CallInContext] = {}
        self._places: dict[FaultClass | None, dict[ExecutionIndex, CallInContext]] = {}
        self._parents: dict[ExecutionIndex, ExecutionIndex] = {}
        self._reopened: list[Candidate] = []

    def as_seen(self, seen: Prediction | None, trace: Trace) -> Prediction:
        """The prediction of the trees, if complete; else that of the trace."""
        return (
            seen if seen is not None and seen.answer is not None else super().as_seen(seen, trace)
        )

    def prunes(self, candidate: Candidate) -> bool:
        """Whether the last fault is not a representative where its call was first seen."""
        place = candidate.place
        if place is None or place.sees_for_itself:
            return False
        known = place.home.class_of(candidate.last)
        return known is not None and known.representative is not candidate.last

    def prune(self, candidate: Candidate) -> None:
        """Keep the set, in case its representative has another effect here."""
        if candidate.place is not None:
            candidate.place.pruned.append(candidate)

    def settle(self, candidate: Candidate, prediction: Prediction) -> bool:
        """Put the last fault of a set into its class; the search builds on the first of a class."""
        place = candidate.place
        if place is None:
            return True
        planned = candidate.last
        reaction = self._reaction(place, prediction)
        trusted = None if place.sees_for_itself else place.home.class_of(planned)
        taken = [] if trusted is None else [each for each in trusted.faults if each is not planned]
        # An outage goes on after what it has in common with the fault of a single call: later calls
        # fail, that another fault leads to. So it is a class of its own.
        outcome = _outcome(prediction, place.call.index) if planned.outage is None else None
        known = None if outcome is None else place.by_outcome.get(outcome)
        if known is None:
            telling = self._is_telling(place, prediction)
            known = FaultClass(
                place, planned, prediction.answer or "", reaction, taken, telling=telling
            )
            logger.debug("settled: a new class, %r", known)
            place.classes.append(known)
            if outcome is not None:
                place.by_outcome[outcome] = known
        else:
            known.ran.append(planned)
            known.taken += taken
        if trusted is not None and (
            # Faults without an effect here may differ elsewhere: all faults of a call whose answer
            # is discarded look the same, until a handler uses the answer.
            trusted.reaction != reaction or (known.telling and not trusted.telling)
        ):
            self._open(place)
        return known.representative is planned

    def _open(self, place: CallInContext) -> None:
        """Run all faults here: one caused another reaction than elsewhere."""
        logger.debug("%r differs from its home: its pruned faults are run", place)
        place.opened = True
        for each in place.classes:
            each.taken = []
        self._reopened += place.pruned
        place.pruned = []

    def reopened(self) -> list[Candidate]:
        """The pruned sets of places that turned out to be different."""
        reopened, self._reopened = self._reopened, []
        return reopened

    def grow(
        self, candidate: Candidate, prediction: Prediction, later: Sequence[PlannedFault]
    ) -> list[Candidate]:
        """One candidate for each fault, with the call's place."""
        context = self._class_at(candidate)
        places = self._places.setdefault(context, {})
        wanted = {planned.index for planned in later} - places.keys()
        if wanted:
            self._find_places(context, prediction, wanted, places)
        faults = candidate.faults
        return [Candidate(faults.plus(planned), places[planned.index]) for planned in later]

    def _class_at(self, candidate: Candidate) -> FaultClass | None:
        place = candidate.place
        return None if place is None else place.class_of(candidate.last)

    def _find_places(
        self,
        context: FaultClass | None,
        prediction: Prediction,
        wanted: set[ExecutionIndex],
        places: dict[ExecutionIndex, CallInContext],
    ) -> None:
        """Create the places of these calls, from the end of the execution backwards."""
        calls = prediction.calls
        following: dict[ExecutionIndex, Event] = {}
        answers = {call.index: key for call, key, _ in calls}
        before = self._failed_before(calls)
        found: list[tuple[Situation, CallInContext]] = []
        for call, _, state in reversed(calls):
            caller = self._caller(call.index)
            if call.index in wanted:
                follows = following.get(caller) or _answered(answers.get(caller))
                # Each part separates contexts in which a test application reacted differently:
                # the service reached (a redirect), the timeouts (whether it can time out), the line
                # (a loop and a fallback make the same call), the caller's state (what a POST sent),
                # which failure it comes after, and what follows a success.
                situation: Situation = (
                    call.index,
                    call.target,
                    call.timeout,
                    call.callsite,
                    state,
                    before[call.index],
                    follows,
                )
                found.append((situation, CallInContext(context, call, follows, prediction)))
            following[caller] = ("call", call.index)
        for situation, place in reversed(found):
            home = self._homes.setdefault(situation, place)
            if home is not place:
                place.trust(home)
            places[place.call.index] = place

    def _failed_before(self, calls: Sequence[PredictedCall]) -> dict[ExecutionIndex, object]:
        """For each call, the place of the preceding call in its thread, if that failed.

        The same call, from the same line, may be an ordinary one, another attempt, or a fallback:
        in a function that is called for two reasons, only what failed before tells them apart.
        """
        failed: dict[tuple[ExecutionIndex, object], object] = {}
        before: dict[ExecutionIndex, object] = {}
        for call, key, _ in calls:
            thread = self._caller(call.index), call.position[:-1]
            before[call.index] = failed.get(thread)
            is_failed = key is None or not succeeded(key[0])
            failed[thread] = (call.target, call.callsite) if is_failed else None
        return before

    def _reaction(self, place: CallInContext, prediction: Prediction) -> Event | None:
        """The handler's next step after the fault, if it differs from that without the fault."""
        index = place.call.index
        caller = self._caller(index)
        met = False
        answer = None
        for call, key, _ in prediction.calls:
            if call.index == caller:
                answer = key
            elif met and self._caller(call.index) == caller:
                event: Event = ("call", call.index)
                break
            met = met or call.index == index
        else:
            event = _answered(answer)
        return None if event == place.following else event

    def _is_telling(self, place: CallInContext, prediction: Prediction) -> bool:
        """Whether a fault has an effect: on other calls, their outcomes, or the test's ending."""
        without = place.without
        if without.answer is None or not self._behaviour.holds(without):
            without = place.without = self._behaviour.predict(place.faults.by_index())
        return without.answer != prediction.answer or (
            self._beside(place, without) != self._beside(place, prediction)
        )

    def _beside(
        self, place: CallInContext, prediction: Prediction
    ) -> list[tuple[ExecutionIndex, object]]:
        """The calls other than the failing one and those below it."""
        inside = {place.call.index}
        beside: list[tuple[ExecutionIndex, object]] = []
        for call, key, _ in prediction.calls:
            if call.index in inside or self._caller(call.index) in inside:
                inside.add(call.index)
            else:
                beside.append((call.index, key))
        return beside

    def _caller(self, index: ExecutionIndex) -> ExecutionIndex:
        caller = self._parents.get(index)
        if caller is None:
            caller = self._parents[index] = ROOT if index == ROOT else index.parent
        return caller

    def representative_of(self, faults: FaultSet) -> FaultSet | None:
        """The set of representatives of these faults."""
        classes = self.classes_of(faults)
        if len(classes) < len(faults):
            return None
        return classes[-1].fault_set if classes else FaultSet()

    def classes_of(self, faults: FaultSet) -> list[FaultClass]:
        """The classes of the faults of a set, in order, up to the first fault without a class."""
        classes: list[FaultClass] = []
        context: FaultClass | None = None
        for planned in faults:
            place = self._places.get(context, {}).get(planned.index)
            context = None if place is None else place.class_of(planned)
            if context is None:
                break
            classes.append(context)
        return classes

    def members(self) -> Iterator[tuple[FaultSet, ExecutionIndex | None]]:
        """The executed sets whose last fault has a representative: see the protocol."""
        for home in self._homes.values():
            for each in home.classes:
                step, called = each.reaction or ("", None)
                following = ExecutionIndex(called) if called and step == "call" else None
                for planned in each.ran:
                    if planned is not each.representative:
                        yield home.faults.plus(planned), following

    def doubt(self, faults: FaultSet) -> list[Candidate]:
        """Split the classes of faults that are not their representatives, at all their places."""
        # All are found before the first split, which changes the path to later ones.
        return [
            candidate
            for planned, known in list(zip(faults, self.classes_of(faults), strict=False))
            if known.representative is not planned
            for candidate in self._split(known.place.home, planned)
        ]

    def _split(self, home: CallInContext, planned: PlannedFault) -> Iterator[Candidate]:
        """Move a fault to a new class.

        :returns: the executed sets that the search has to build on now.
        """
        for place in (home, *home.others):
            known = place.class_of(planned)
            if known is None or known.representative is planned:
                continue
            if planned in known.ran:
                known.ran.remove(planned)
                alone = FaultClass(
                    place, planned, known.answer, known.reaction, [], telling=known.telling
                )
                place.classes.append(alone)
                logger.debug("split from its class: %r", alone)
                yield Candidate(alone.fault_set, place)
            else:
                known.taken.remove(planned)
                self._reopened += [each for each in place.pruned if each.last is planned]
                place.pruned = [each for each in place.pruned if each.last is not planned]

    @property
    def classes(self) -> tuple[EquivalenceClass, ...]:
        """The classes of the calls at their homes, and at places with another effect."""
        return tuple(
            EquivalenceClass(
                call=each.place.call,
                faults=tuple(planned.fault for planned in each.ran if planned.outage is None),
                representative=each.representative.fault,
                context=each.place.faults,
            )
            for home in self._homes.values()
            for place in (home, *(other for other in home.others if other.opened))
            for each in place.classes
            if each.representative.outage is None
        )

    def all_pruned(self, pruned: Sequence[Pruned], ledger: Ledger) -> Sequence[Pruned]:  # noqa: ARG002
        """The predicted sets, and all sets with faults that have a representative."""
        if not ledger.executions:
            return ()
        representatives: dict[FaultClass | None, RepresentativeSet] = {
            None: RepresentativeSet(None, (), "")
        }
        for places in self._places.values():
            for place in places.values():
                for each in place.classes:
                    context = representatives[place.context]
                    representatives[each] = RepresentativeSet(
                        context, tuple(each.faults), each.answer
                    )
        ran = sum(self.representative_of(each.faults) is not None for each in ledger.attempted())
        return PrunedSets(list(representatives.values()), ran, ledger.has_run)


def _answered(key: tuple[str, str | None] | None) -> Event:
    return "answer", None if key is None else key[0]


def _outcome(prediction: Prediction, faulted: ExecutionIndex) -> int | None:
    """A number for all events that follow a fault, or ``None`` if not all are known.

    The events before the fault are included: they are equal for all compared faults. A hash instead
    of the events: there is one for each class, and the events would take most of the memory.
    """
    if prediction.answer is None:
        return None
    events: list[tuple[ExecutionIndex, object, CallSite | None, object]] = [
        (call.index, call.timeout, call.callsite, key)
        for call, key, _ in prediction.calls
        if call.index != faulted
    ]
    return hash((prediction.answer, tuple(events)))
