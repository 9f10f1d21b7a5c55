"""Equivalence reduction: of the ways for one call to fail, a few stand for the others.

Source: dynamic reduction as in the Filibuster paper (SoCC '21, section 4.4), carried further. Each
way for a call to fail is run once, where the call is first seen. Ways that are followed by the same
events (the other calls and their outcomes, those of the enclosing handlers among them, the answer
to the test, its verdict) are a class, and only its first member is built upon: neither sets that
contain another member are run, nor, in other contexts, the call with another member.

That loses nothing with handlers that react to a failure where it happens. A handler that remembers
which failure it was, and reacts to that later, can be missed. Where it shows that a failure is
reacted to in another way than where its call was first seen, or has an effect where it had none
there, all ways are run, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.result import EquivalenceClass, Pruned
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.nodes import PredictedCall, Prediction
from flask_filibuster.search.reduction.exact import ExactReduction
from flask_filibuster.search.reduction.left_out import LeftOut, Standing
from flask_filibuster.search.reduction.spots import Candidate, Event, Spot, WayClass

Situation = tuple[object, ...]
"""What tells one reaction to a call's failures from another before it is seen."""


class EquivalenceReduction(ExactReduction):
    """Leaves out what exact reduction does, and what is built on ways that others stand for."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour)
        self._homes: dict[Situation, Spot] = {}
        self._spots: dict[WayClass | None, dict[ExecutionIndex, Spot]] = {}
        self._parents: dict[ExecutionIndex, ExecutionIndex] = {}
        self._reopened: list[Candidate] = []

    def as_seen(self, seen: Prediction | None, trace: Trace) -> Prediction:
        """What the trees have by now, where all of it is beyond doubt."""
        return (
            seen if seen is not None and seen.answer is not None else super().as_seen(seen, trace)
        )

    def passes_over(self, candidate: Candidate) -> bool:
        """Whether a way is no representative where its call was first seen."""
        spot = candidate.spot
        if spot is None or spot.sees_for_itself:
            return False
        known = spot.home.class_of(candidate.last)
        return known is not None and known.representative is not candidate.last

    def pass_over(self, candidate: Candidate) -> None:
        """Keep it, in case the representative reacts in another way here."""
        if candidate.spot is not None:
            candidate.spot.passed_over.append(candidate)

    def settle(self, candidate: Candidate, prediction: Prediction) -> bool:
        """Put the last fault of a set into its class: the first of a class is built upon."""
        spot = candidate.spot
        if spot is None:
            return True
        planned = candidate.last
        reaction = self._reaction(spot, prediction)
        trusted = None if spot.sees_for_itself else spot.home.class_of(planned)
        taken = [] if trusted is None else [way for way in trusted.ways if way is not planned]
        outcome = _outcome(prediction, spot.call.index)
        known = None if outcome is None else spot.by_outcome.get(outcome)
        if known is None:
            telling = self._is_telling(spot, prediction)
            known = WayClass(
                spot, planned, prediction.answer or "", reaction, taken, telling=telling
            )
            spot.classes.append(known)
            if outcome is not None:
                spot.by_outcome[outcome] = known
        else:
            known.ran.append(planned)
            known.taken += taken
        if trusted is not None and (
            # Where nothing follows from a failure, ways are alike that may not be so elsewhere.
            trusted.reaction != reaction or (known.telling and not trusted.telling)
        ):
            self._open(spot)
        return known.representative is planned

    def _open(self, spot: Spot) -> None:
        """Have all ways run here: one was reacted to in another way than elsewhere."""
        spot.opened = True
        for each in spot.classes:
            each.taken = []
        self._reopened += spot.passed_over
        spot.passed_over = []

    def reopened(self) -> list[Candidate]:
        """Those of spots that turned out to be different."""
        reopened, self._reopened = self._reopened, []
        return reopened

    def grow(
        self, candidate: Candidate, prediction: Prediction, ways: Sequence[PlannedFault]
    ) -> list[Candidate]:
        """One candidate for each way, with the call's spot."""
        context = self._class_at(candidate)
        spots = self._spots.setdefault(context, {})
        wanted = {planned.index for planned in ways} - spots.keys()
        if wanted:
            self._find_spots(context, prediction, wanted, spots)
        faults = candidate.faults
        return [Candidate(faults.plus(planned), spots[planned.index]) for planned in ways]

    def _class_at(self, candidate: Candidate) -> WayClass | None:
        spot = candidate.spot
        return None if spot is None else spot.class_of(candidate.last)

    def _find_spots(
        self,
        context: WayClass | None,
        prediction: Prediction,
        wanted: set[ExecutionIndex],
        spots: dict[ExecutionIndex, Spot],
    ) -> None:
        """Make the spots of these calls, going through the execution backwards."""
        calls = prediction.calls
        following: dict[ExecutionIndex, Event] = {}
        answers = {call.index: key for call, key, _ in calls}
        before = self._failed_before(calls)
        found: list[tuple[Situation, Spot]] = []
        for call, _, state in reversed(calls):
            caller = self._caller(call.index)
            if call.index in wanted:
                follows = following.get(caller) or _answered(answers.get(caller))
                situation: Situation = (
                    call.index,
                    call.target,
                    call.timeout,
                    call.callsite,
                    state,
                    before[call.index],
                    follows,
                )
                found.append((situation, Spot(context, call, follows, prediction)))
            following[caller] = ("call", call.index)
        for situation, spot in reversed(found):
            home = self._homes.setdefault(situation, spot)
            if home is not spot:
                spot.home = home
                home.others.append(spot)
            spots[spot.call.index] = spot

    def _failed_before(self, calls: Sequence[PredictedCall]) -> dict[ExecutionIndex, bool]:
        """Of each call, whether the one before it in the same thread of the handler had failed.

        The same call, from the same line, may be an ordinary one or take the place of another.
        """
        failed: dict[tuple[ExecutionIndex, object], bool] = {}
        before: dict[ExecutionIndex, bool] = {}
        for call, key, _ in calls:
            thread = self._caller(call.index), call.position[:-1]
            before[call.index] = failed.get(thread, False)
            failed[thread] = key is None or not key[0].isdigit() or int(key[0]) >= 400
        return before

    def _reaction(self, spot: Spot, prediction: Prediction) -> Event | None:
        """What the handler does after the call has failed, if that is something of its own."""
        index = spot.call.index
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
        return None if event == spot.following else event

    def _is_telling(self, spot: Spot, prediction: Prediction) -> bool:
        """Whether a failure has an effect: on other calls, on their outcomes, on the test's end."""
        without = spot.without
        if without.answer is None or not self._behaviour.holds(without):
            without = spot.without = self._behaviour.predict(spot.faults.by_index())
        return without.answer != prediction.answer or (
            self._beside(spot, without) != self._beside(spot, prediction)
        )

    def _beside(self, spot: Spot, prediction: Prediction) -> list[tuple[ExecutionIndex, object]]:
        """The calls that are neither the one that can fail nor made by its callee."""
        inside = {spot.call.index}
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

    def standing_for(self, faults: FaultSet) -> FaultSet | None:
        """The set of the representatives."""
        classes = self._classes_of(faults)
        if len(classes) < len(faults):
            return None
        return classes[-1].faults if classes else FaultSet()

    def _classes_of(self, faults: FaultSet) -> list[WayClass]:
        """The classes of the faults of a set, in order, up to the first that is in none."""
        classes: list[WayClass] = []
        context: WayClass | None = None
        for planned in faults:
            spot = self._spots.get(context, {}).get(planned.index)
            context = None if spot is None else spot.class_of(planned)
            if context is None:
                break
            classes.append(context)
        return classes

    def doubt(self, faults: FaultSet) -> list[Candidate]:
        """Split the classes of ways that are not their representatives, wherever they are met."""
        # Found before any is split, which changes the way to those that come after.
        return [
            candidate
            for planned, known in list(zip(faults, self._classes_of(faults), strict=False))
            if known.representative is not planned
            for candidate in self._split(known.spot.home, planned)
        ]

    def _split(self, home: Spot, planned: PlannedFault) -> Iterator[Candidate]:
        """Give a way a class of its own.

        :returns: where it has been run, and is to be built upon now.
        """
        for spot in (home, *home.others):
            known = spot.class_of(planned)
            if known is None or known.representative is planned:
                continue
            if planned in known.ran:
                known.ran.remove(planned)
                alone = WayClass(
                    spot, planned, known.answer, known.reaction, [], telling=known.telling
                )
                spot.classes.append(alone)
                yield Candidate(alone.faults, spot)
            else:
                known.taken.remove(planned)
                self._reopened += [each for each in spot.passed_over if each.last is planned]
                spot.passed_over = [each for each in spot.passed_over if each.last is not planned]

    @property
    def classes(self) -> tuple[EquivalenceClass, ...]:
        """Those of the calls where they were first seen, or seen to lead to something else."""
        return tuple(
            EquivalenceClass(
                call=each.spot.call,
                ways=tuple(planned.fault for planned in each.ran),
                representative=each.representative.fault,
                context=each.spot.faults,
            )
            for home in self._homes.values()
            for spot in (home, *(other for other in home.others if other.opened))
            for each in spot.classes
        )

    def left_out(self, pruned: Sequence[Pruned], ledger: Ledger) -> Sequence[Pruned]:  # noqa: ARG002
        """What was predicted, and all that is made of ways that others stand for."""
        if not ledger.executions:
            return ()
        standings: dict[WayClass | None, Standing] = {None: Standing(None, (), "")}
        for spots in self._spots.values():
            for spot in spots.values():
                for each in spot.classes:
                    context = standings[spot.context]
                    standings[each] = Standing(context, tuple(each.ways), each.answer)
        ran = sum(self.standing_for(each.faults) is not None for each in ledger.attempted())
        return LeftOut(list(standings.values()), ran, ledger.has_run)


def _answered(key: tuple[str, str | None] | None) -> Event:
    return "answer", None if key is None else key[0]


def _outcome(prediction: Prediction, faulted: ExecutionIndex) -> int | None:
    """A number for everything that a fault is followed by, or ``None`` if not all is known.

    What comes before the fault is in it, too, and is the same for all that are compared.
    """
    if prediction.answer is None:
        return None
    events: list[tuple[ExecutionIndex, object, CallSite | None, object]] = [
        (call.index, call.timeout, call.callsite, key)
        for call, key, _ in prediction.calls
        if call.index != faulted
    ]
    return hash((prediction.answer, tuple(events)))
