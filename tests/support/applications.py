"""Random applications that are simulated, and what was explored of them in a form to compare."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import HealthCheck, reject, settings
from hypothesis import strategies as st

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support.cases import cases
from tests.support.driving import run_all
from tests.support.simulation import (
    PASSED,
    FirstError,
    FunctionalTest,
    Judge,
    Orderly,
    Seen,
    Service,
    Simulation,
    Step,
    Whimsical,
    WhimsicalJudge,
)

LIMIT = 150  # Applications with more fault sets than this are not waited for.
BODIES = ("plain", "volatile", "streamed")
Application = tuple[Mapping[str, Service], FunctionalTest]


def tried(examples: int, part: int = 4) -> settings:
    """Settings for a test of so many applications, or of a part of them in daily work."""
    return settings(
        deadline=None,
        max_examples=cases(examples, part),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def refused(*statuses: int, lost: tuple[str | int, ...] = ()) -> FaultModel:
    """Connections that are refused, and these statuses of every service."""
    return FaultModel(("ConnectionError",), default_statuses=statuses, lost_answers=lost)


models = st.one_of(
    st.sampled_from([refused(), refused(503), refused(500, 503), refused(404), refused(200)]),
    st.sampled_from([refused(lost=("ConnectionError",)), refused(lost=(503,))]),
    st.builds(FaultModel, st.just(("Timeout",)), default_statuses=st.sampled_from([(), (503,)])),
)


def steps(callees: list[str]) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        to=st.sampled_from(callees),
        attempts=st.sampled_from([1, 1, 2]),
        retries_statuses=st.booleans(),
        fallback=st.sampled_from([None, None, *callees]),
        gives_up=st.sampled_from([None, None, 500, 503]),
        passes_on=st.booleans(),
        skipped=st.booleans(),
        posts=st.booleans(),
        patience=st.sampled_from([(1.0, 1.0), (1.0, None), (None, 1.0)]),
    )


@st.composite
def applications(draw: st.DrawFn, most: int = 5, width: int = 1) -> Application:
    """Services that call those with a higher number, and a test that requests the first ones.

    :param most: how many services there are at most.
    :param width: how many calls are made in parallel at least, where calls are.
    """
    names = [f"s{number}" for number in range(draw(st.integers(2, most)))]
    services: dict[str, Service] = {}
    for number, name in enumerate(names):
        callees, body = names[number + 1 :], draw(st.sampled_from(BODIES))
        if not callees:
            services[name] = Orderly(body=body, observed=draw(st.booleans()))
        elif draw(st.integers(0, 3)) == 3:
            seed = draw(st.integers(0, 1000))
            services[name] = Whimsical(seed, tuple(callees), draw(st.integers(1, 3)), body)
        else:
            stage = st.lists(steps(callees), min_size=width, max_size=2).map(tuple)
            stages = draw(st.lists(stage, max_size=2))
            tells, reads, touchy = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
            services[name] = Orderly(tuple(stages), tells, reads, touchy, body)
    requests = draw(st.sampled_from([("s0",), ("s0",), ("s0", "s0"), ("s0", "s1"), ("s1", "s0")]))
    judge = WhimsicalJudge(draw(st.integers(0, 1000)))
    questions = st.lists(st.sampled_from([None, *names]), max_size=2)
    asks = tuple(draw(st.one_of(st.just([]), questions)))
    method = draw(st.sampled_from(["GET", "POST"]))
    return services, FunctionalTest(requests, judge, draw(st.booleans()), asks, method)


def explored(
    simulation: Simulation,
    model: FaultModel,
    reduction: str = "exact",
    *,
    max_faults: int | None = None,
    max_executions: int | None = None,
    outages: bool = False,
) -> Result:
    explorer = Explorer(
        model,
        reduction=reduction,
        max_faults=max_faults,
        max_executions=max_executions,
        outages=outages,
    )
    return run_all(explorer, simulation.run)


def everything(simulation: Simulation, model: FaultModel, max_faults: int | None = None) -> Result:
    """What an exploration without reduction finds, where that does not take too long."""
    result = explored(simulation, model, "none", max_faults=max_faults, max_executions=LIMIT)
    if result.remaining:
        reject()
    return result


def executed(result: Result) -> list[FaultSet]:
    return [execution.faults for execution in result.executions]


def pruned_sets(result: Result) -> list[FaultSet]:
    return [pruned.faults for pruned in result.pruned]


def all_sets(result: Result) -> list[FaultSet]:
    return executed(result) + pruned_sets(result)


def in_order(result: Result) -> list[list[list[str]]]:
    """What was run and what was left out, in a form to be compared between explorations."""
    return [
        [[f"{planned.index} {planned.fault}" for planned in faults] for faults in sets]
        for sets in (executed(result), pruned_sets(result))
    ]


def never(seen: Seen) -> str:
    """The verdict of a test that is content with anything."""
    return PASSED


def on(*bad: str) -> Judge:
    """The verdict of a test that fails when the last answer has one of these statuses."""
    return lambda seen: FirstError.__name__ if seen[-1][0] in bad else PASSED
