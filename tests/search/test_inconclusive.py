"""Executions that do not go as planned, and applications that are not the same each time."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Trace
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.execution import Observation
from flask_filibuster.search.explorer import Explorer
from tests.support.applications import (
    Application,
    applications,
    executed,
    explored,
    models,
    never,
    pruned_sets,
    refused,
    tried,
)
from tests.support.simulation import (
    Answer,
    FunctionalTest,
    Orderly,
    Part,
    Reply,
    Service,
    SimulatedCall,
    Simulation,
    Step,
)


@dataclass
class Forgetful:
    """Calls b, then c, but leaves one of them out in some executions.

    :ivar leaves_out: the service it leaves out, by the number of the execution.
    """

    leaves_out: Mapping[int, str]
    body: str = "plain"
    observed: bool = True
    executions: int = 0

    def handle(self, content: str) -> Part:
        self.executions += 1
        for name in "b", "c":
            if self.leaves_out.get(self.executions) != name:
                yield SimulatedCall(name)
        return Answer(200)


@pytest.mark.parametrize("reduction", ["none", "exact"])
@pytest.mark.parametrize(
    ("forgotten", "number", "problem"),
    [
        pytest.param(
            "c", 2, "fault not injected, the call was not made: a -> c  GET http://c/", id="it"
        ),
        pytest.param("b", 2, "expected call was not made: a -> b  GET http://b/", id="b"),
    ],
)
def test_missing_call_is_inconclusive(
    forgotten: str, number: int, problem: str, reduction: str
) -> None:
    services: dict[str, Service] = {
        "a": Forgetful({number: forgotten}),
        "b": Orderly(),
        "c": Orderly(),
    }
    result = explored(Simulation(services, FunctionalTest(("a",), never)), refused(), reduction)
    (execution,) = result.inconclusive
    assert execution.number == number
    assert problem in execution.problems
    assert not result.ok


def test_inconclusive_execution_has_no_successors() -> None:
    services: dict[str, Service] = {"a": Forgetful({3: "b"}), "b": Orderly(), "c": Orderly()}
    result = explored(Simulation(services, FunctionalTest(("a",), never)), refused())
    assert [execution.verdict for execution in result.executions] == [
        "passed",
        "passed",
        "inconclusive",
    ]
    assert [[planned.service for planned in faults] for faults in executed(result)] == [
        [],
        ["c"],
        ["b"],
    ]


def test_inconclusive_baseline_ends_the_search() -> None:
    explorer = Explorer(refused())
    faults = explorer.next()
    assert faults is not None
    execution = explorer.learn(
        faults, Observation(Trace(), problems=("a thread is still running",))
    )
    assert execution.verdict == "inconclusive"
    assert explorer.next() is None
    assert not explorer.result().ok


@dataclass
class FailsOnce:
    """Answers 503 once, all by itself.

    :ivar number: in which execution that it takes part in.
    """

    number: int
    body: str = "plain"
    observed: bool = True
    executions: int = 0

    def handle(self, content: str) -> Part:
        self.executions += 1
        yield from ()
        return Answer(503 if self.executions == self.number else 200)


@pytest.mark.parametrize("flaky", [True, False], ids=["flaky", "steady"])
def test_ambiguous_handler_is_not_predicted(flaky: bool) -> None:
    """From the second way on."""
    services: dict[str, Service] = {
        "a": Orderly(((Step("b"),), (Step("c"),)), tells=False),
        "b": Orderly(((Step("d", gives_up=503),),)),
        "c": FailsOnce(2 if flaky else 0),
        "d": Orderly(),
    }
    model = refused(503, lost=("ConnectionError",))
    result = explored(Simulation(services, FunctionalTest(("a",), never)), model)
    assert result.ok, "what comes after the last fault is for an execution to find out"
    known = [[str(planned.fault.outcome) for planned in faults] for faults in pruned_sets(result)]
    assert ["503", "503"] in known, "what c would have done does not matter to b and c failing"
    # b 503 is what it answers when d fails; and c is called even where its answer is lost.
    for needs_c in ["503"], ["503", "ConnectionError lost"]:
        assert (needs_c in known) is not flaky
    if flaky:
        ((index, before, seen),) = result.ambiguities
        assert index == result.executions[0].trace.invocations[-1].index
        assert (before, seen) == ("an answer, 200", "an answer, 503")
    else:
        assert not result.ambiguities


@pytest.mark.parametrize("observed", [True, False], ids=["observed", "not observed"])
def test_ambiguous_callee_is_reported(observed: bool) -> None:
    services: dict[str, Service] = {
        "a": Orderly(((Step("b"),), (Step("c"),))),
        "b": Orderly(((Step("d"),),), tells=False),
        "c": FailsOnce(2, observed=observed),
        "d": Orderly(),
    }
    result = explored(Simulation(services, FunctionalTest(("a",), never)), refused())
    assert [planned.service for planned in result.executions[2].faults] == ["d"]
    assert len(result.ambiguities) == 1


@pytest.mark.parametrize("observed", [True, False], ids=["observed", "not observed"])
def test_earlier_real_failure_is_inconclusive(observed: bool) -> None:
    services: dict[str, Service] = {
        "a": Orderly(((Step("b"),), (Step("c"),))),
        "b": FailsOnce(2, observed=observed),
        "c": Orderly(),
    }
    result = explored(Simulation(services, FunctionalTest(("a",), never)), refused())
    (execution,) = result.inconclusive
    assert [planned.service for planned in execution.faults] == ["c"]
    assert "expected 200 as in earlier executions, the call ended with 503" in execution.problems[0]
    assert not result.ok


@dataclass(frozen=True)
class Flaky:
    """A service that leaves calls out now and then, as if they had failed."""

    service: Service
    mood: random.Random

    @property
    def body(self) -> str:
        return self.service.body

    @property
    def observed(self) -> bool:
        return self.service.observed

    def handle(self, content: str) -> Part:
        program, received = self.service.handle(content), None
        while True:
            try:
                wanted = program.send(received)
            except StopIteration as end:
                return end.value
            if isinstance(wanted, SimulatedCall) and self.mood.random() < 0.1:
                received = Reply(Outcome(status=503))
            else:
                received = yield wanted


@tried(20)
@given(applications(most=4), models, st.sampled_from(["none", "exact"]), st.integers())
def test_planned_faults_never_vanish_silently(
    application: Application, model: FaultModel, reduction: str, seed: int
) -> None:
    """With a flaky application."""
    services, test = application
    mood = random.Random(seed)
    flaky = {name: Flaky(service, mood) for name, service in services.items()}
    result = explored(Simulation(flaky, test), model, reduction, max_executions=60)
    for execution in result.executions:
        injected = {call.index for call in execution.trace.invocations if call.fault}
        if injected != {planned.index for planned in execution.faults}:
            assert execution.verdict == "inconclusive"
            assert execution.problems
            assert not result.ok
