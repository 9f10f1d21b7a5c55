"""Equivalence reduction: what it leaves out, that nothing is lost by it, and where something is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue
from hypothesis import event, given, reject
from hypothesis import strategies as st

from flask_filibuster import explore
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.report.data import result_data
from flask_filibuster.report.text import class_lines, counts_line
from flask_filibuster.results.execution import AUDIT, EXHAUSTIVE
from flask_filibuster.results.findings import UNCAUGHT
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support import shapes
from tests.support.applications import Application, never, on, tried
from tests.support.cases import sample
from tests.support.reductions import FOUR_WAYS, all_sets, bugs, explored, repeated, sequences
from tests.support.simulation import (
    Answer,
    FunctionalTest,
    Orderly,
    Part,
    Service,
    SimulatedCall,
    Simulation,
    Step,
    WhimsicalJudge,
)

LIMIT = 60  # Applications with more fault sets than this are not waited for.

models = st.sampled_from(
    [
        FOUR_WAYS,
        FaultModel(("ConnectionError",), default_statuses=(404, 503)),
        FaultModel(("ConnectionError",), default_statuses=(500,), lost_answers=("ReadTimeout",)),
        FaultModel((), default_statuses=(404, 500, 503)),
    ]
)


@st.composite
def local_applications(draw: st.DrawFn) -> Application:
    """Services that react to a failure where it happens.

    They fall back, retry, give up, pass a status on or do without; what they call after that may
    depend on whether data is missing by then, and not on why.
    """
    names = [f"s{number}" for number in range(draw(st.integers(2, 4)))]
    services: dict[str, Service] = {}
    for number, name in enumerate(names):
        callees = names[number + 1 :]
        if not callees:
            services[name] = Orderly(observed=draw(st.booleans()))
            continue
        step = st.builds(
            Step,
            to=st.sampled_from(callees),
            attempts=st.sampled_from([1, 1, 2]),
            retries_statuses=st.booleans(),
            fallback=st.sampled_from([None, None, *callees]),
            gives_up=st.sampled_from([None, None, 500, 503]),
            passes_on=st.booleans(),
            skipped=st.booleans(),
            posts=st.sampled_from([False, False, True]),
            patience=st.sampled_from([(1.0, 1.0), (1.0, None), (None, 1.0)]),
        )
        # One call after the other, mostly: parallel ones make too many sets to wait for.
        sizes = draw(st.sampled_from([(1,), (1, 1), (1, 1), (2,), (1, 2)]))
        stages = tuple(tuple(draw(step) for _ in range(size)) for size in sizes)
        services[name] = Orderly(stages, *draw(st.tuples(*3 * [st.booleans()])))
    requested = draw(st.sampled_from([("s0",), ("s0",), ("s0", "s0"), ("s0", "s1")]))
    judge = WhimsicalJudge(draw(st.integers(0, 1000)))
    method = draw(st.sampled_from(["GET", "POST"]))
    return services, FunctionalTest(requested, judge, draw(st.booleans()), (), method)


@pytest.mark.slow
@tried(300, part=40)
@given(local_applications(), models)
def test_local_reactions_lose_nothing(application: Application, model: FaultModel) -> None:
    """Failures are reacted to where they happen."""
    full, reduced = Simulation(*application), Simulation(*application)
    none = explored(full, model, "none", limit=LIMIT)
    if none.remaining:
        reject()
    equivalence = explored(reduced, model)
    assert full.ends == reduced.ends, "an answer to the test, or its verdict"
    assert sequences(none) == sequences(equivalence)
    assert bugs(none) - repeated(none, equivalence) <= bugs(equivalence) <= bugs(none)
    assert not equivalence.inconclusive
    assert not equivalence.ambiguities
    assert all_sets(none) == all_sets(equivalence), "each set is run or left out, and once"
    event(f"{len(equivalence.executions) * 4 // len(none.executions) * 25} % or more are run")


@pytest.mark.slow
@tried(40, part=8)
@given(local_applications(), models)
def test_pruned_sets_end_as_predicted(application: Application, model: FaultModel) -> None:
    simulation = Simulation(*application)
    if explored(simulation, model, "none", limit=LIMIT).remaining:
        reject()
    for pruned in explored(simulation, model).pruned:
        assert pruned.answer == simulation.verdict(pruned.faults)


@pytest.mark.slow
@tried(40, part=8)
@given(local_applications(), models)
def test_exhaustive_runs_pruned_sets_last(application: Application, model: FaultModel) -> None:
    none = explored(Simulation(*application), model, "none", limit=LIMIT)
    if none.remaining:
        reject()
    reduced = explored(Simulation(*application), model)
    result = explored(Simulation(*application), model, exhaustive=True)
    before = len(reduced.executions)
    assert [each.faults for each in result.executions[:before]] == [
        each.faults for each in reduced.executions
    ]
    assert {each.purpose for each in result.executions[before:]} <= {EXHAUSTIVE}
    assert all_sets(result) == all_sets(none)
    assert len(result.pruned) == 0
    assert not result.observed, "reduction holds"


@pytest.mark.slow
@tried(40, part=8)
@given(local_applications(), models, st.integers(1, 5), st.integers())
def test_audit_confirms_what_holds(
    application: Application, model: FaultModel, count: int, seed: int
) -> None:
    """It runs as many sets as it is told."""
    if explored(Simulation(*application), model, "none", limit=LIMIT).remaining:
        reject()
    reduced = explored(Simulation(*application), model)
    result = explored(Simulation(*application), model, audit=count, seed=seed)
    audited = [each for each in result.executions if each.purpose == AUDIT]
    assert len(audited) == min(count, len(reduced.pruned))
    assert {each.faults for each in audited} <= {each.faults for each in reduced.pruned}
    assert not result.observed
    assert result.generated == reduced.generated


@dataclass(frozen=True)
class Remembers:
    """Notes that its first call was too slow, and gives up on that ground when the second fails."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        first = yield SimulatedCall("first", line=1)
        second = yield SimulatedCall("second", line=2)
        if second.outcome.failed:
            return Answer(500 if first.outcome.exception == "Timeout" else 503)
        return Answer(200, "" if first.outcome.failed else "data")


def remembering() -> Simulation:
    services: dict[str, Service] = {
        "front": Remembers(),
        "first": Orderly(),
        "second": Orderly(),
    }
    return Simulation(services, FunctionalTest(("front",), on("500")))


def test_known_limit_is_a_remembered_failure() -> None:
    """That the first call timed out matters only once the second has failed, too."""
    none, equivalence = (
        explored(remembering(), FOUR_WAYS, "none"),
        explored(remembering(), FOUR_WAYS),
    )
    (failure,) = none.failures
    assert [str(planned.fault) for planned in failure.faults] == [
        "raises Timeout",
        "raises ConnectionError",
    ]
    assert not equivalence.failures
    assert (len(none.executions), len(equivalence.executions)) == (25, 13)


def test_exhaustive_finds_the_known_limit() -> None:
    result = explored(remembering(), FOUR_WAYS, exhaustive=True)
    (failure,) = result.failures
    assert [planned.service for planned in failure.faults] == ["first", "second"]
    assert {finding.kind for finding in result.observed} == {"reduction does not hold"}


def test_audit_finds_the_known_limit() -> None:
    """Of twelve sets that are left out, four show the difference."""
    found = [explored(remembering(), FOUR_WAYS, audit=6, seed=seed) for seed in range(5)]
    assert all(result.failures for result in found)
    result = found[0]
    finding = result.observed[0]
    assert finding.kind == "reduction does not hold"
    assert "reduction does not hold for front, GET /: expected" in finding.message
    assert "but observed the answer 500" in finding.message
    # Its class is split: all ways of the second call are run after the first has timed out.
    after_timeout = {
        str(each.faults.last.fault)
        for each in result.executions
        if len(each.faults) == 2 and next(iter(each.faults)).fault.exception == "Timeout"
    }
    assert len(after_timeout) == 4
    ways = [len(each.faults) for each in result.classes if each.call.target == "first"]
    assert sorted(ways) == [1, 3]


@dataclass(frozen=True)
class NeedsOneOfTwo:
    """Makes do without what one of two services has, and not without both."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        left = yield SimulatedCall("left", line=1)
        right = yield SimulatedCall("right", line=2)
        if left.outcome.failed and right.outcome.failed:
            return Answer(503 if right.outcome.status == 503 else 500)
        return Answer(200)


def test_new_reaction_runs_all_faults() -> None:
    """Alone, every failure of right leads to a 200; after left's, one of them matters."""
    services: dict[str, Service] = {
        "front": NeedsOneOfTwo(),
        "left": Orderly(),
        "right": Orderly(),
    }
    simulation = Simulation(services, FunctionalTest(("front",), on("503")))
    result = explored(simulation, FOUR_WAYS)
    (failure,) = result.failures
    assert [str(planned.fault.outcome) for planned in failure.faults] == ["ConnectionError", "503"]
    contexts = Counter(len(each.context) for each in result.classes if each.call.target == "right")
    assert contexts == {0: 1, 1: 2}


@dataclass(frozen=True)
class Searches:
    """Asks two catalogues: a 404 is an answer, any other failure makes the page a partial one."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        left = yield SimulatedCall("left", line=1)
        right = yield SimulatedCall("right", line=2)
        failed = [each.outcome for each in (left, right) if each.outcome.failed]
        if any(outcome.status != 404 for outcome in failed):
            return Answer(200, "partial")
        return Answer(404 if len(failed) == 2 else 200)


def test_faults_without_effect_are_alike() -> None:
    """After most failures of left, the page is partial whatever becomes of right."""
    services: dict[str, Service] = {
        "front": Searches(),
        "left": Orderly(),
        "right": Orderly(),
    }
    simulation = Simulation(services, FunctionalTest(("front",), on("404")))
    model = FaultModel(("ConnectionError",), default_statuses=(404, 503))
    result = explored(simulation, model)
    (failure,) = result.failures
    assert [str(planned.fault.outcome) for planned in failure.faults] == ["404", "404"]
    assert len(result.executions) < result.generated == 16


@dataclass(frozen=True)
class Shares:
    """Has a function that tries again after a timeout: for its first call, and as a fallback."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        fetched = yield from self._fetch()
        page = yield SimulatedCall("page", line=2)
        if page.outcome.exception == "ConnectionError":
            fetched_again = yield from self._fetch()
            if not (fetched or fetched_again):
                return Answer(500)
        return Answer(200)

    @staticmethod
    def _fetch() -> Part:
        for _ in range(2):
            fetched = yield SimulatedCall("data", line=1)
            if fetched.outcome.exception != "Timeout":
                return not fetched.outcome.failed
        return False


def test_shared_function_loses_nothing() -> None:
    """It is called for two reasons."""
    services: dict[str, Service] = {"front": Shares(), "data": Orderly(), "page": Orderly()}
    model = FaultModel(("ConnectionError", "Timeout"), default_statuses=())

    def explore_as(reduction: ReductionName) -> Result:
        return explored(
            Simulation(services, FunctionalTest(("front",), on("500"))), model, reduction
        )

    none, equivalence = explore_as("none"), explore_as("equivalence")
    assert sequences(none) == sequences(equivalence)
    assert bugs(none) == bugs(equivalence)
    assert all_sets(none) == all_sets(equivalence)
    assert len(equivalence.executions) < len(none.executions)


def test_classes_name_faults_and_representative() -> None:
    """Statuses lead to the next attempt, exceptions do not; a fallback follows either."""
    step = Step("b", attempts=2, fallback="c", gives_up=503)
    services: dict[str, Service] = {"a": Orderly(((step,),)), "b": Orderly(), "c": Orderly()}
    result = explored(Simulation(services, FunctionalTest(("a",), never)), FOUR_WAYS)
    described = [
        (
            each.call.target,
            each.call.index.pairs[-1][1],
            [str(way.outcome) for way in each.faults],
            str(each.representative.outcome),
            len(each.context),
        )
        for each in result.classes
    ]
    ways = ["ConnectionError", "Timeout", "500", "503"]
    assert described == [
        ("b", 1, ways, "ConnectionError", 0),
        ("b", 2, ways, "ConnectionError", 1),
        ("c", 1, ways, "ConnectionError", 2),
    ]


def test_texts_of_classes_differ() -> None:
    step = Step("b", attempts=2, fallback="c", gives_up=503)
    services: dict[str, Service] = {"a": Orderly(((step,),)), "b": Orderly(), "c": Orderly()}
    result = explored(Simulation(services, FunctionalTest(("a",), never)), FOUR_WAYS)
    assert list(class_lines(result.classes))[::2] == [
        "a -> b  GET http://b/",
        "a -> b  GET http://b/ (call number 2), after b ConnectionError",
        "a -> c  GET http://c/, after b ConnectionError; b ConnectionError",
    ]


def test_varying_answers_are_not_equal() -> None:
    services: dict[str, Service] = {
        "a": Orderly(((Step("b"),), (Step("c"),)), body="volatile"),
        "b": Orderly(),
        "c": Orderly(),
    }
    result = explored(Simulation(services, FunctionalTest(("a",), never)), FOUR_WAYS)
    assert [len(each.faults) for each in result.classes] == [1] * len(result.classes)
    assert len(result.executions) == 25


@dataclass
class Reached:
    """What an exploration of a shape has reached."""

    result: Result
    answers: set[tuple[int, bytes]]
    lines: set[int]


def reached(shape: str, reduction: ReductionName) -> Reached:
    """Explore a shape with a test that wants a 200, and note which lines of it are run."""
    answers = set()

    def test() -> None:
        answer = requests.get(shapes.REQUESTS[shape], timeout=30)
        answers.add((answer.status_code, answer.content))
        assert answer.status_code == 200

    services = shapes.gateway(4) if shape == "gateway" else getattr(shapes, shape)()
    measured = coverage.Coverage(include=[shapes.__file__], data_file=None)
    with measured.collect():
        result = explore(test, services, shapes.FAULTS[shape], reduction=reduction)
    lines = measured.get_data().lines(str(Path(shapes.__file__).resolve())) or []
    assert lines
    return Reached(result, answers, set(lines))


@pytest.mark.slow
@pytest.mark.parametrize("shape", sample(shapes.REQUESTS))
def test_shapes_lose_nothing(shape: str) -> None:
    """Answers, sequences, lines and bugs are those without reduction."""
    none, equivalence = reached(shape, "none"), reached(shape, "equivalence")
    assert equivalence.answers == none.answers
    assert equivalence.lines == none.lines
    assert sequences(equivalence.result) == sequences(none.result)
    assert bugs(equivalence.result) == bugs(none.result)
    assert all_sets(equivalence.result) == all_sets(none.result)


@pytest.mark.slow
def test_gateway_is_96_of_13569() -> None:
    """From the last of eight dependencies to the first, each with four ways to fail.

    A set ends at a required one, or goes on; goes on whether an optional one fails or not; and the
    fallback of a replaced one fails in four ways, too: one set, four, and four times four.
    """
    sets, growth = 1, []
    for kind in reversed(list(shapes.DEPENDENCIES.values())):
        sets = {
            shapes.REQUIRED: sets + 4,
            shapes.OPTIONAL: sets * 5,
            shapes.REPLACED: sets * (1 + 4 + 16),
        }[kind]
        growth.append(sets)
    assert growth == [21, 25, 125, 129, 2709, 2713, 13565, 13569]
    result = explore(
        lambda: requests.get(shapes.REQUESTS["gateway"], timeout=30),
        shapes.gateway(),
        shapes.FAULTS["gateway"],
    )
    assert result.ok
    assert result.generated == 13569
    assert len(result.executions) == 96
    assert len(result.pruned) == 13569 - 96


@pytest.mark.slow
@pytest.mark.parametrize("reduction", sample(["none", "exact"]))
def test_small_gateway_is_run_whole(reduction: ReductionName) -> None:
    """Without equivalence."""
    result = explore(
        lambda: requests.get(shapes.REQUESTS["gateway"], timeout=30),
        shapes.gateway(4),
        shapes.FAULTS["gateway"],
        reduction=reduction,
    )
    assert len(result.executions) == result.generated == 129


# --- every way, once ------------------------------------------------------------------------------


def proxied() -> dict[str, Flask]:
    """A front that reads the body of a 503, which is JSON only if it is the service's own."""
    front, mid, back = Flask("front"), Flask("mid"), Flask("back")

    @front.get("/")
    def index() -> ResponseReturnValue:
        try:
            answer = requests.get("http://mid:5001/", timeout=5)
        except requests.RequestException:
            return {"error": "down"}, 502
        if answer.status_code == 503:
            return {"error": answer.json()["error"]}, 503
        return {"ok": answer.ok}

    @mid.get("/")
    def show() -> ResponseReturnValue:
        try:
            requests.get("http://back:5002/", timeout=1).raise_for_status()
        except requests.RequestException:
            return {"error": "no back"}, 503
        return {"ok": True}

    @back.get("/")
    def data() -> str:
        return "data"

    return {"http://front:5000": front, "http://mid:5001": mid, "http://back:5002": back}


@pytest.mark.parametrize("options", [{}, {"reduction": "none"}, {"audit": 20}], ids=str)
def test_seen_status_is_still_injected(options: dict[str, Any]) -> None:
    result = explore(
        lambda: requests.get("http://front:5000/", timeout=30), proxied(), FOUR_WAYS, **options
    )
    assert not result.inconclusive
    (crash,) = (each for each in result.findings if each.kind == UNCAUGHT)
    assert [str(planned.fault.outcome) for planned in crash.faults] == ["503"]
    singles = {each.faults for each in result.executions if len(each.faults) == 1}
    assert len(singles) == 2 * 4


@pytest.mark.slow
def test_more_sets_than_len_allows() -> None:
    services: dict[str, Service] = {
        "front": Orderly(((Step("back", attempts=80),),)),
        "back": Orderly(),
    }
    simulation = Simulation(services, FunctionalTest(("front",), never))
    explorer = Explorer(FOUR_WAYS, max_executions=150)
    while (faults := explorer.next()) is not None:
        explorer.learn(faults, simulation.run(faults))
    result = explorer.result()
    assert result.pruned_count == explorer.pruned_count > 2**63
    assert result.generated == result.pruned_count + 150
    assert counts_line(result).startswith(f"150 executions, {result.pruned_count} pruned")
    assert result.pruned
    assert result_data(result, {})["pruned"] == result.pruned_count
