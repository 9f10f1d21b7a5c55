"""What holds for the search on any application: tried on random simulated ones."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.execution import PROBE
from flask_filibuster.results.result import Result
from tests.support.applications import (
    BODIES,
    Application,
    all_sets,
    applications,
    everything,
    executed,
    explored,
    in_order,
    models,
    never,
    on,
    pruned_sets,
    refused,
    tried,
)
from tests.support.simulation import (
    PASSED,
    Answer,
    FirstError,
    FunctionalTest,
    Orderly,
    Part,
    Seen,
    Service,
    SimulatedCall,
    Simulation,
    Step,
    Whimsical,
    WhimsicalJudge,
)


def check_is_sound(result: Result) -> None:
    """What holds for the result of exploring any application that is deterministic."""
    assert not result.inconclusive
    assert not result.ambiguities
    sets = all_sets(result)
    assert max(Counter(sets).values()) == 1, "a set was generated twice"
    assert result.generated == len(sets)
    searched = [each.faults for each in result.executions if each.purpose != PROBE]
    for ordered in searched, pruned_sets(result):
        sizes = [len(faults) for faults in ordered]
        assert sizes == sorted(sizes)
    for execution in result.executions:
        injected = {(call.index, call.fault) for call in execution.trace.invocations if call.fault}
        assert injected == {(planned.index, planned.fault) for planned in execution.faults}


def check_nothing_is_lost(
    application: Application, model: FaultModel, max_faults: int | None = None
) -> tuple[Result, Result]:
    """Explore without and with reduction, and compare what was seen."""
    full, reduced = Simulation(*application), Simulation(*application)
    none = everything(full, model, max_faults)
    exact = explored(reduced, model, max_faults=max_faults)
    for result in none, exact:
        check_is_sound(result)
    assert not none.pruned
    assert set(all_sets(none)) == set(all_sets(exact))
    assert none.cut_by_size == exact.cut_by_size
    assert full.steps == reduced.steps
    assert full.ends == reduced.ends
    assert none.ok == exact.ok
    for pruned in exact.pruned:
        assert pruned.answer == full.verdict(pruned.faults)
    return none, exact


@pytest.mark.slow
@tried(60)
@given(applications(), models, st.sampled_from([None, 2, 3]))
def test_exact_reduction_loses_nothing(
    application: Application, model: FaultModel, max_faults: int | None
) -> None:
    none, exact = check_nothing_is_lost(application, model, max_faults)
    event(f"{len(none.executions) // 20 * 20} or more fault sets")
    event(f"{len(exact.pruned) * 4 // none.generated * 25} % or more left out")


@pytest.mark.slow
@tried(20)
@given(applications(most=3, width=2), models, st.integers())
def test_parallel_calls_keep_the_order(
    application: Application, model: FaultModel, seed: int
) -> None:
    """Whichever ends first."""
    for reduction in "none", "exact":
        first, second = Simulation(*application), Simulation(*application, random.Random(seed))
        expected = explored(first, model, reduction, max_executions=40)
        result = explored(second, model, reduction, max_executions=40)
        check_is_sound(result)
        assert in_order(result) == in_order(expected)
        assert second.steps == first.steps


@pytest.mark.slow
@tried(20)
@given(applications(most=4), models, st.sampled_from(["none", "exact"]))
def test_explorations_are_repeatable(
    application: Application, model: FaultModel, reduction: str
) -> None:
    first = explored(Simulation(*application), model, reduction, max_executions=60)
    second = explored(Simulation(*application), model, reduction, max_executions=60)
    assert in_order(first) == in_order(second)
    assert [each.verdict for each in first.executions] == [
        each.verdict for each in second.executions
    ]
    assert first.failures == second.failures or [
        (failure.faults, str(failure.error), len(failure.executions)) for failure in first.failures
    ] == [
        (failure.faults, str(failure.error), len(failure.executions)) for failure in second.failures
    ]


def counted(simulation: Simulation, faults: FaultSet) -> int:
    """How many faults a set has for ``max_faults``: without those that it takes to reach another.

    A fault is one of these if a call that fails after it is made from then on, and was not before:
    the faults are added one after the other, and each time the application is run.
    """
    made_since: dict[str, PlannedFault | None] = {}
    added: PlannedFault | None = None
    before = FaultSet()
    for planned in (*faults, None):
        for call in simulation.run(before).trace.invocations:
            made_since.setdefault(call.index, added)
        if planned is not None:
            added, before = planned, before.plus(planned)
    reaching = {made_since[planned.index] for planned in faults} - {None}
    return len(faults) - len(reaching)


@pytest.mark.slow
@tried(40)
@given(applications(most=4), models, st.sampled_from(["none", "exact"]), st.integers(1, 3))
def test_max_faults_bounds_nothing_else(
    application: Application, model: FaultModel, reduction: str, most: int
) -> None:
    """Only faults that no other one needs count."""
    unbounded = everything(Simulation(*application), model)
    bounded = explored(Simulation(*application), model, reduction, max_faults=most)
    check_is_sound(bounded)
    simulation = Simulation(*application)
    count = {faults: counted(simulation, faults) for faults in executed(unbounded)}
    allowed = [faults for faults in count if count[faults] <= most]
    assert set(all_sets(bounded)) == set(allowed)
    for sets in executed(bounded), pruned_sets(bounded):
        assert sets == [faults for faults in allowed if faults in set(sets)]
    cut = [each for each in count if count[each] > most >= count[each.without(each.last)]]
    assert bounded.cut_by_size == len(cut)
    assert bounded.remaining == unbounded.cut_by_size == 0
    event(f"at most {max(len(faults) - most for faults in allowed)} faults beyond the bound")
    event(f"{len(cut) // 10 * 10} or more sets cut")


@pytest.mark.parametrize("reduction", ["none", "exact"])
def test_unmade_calls_are_not_planned(reduction: str) -> None:
    """Two faults together lead to a call: the bug behind it is not tried with one of them."""
    services: dict[str, Service] = {
        "s0": Whimsical(seed=0, knows=("s1", "s2")),
        "s1": Orderly(((Step("s2", passes_on=True),),), tells=False, reads=False),
        "s2": Orderly(observed=False),
    }
    test = FunctionalTest(("s0",), WhimsicalJudge(0), asks=("s1",))
    result = explored(Simulation(services, test), refused(404), reduction, max_faults=2)
    check_is_sound(result)


@pytest.mark.parametrize("reduction", ["none", "exact", "equivalence"])
def test_failure_of_a_fallback_counts_once(reduction: str) -> None:
    """In place of the store there is a mirror, which has a tape in place of its disk."""
    services: dict[str, Service] = {
        "page": Orderly(((Step("store", fallback="mirror"),), (Step("ads"),))),
        "store": Orderly(),
        "mirror": Orderly(((Step("disk", fallback="tape"),),)),
        "disk": Orderly(),
        "tape": Orderly(),
        "ads": Orderly(),
    }

    def sets(max_faults: int | None) -> list[str]:
        simulation = Simulation(services, FunctionalTest(("page",), never))
        result = explored(simulation, refused(), reduction, max_faults=max_faults)
        named = [" ".join(planned.service for planned in faults) for faults in all_sets(result)]
        assert result.cut_by_size == {1: 4, 2: 0, None: 0}[max_faults]
        return sorted(named)

    one = ["", "ads", "store", "store disk", "store mirror", "store disk tape"]
    two = ["store ads", "store disk ads", "store mirror ads", "store disk tape ads"]
    assert sets(1) == sorted(one)
    assert sets(2) == sets(None) == sorted([*one, *two])


def test_cut_sets_are_counted() -> None:
    """Each of two calls is refused or answers 503, whatever the other one does."""
    services: dict[str, Service] = {
        "a": Orderly(((Step("b"),), (Step("c"),))),
        "b": Orderly(),
        "c": Orderly(),
    }
    simulation = Simulation(services, FunctionalTest(("a",), never))
    result = explored(simulation, refused(503), max_faults=1)
    assert (result.generated, result.cut_by_size, result.remaining) == (5, 4, 0)


@pytest.mark.slow
@tried(20)
@given(applications(most=4), models, st.sampled_from(["none", "exact"]), st.integers(1, 40))
def test_max_executions_only_ends_early(
    application: Application, model: FaultModel, reduction: str, most: int
) -> None:
    everything(Simulation(*application), model)
    unbounded = explored(Simulation(*application), model, reduction)
    bounded = explored(Simulation(*application), model, reduction, max_executions=most)
    for full, part in zip(in_order(unbounded), in_order(bounded), strict=True):
        assert part == full[: len(part)]
    assert len(bounded.executions) == min(most, len(unbounded.executions))
    if most < len(unbounded.executions):
        assert bounded.remaining > 0
    if bounded.remaining == 0:
        assert in_order(bounded) == in_order(unbounded)


@dataclass(frozen=True)
class NeedsOneOfTwo:
    """Asks two services, and makes do with what one of them tells, but not with neither."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        left = yield SimulatedCall("left")
        right = yield SimulatedCall("right")
        return Answer(500 if left.meaning and right.meaning else 200)


@pytest.mark.parametrize("body", BODIES)
def test_two_degraded_answers_are_found(body: str) -> None:
    """Each of them is a 200, and alone leads to nothing but the usual."""
    services: dict[str, Service] = {
        "front": NeedsOneOfTwo(),
        "left": Orderly(((Step("x"),),), body=body),
        "right": Orderly(((Step("y"),),), body=body),
        "x": Orderly(),
        "y": Orderly(),
    }
    test = FunctionalTest(("front",), on("500"))
    _, exact = check_nothing_is_lost((services, test), refused())
    (failure,) = exact.failures
    assert [planned.service for planned in failure.faults] == ["x", "y"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # Having seen left, right and both fail, front sees nothing new when x or y does.
        ("plain", 3),
        # Nobody can say whether these answers tell something.
        ("volatile", 0),
        ("streamed", 0),
    ],
)
def test_only_comparable_answers_are_equal(body: str, expected: int) -> None:
    services: dict[str, Service] = {
        "front": NeedsOneOfTwo(),
        "left": Orderly(((Step("x"),),), tells=False, body=body),
        "right": Orderly(((Step("y"),),), tells=False, body=body),
        "x": Orderly(),
        "y": Orderly(),
    }
    application = services, FunctionalTest(("front",), never)
    none, exact = check_nothing_is_lost(application, refused())
    assert none.generated == 9
    assert len(exact.pruned) == expected


@dataclass(frozen=True)
class Fixed:
    """Answers, and does nothing else."""

    answer: Answer
    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        yield from ()
        return self.answer


@dataclass(frozen=True)
class ReadsAnything:
    """Asks for data, and crashes on a success that has none."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        data = yield SimulatedCall("data")
        log = yield SimulatedCall("log")
        if not data.outcome.failed and not data.meaning:
            return Answer(500, crashed=True)
        return Answer(503 if log.outcome.failed else 200)


@pytest.mark.parametrize("observed", [True, False], ids=["observed", "not observed"])
@pytest.mark.parametrize("body", BODIES)
def test_injected_success_is_no_real_one(body: str, observed: bool) -> None:
    services: dict[str, Service] = {
        "front": ReadsAnything(),
        "data": Fixed(Answer(200, "data"), body, observed),
        "log": Orderly(),
    }
    application = services, FunctionalTest(("front",), on("500"))
    _, exact = check_nothing_is_lost(application, refused(200))
    (failure,) = exact.failures
    assert [str(planned.fault) for planned in failure.faults] == ["answers 200 OK"]


@dataclass(frozen=True)
class Pays:
    """Has the bank pay, and answers 500 in place of 503 for an error when no price was sent."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        paid = yield SimulatedCall("bank")
        if not paid.outcome.failed:
            return Answer(200)
        return Answer(500 if content and paid.outcome.status is not None else 503)


def test_request_contents_change_the_handler() -> None:
    """The order goes on without a price; what pay does then, if the bank fails, is another thing.

    By the time that this is judged, each of the steps has been seen: the bank failing (with a
    price), pay answering 503 (without one).
    """
    services: dict[str, Service] = {
        "shop": Orderly(
            ((Step("price"),), (Step("pay", posts=True, passes_on=True, gives_up=503),)),
            tells=False,
        ),
        "price": Orderly(),
        "pay": Pays(),
        "bank": Orderly(),
    }
    model = FaultModel(
        ("ConnectionError",), statuses={"pay": (503,), "bank": (500,)}, default_statuses=()
    )
    application = services, FunctionalTest(("shop",), on("500"))
    _, exact = check_nothing_is_lost(application, model)
    (failure,) = exact.failures
    assert [planned.service for planned in failure.faults] == ["price", "bank"]


@pytest.mark.parametrize(
    ("patience", "expected"),
    [
        pytest.param((1.0, 1.0), ["", "c", "b", "b c"], id="always a timeout"),
        pytest.param((None, 1.0), ["", "b", "b c"], id="a timeout once b has failed"),
        pytest.param((1.0, None), ["", "c", "b"], id="a timeout unless b has failed"),
        pytest.param((None, None), ["", "b"], id="never a timeout"),
    ],
)
def test_timeouts_need_a_timeout(
    patience: tuple[float | None, float | None], expected: list[str]
) -> None:
    """In each state anew."""
    services: dict[str, Service] = {
        "a": Orderly(((Step("b"),), (Step("c", patience=patience),))),
        "b": Orderly(),
        "c": Orderly(),
    }
    model = FaultModel(("Timeout",), default_statuses=())
    none, _ = check_nothing_is_lost((services, FunctionalTest(("a",), never)), model)
    sets = [" ".join(planned.service for planned in faults) for faults in all_sets(none)]
    assert sets == expected


@pytest.mark.parametrize(
    ("asks", "failures"), [(("stars", "stock"), 1), (("stock", "stars"), 0)], ids=str
)
def test_asking_test_judges_differently(asks: tuple[str, ...], failures: int) -> None:
    """Without stars the page is as ever, without stock it is a 503, without both, too.

    The test that asks about stars first, and then expects a 200, did not think of that.
    """

    def judge(seen: Seen) -> str:
        (answer, _), *told = seen
        expected = {("stars", "True"): "200", ("stock", "True"): "503"}.get(told[-1], "200")
        return PASSED if answer == expected else FirstError.__name__

    services: dict[str, Service] = {
        "page": Orderly(((Step("reviews"),), (Step("stock", gives_up=503),))),
        "reviews": Orderly(((Step("stars"),),), tells=False),
        "stars": Orderly(),
        "stock": Orderly(),
    }
    application = services, FunctionalTest(("page",), judge, asks=asks)
    none, exact = check_nothing_is_lost(application, refused())
    assert len(none.failures) == len(exact.failures) == failures
    assert none.generated == len(exact.executions) == 6


def test_may_want_faults_to_show() -> None:
    services: dict[str, Service] = {"page": Orderly(((Step("ads"),),), False), "ads": Orderly()}

    def judge(seen: Seen) -> str:
        return FirstError.__name__ if seen[-1] == ("None", "True") else PASSED

    application = services, FunctionalTest(("page",), judge, asks=(None,))
    _, exact = check_nothing_is_lost(application, refused())
    assert [execution.verdict for execution in exact.executions] == ["passed", "failed"]


@pytest.mark.parametrize("asks", [(), ("movies",)], ids=["asks nothing", "asks"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_services_do_not_know_the_faults(method: str, asks: tuple[str, ...]) -> None:
    """Though the test asks for them."""
    services: dict[str, Service] = {
        "users": Orderly(((Step("bookings", gives_up=503),),)),
        "bookings": Orderly(((Step("movies", gives_up=503),),)),
        "movies": Orderly(),
    }
    application = services, FunctionalTest(("users",), never, asks=asks, method=method)
    _, exact = check_nothing_is_lost(application, refused(503))
    assert [[str(planned.fault) for planned in faults] for faults in pruned_sets(exact)] == [
        ["answers 503 Service Unavailable"]
    ]


def test_lost_answers_have_calls_below() -> None:
    """Also where the lost answer itself is nothing new: here after p 503, as answered without q."""
    services: dict[str, Service] = {
        "a": Orderly(((Step("p"),), (Step("b"),))),
        "p": Orderly(((Step("q", gives_up=503),),)),
        "q": Orderly(),
        "b": Orderly(((Step("c"),),)),
        "c": Orderly(),
    }
    application = services, FunctionalTest(("a",), never)
    _, exact = check_nothing_is_lost(application, refused(503, lost=("ConnectionError",)))
    known = [
        [f"{each.service} {each.fault.outcome}" for each in faults] for faults in pruned_sets(exact)
    ]
    assert ["p 503", "b ConnectionError lost"] in known
    assert ["p 503", "b ConnectionError lost", "c ConnectionError"] in known


def test_calls_of_silent_services_fail() -> None:
    """What it answers then is not known before, so all of them are run."""
    services: dict[str, Service] = {
        "page": Orderly(((Step("reviews"),), (Step("stock"),))),
        "reviews": Orderly(((Step("stars"),),), observed=False),
        "stars": Orderly(),
        "stock": Orderly(),
    }
    application = services, FunctionalTest(("page",), never)
    _, exact = check_nothing_is_lost(application, refused())
    assert [[planned.service for planned in faults] for faults in executed(exact)] == [
        [],
        ["stock"],
        ["stars"],
        ["reviews"],
        ["stars", "stock"],
        ["reviews", "stock"],
    ]


def test_requests_of_the_test_never_fail() -> None:
    """Not even where they are known from a prediction."""
    services: dict[str, Service] = {
        "a": Orderly(((Step("b", gives_up=503),),)),
        "b": Orderly(((Step("c", gives_up=503),),)),
        "c": Orderly(),
    }
    application = services, FunctionalTest(("a", "a"), never)
    _, exact = check_nothing_is_lost(application, refused(503))
    assert exact.pruned
    assert {planned.call.source for faults in all_sets(exact) for planned in faults} == {"a", "b"}


def test_varying_bodies_allow_pruning() -> None:
    """The page is made of the date, which is another one each time, and the chain of the counts."""
    services: dict[str, Service] = {
        "page": Orderly(((Step("date"),), (Step("bookings", gives_up=503),))),
        "date": Orderly(body="volatile"),
        "bookings": Orderly(((Step("movies", gives_up=503),),)),
        "movies": Orderly(),
    }
    application = services, FunctionalTest(("page",), never)
    model = FaultModel(statuses={"bookings": (500, 503), "movies": (404,)}, default_statuses=())
    _, exact = check_nothing_is_lost(application, model)
    assert ["bookings"] in [[planned.service for planned in each] for each in pruned_sets(exact)]
