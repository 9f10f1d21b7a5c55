"""What holds for the search on any application: tried on random simulated ones."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from flask_filibuster.core.fault_model import FaultModel
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploration.explorer import Explorer, Observation, run_all
from flask_filibuster.exploration.result import Result
from tests.simulation import (
    PASSED,
    Answer,
    AtOnce,
    Call,
    FunctionalTest,
    Orderly,
    Part,
    Service,
    Simulation,
    Step,
    Whimsical,
    whimsical_judge,
)

LIMIT = 250  # Applications with more fault sets than this are not waited for.

search = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

models = st.builds(
    FaultModel,
    exceptions=st.sampled_from([("ConnectionError",), ("ConnectionError", "Timeout"), ()]),
    default_statuses=st.sampled_from([(503,), (500, 503), (404,), (200, 500), ()]),
    lost_answers=st.sampled_from([(), (), ("ConnectionError",), (503,)]),
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
def applications(
    draw: st.DrawFn, bodies: tuple[str, ...] = ("plain", "volatile", "streamed")
) -> tuple[Mapping[str, Service], FunctionalTest]:
    """Services that call those with a higher number, and a test that requests the first ones."""
    names = [f"s{number}" for number in range(draw(st.integers(2, 5)))]
    services: dict[str, Service] = {}
    for number, name in enumerate(names):
        callees, body = names[number + 1 :], draw(st.sampled_from(bodies))
        if not callees:
            services[name] = Orderly(body=body, observed=draw(st.booleans()))
        elif draw(st.integers(0, 3)) == 0:
            seed = draw(st.integers(0, 1000))
            services[name] = Whimsical(seed, tuple(callees), draw(st.integers(1, 3)), body)
        else:
            stage = st.lists(steps(callees), min_size=1, max_size=2, unique_by=lambda step: step.to)
            stages = draw(st.lists(stage.map(tuple), max_size=2))
            tells, reads, touchy = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
            services[name] = Orderly(tuple(stages), tells, reads, touchy, body)
    requests = draw(st.sampled_from([("s0",), ("s0",), ("s0", "s0"), ("s0", "s1"), ("s1", "s0")]))
    judge = whimsical_judge(draw(st.integers(0, 1000)))
    return services, FunctionalTest(requests, draw(st.booleans()), judge)


def explored(simulation: Simulation, model: FaultModel, reduction: str = "exact") -> Result:
    return run_all(Explorer(model, reduction=reduction, max_executions=LIMIT), simulation.run)


def everything(simulation: Simulation, model: FaultModel) -> Result:
    result = explored(simulation, model, "none")
    assume(not result.remaining)
    event(f"about {len(result.executions) // 25 * 25} executions")
    return result


def all_sets(result: Result) -> list[FaultSet]:
    return [each.faults for each in (*result.executions, *result.pruned)]


def check_nothing_is_lost(
    services: Mapping[str, Service], test: FunctionalTest, model: FaultModel
) -> tuple[Result, Result]:
    """Explore without and with reduction, and compare what was seen."""
    full, reduced = Simulation(services, test), Simulation(services, test)
    none, exact = everything(full, model), explored(reduced, model)
    for result in none, exact:
        assert not result.inconclusive
        assert not result.ambiguities
        assert not result.cut_by_size
        assert max(Counter(all_sets(result)).values()) == 1, "a set was generated twice"
        sizes = [len(each.faults) for each in result.executions]
        assert sizes == sorted(sizes)
        sizes = [len(each.faults) for each in result.pruned]
        assert sizes == sorted(sizes)
    assert not none.pruned
    assert set(all_sets(none)) == set(all_sets(exact))
    assert full.steps == reduced.steps
    assert full.ends == reduced.ends
    for left_out in exact.pruned:
        assert left_out.answer == full.verdict(left_out.faults)
    assert {str(failure.error) for failure in none.failures} == {
        str(failure.error) for failure in exact.failures
    }
    event(f"pruned {10 * len(exact.pruned) // none.generated * 10} %")
    return none, exact


@search
@given(applications(), models)
def test_exact_reduction_loses_nothing(
    application: tuple[Mapping[str, Service], FunctionalTest], model: FaultModel
) -> None:
    check_nothing_is_lost(*application, model)
