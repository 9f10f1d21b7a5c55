"""Simulated applications: services that answer at once, in as little time as can be."""

from __future__ import annotations

from dataclasses import dataclass

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import Faults, FaultSet
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.execution import Observation

TIMEOUT = (1.0, 1.0)
CALLS = 6
NINE = (400, 404, 408, 429, 500, 501, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class SimulatedService:
    """A service that calls others in turn, and answers 200 unless one that it needs has failed.

    :ivar name: its name.
    :ivar calls: the services that it calls.
    :ivar tells: whether its answer shows which of them failed, by default data in their place.
    :ivar needs: names of those without which it answers 503 at once.
    """

    name: str
    calls: tuple[SimulatedService, ...] = ()
    tells: bool = False
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SimulatedApplication:
    """What a functional test calls, and how calls can fail there.

    :ivar front: the service that the test calls, once.
    :ivar model: how calls can fail.
    :ivar generated: how many fault sets there are.
    """

    front: SimulatedService
    model: FaultModel
    generated: int

    def run(self, faults: FaultSet) -> Observation:
        """One execution of the test, which passes whatever happens."""
        execution = _Execution(faults.by_index())
        execution.call(self.front, ROOT, source="", position=1)
        return Observation(Trace.of(execution.calls, execution.handlings))


class _Execution:
    def __init__(self, planned: Faults) -> None:
        self.calls: list[Call] = []
        self.handlings: list[Handling] = []
        self._planned = planned

    def call(
        self, service: SimulatedService, parent: ExecutionIndex, *, source: str, position: int
    ) -> Outcome:
        index = parent.child(f"{source}-{service.name}", 1)
        url = f"http://{service.name}:5000/"
        planned = self._planned.get(index)
        outcome = planned.fault.outcome if planned else self._handle(service, index)
        self.calls.append(
            Call(
                index=index,
                source=source,
                target=service.name,
                method="GET",
                url=url,
                callsite=CallSite(f"{source}.py", position, "view"),
                timeout=TIMEOUT,
                outcome=outcome,
                fault=planned.fault if planned else None,
                position=((position,),),
            )
        )
        return outcome

    def _handle(self, service: SimulatedService, index: ExecutionIndex) -> Outcome:
        outcomes: list[Outcome] = []
        for place, each in enumerate(service.calls):
            outcomes.append(self.call(each, index, source=service.name, position=2 * place + 1))
            if outcomes[-1].failed and each.name in service.needs:
                answer = Outcome(status=503)
                self.handlings.append(Handling(index, service.name, "GET", "/", answer))
                return answer
        shown = "".join("-" if each.failed else "+" for each in outcomes) if service.tells else ""
        answer = Outcome(status=200, digest=f"{service.name} {shown}")
        self.handlings.append(Handling(index, service.name, "GET", "/", answer))
        return answer


def gateway(weak: int) -> SimulatedApplication:
    """One service with optional calls, some of which fail in nine ways: ten to their power.

    Every set has to be run, as the service may react to any of them.

    :param weak: how many of its calls can fail; it makes the same calls whatever their number.
    """
    backends = (SimulatedService(f"{_kind(place, weak)}-back{place}") for place in range(CALLS))
    model = FaultModel((), {"weak-back.*": NINE}, default_statuses=())
    return SimulatedApplication(
        SimulatedService("gateway", tuple(backends), tells=True), model, 10**weak
    )


def layers(weak: int) -> SimulatedApplication:
    """A front with optional middles, each with an optional back whose failure it hides.

    A middle fails in two ways, or else its back in seven, or neither: ten to the power of middles.
    What the front does once it has been seen for every combination of failed middles, so most sets
    are left out.

    :param weak: how many of the middles and their backs can fail; all are called in any case.
    """
    middles = (
        SimulatedService(
            f"{_kind(place, weak)}-middle{place}",
            (SimulatedService(f"{_kind(place, weak)}-back{place}"),),
        )
        for place in range(CALLS)
    )
    model = FaultModel(
        (), {"weak-middle.*": NINE[:2], "weak-back.*": NINE[2:]}, default_statuses=()
    )
    return SimulatedApplication(
        SimulatedService("front", tuple(middles), tells=True), model, 10**weak
    )


PROTOTYPE = 18_653
"""Fault sets for which the prototype is reported to have taken 748 s of deciding."""


def as_many_as_the_prototype() -> SimulatedApplication:
    """One service whose calls lead to as many sets, nearly all of which have to be run.

    From the last to the first: one that it can do without and that has nine ways to fail (10 sets),
    one that it needs and that has eight (and 8 is 18), times 10, and 6, times 10, and 5, times 10,
    and 3.
    """
    ways = {"need3": 3, "may0": 9, "need5": 5, "may1": 9, "need6": 6, "may2": 9, "need8": 8}
    backs = [SimulatedService(name) for name in (*ways, "may3")]
    statuses = {name: NINE[:count] for name, count in {**ways, "may3": 9}.items()}
    front = SimulatedService(
        "gateway",
        tuple(backs),
        tells=True,
        needs=frozenset(name for name in ways if name.startswith("need")),
    )
    return SimulatedApplication(front, FaultModel((), statuses, default_statuses=()), PROTOTYPE)


def _kind(place: int, weak: int) -> str:
    return "weak" if place < weak else "sound"
