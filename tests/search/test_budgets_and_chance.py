"""Limits of an exploration, and applications that are not the same each time."""

from __future__ import annotations

import itertools
import threading
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.errors import ConfigError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.options import SENT, Options
from flask_filibuster.report.text import counts_line
from flask_filibuster.results.bug import signature
from flask_filibuster.results.execution import REPEAT, SEARCH, SHRINK, Execution, Observation
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support import shapes
from tests.support.applications import never, on
from tests.support.cases import sample
from tests.support.driving import run_all
from tests.support.simulation import (
    Answer,
    FunctionalTest,
    Orderly,
    Part,
    Service,
    SimulatedCall,
    Simulation,
    Step,
)

FOUR_WAYS = FaultModel(("ConnectionError", "Timeout"), default_statuses=(500, 503))
REFUSED = FaultModel(("ConnectionError",), default_statuses=())


def page(*parts: Step) -> Simulation:
    """A page that asks for its parts one after the other."""
    services: dict[str, Service] = {"page": Orderly(tuple((part,) for part in parts))}
    for part in parts:
        services[part.to] = Orderly()
        if part.fallback is not None:
            services[part.fallback] = Orderly()
    return Simulation(services, FunctionalTest(("page",), never))


# --- limits ---------------------------------------------------------------------------------------


def timed(simulation: Simulation, most: float) -> Result:
    """Explore for so many seconds, each execution taking one."""
    now = itertools.count()
    time = [0.0]

    def run(faults: FaultSet) -> Observation:
        time[0] = next(now) + 1.0
        return simulation.run(faults)

    explorer = Explorer(REFUSED, max_seconds=most, clock=lambda: time[0])
    return run_all(explorer, run)


def test_max_seconds_counts_what_is_left() -> None:
    parts = [Step(name) for name in ("a", "b", "c")]
    result = timed(page(*parts), 3.0)
    assert [len(each.faults) for each in result.executions] == [0, 1, 1]
    assert (result.limit, result.remaining) == ("max_seconds", 2)
    assert counts_line(result) == "3 executions, at least 2 not run (max_seconds)"
    assert timed(page(*parts), 100.0).remaining == 0


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), "1", True])
def test_max_seconds_is_over_zero(value: object) -> None:
    with pytest.raises(ConfigError, match="max_seconds"):
        explore(lambda: None, max_seconds=value)  # type: ignore[arg-type]


def test_no_time_is_one_execution() -> None:
    result = timed(page(Step("a")), 1e-9)
    assert [len(each.faults) for each in result.executions] == [0]
    assert (result.limit, result.remaining) == ("max_seconds", 1)


@pytest.mark.slow
def test_max_seconds_limits_real_time() -> None:
    result = explore(
        lambda: requests.get("http://gateway:5000/", timeout=30),
        shapes.gateway(),
        shapes.FAULTS["gateway"],
        reduction="none",
        max_seconds=0.2,
    )
    assert len(result.executions) < 1000
    assert result.remaining > 0
    assert result.limit == "max_seconds"


@pytest.mark.slow
def test_single_faults_come_first() -> None:
    result = explore(
        lambda: requests.get("http://gateway:5000/", timeout=30),
        shapes.gateway(),
        shapes.FAULTS["gateway"],
        max_executions=33,
    )
    assert [len(each.faults) for each in result.executions] == [0] + [1] * 32
    assert counts_line(result).endswith(" not run (max_executions)")


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["exact", "equivalence"])
@pytest.mark.parametrize("name", sample(["default_data", "fallback", "chain_with_retry"]))
def test_exact_limit_leaves_nothing_undone(name: str, reduction: ReductionName) -> None:
    def found(most: int | None) -> Result:
        return explore(
            lambda: requests.get(shapes.REQUESTS[name], timeout=30),
            getattr(shapes, name)(),
            shapes.FAULTS[name],
            reduction=reduction,
            max_executions=most,
            audit=0,  # A pruned set that an audit is still to run would count as both.
        )

    whole = found(None)
    enough, short = found(len(whole.executions)), found(len(whole.executions) - 1)
    assert counts_line(enough) == counts_line(whole)
    assert enough.remaining == 0
    assert short.remaining > 0
    assert len(short.executions) + short.remaining + short.pruned_count <= whole.generated


def test_undone_audit_invents_no_sets() -> None:
    explorer = Explorer(REFUSED, audit=20, max_executions=4)
    result = run_all(explorer, page(Step("a"), Step("b")).run)
    assert (len(result.executions), result.remaining, result.pruned_count) == (4, 0, 0)


@pytest.mark.parametrize(
    ("options", "aim"),
    [({"exhaustive": True}, "all"), ({"audit": 5}, "a sample of 5")],
    ids=["exhaustive", "audit"],
)
def test_unchecked_sets_are_counted_once(options: dict[str, Any], aim: str) -> None:
    """What max_executions keeps from being checked, a note says."""

    def found(most: int | None) -> Result:
        explorer = Explorer(FOUR_WAYS, max_executions=most, **options)
        return run_all(explorer, page(Step("a"), Step("b")).run)

    whole = found(None)
    assert (whole.notes, whole.remaining) == ((), 0)
    searched = sum(each.purpose == SEARCH for each in whole.executions)
    cut = found(searched + 2)
    assert cut.notes == (f"max_executions was reached before running {aim} pruned fault sets",)
    assert cut.remaining == 0
    assert cut.generated == len(cut.executions) + cut.pruned_count == whole.generated == 25


def test_looking_ahead_respects_the_limit() -> None:
    simulation = page(Step("a"), Step("b"), Step("c"))
    explorer = Explorer(REFUSED, max_executions=3)
    for ahead in (1, 2, 1):
        faults = explorer.next()
        assert faults is not None
        assert len(list(explorer.upcoming())) == ahead
        explorer.learn(faults, simulation.run(faults))


@pytest.mark.parametrize("reduction", ["none", "exact", "equivalence"])
def test_failure_of_a_fallback_counts_once(reduction: ReductionName) -> None:
    """What lets it be called does not count; what fails beside it does."""
    simulation = page(Step("a", fallback="b"), Step("c"))
    explorer = Explorer(REFUSED, reduction=reduction, max_faults=1)
    result = run_all(explorer, simulation.run)
    names = [[planned.service for planned in each.faults] for each in result.executions]
    assert names == [[], ["c"], ["a"], ["a", "b"]]
    assert result.cut_by_size == 2  # a and c; a, b and c


def test_fallback_chain_counts_as_one_fault() -> None:
    """With max_faults=1 it is followed to its end."""
    step = Step("a", attempts=3, fallback="b")
    result = run_all(Explorer(REFUSED, max_faults=1), page(step).run)
    assert [len(each.faults) for each in result.executions] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_lost_answer_is_within_the_limit(
    method: str,
) -> None:
    """The page is asked last, in a state of the test in which its call never ended by itself."""
    services: dict[str, Service] = {
        "page": Orderly(((Step("leaf", fallback="other"),),)),
        "leaf": Orderly(observed=False),
        "other": Orderly(),
    }
    test = FunctionalTest(("other", "page"), never, asks=(None,), method=method)
    model = FaultModel(("ConnectionError",), default_statuses=(), lost_answers=("ReadTimeout",))
    for reduction in "none", "exact", "equivalence":
        explorer = Explorer(model, reduction=reduction, max_faults=1)
        result = run_all(explorer, Simulation(services, test).run)
        assert result.cut_by_size == 0
        assert result.generated == 7


def test_unset_options_come_from_the_server() -> None:
    coordinator = Coordinator(Options(exhaustive=True, audit=3))
    assert all(value is None for value in (Options().exhaustive, Options().audit))
    given = {name: getattr(Options(), name) for name in SENT}
    name = coordinator.begin({"name": "a test", **given})
    search: Any = coordinator.exploration(name).exploration.search
    kinds = {type(phase).__name__ for phase in search._phases}
    assert {"Everything", "Audit"} <= kinds


# --- distinct bugs --------------------------------------------------------------------------------


def test_order_does_not_change_smallest_sets() -> None:
    simulation = page(Step("a", gives_up=500), Step("b"))
    explorer = Explorer(REFUSED)
    result = run_all(explorer, Simulation(simulation.services, _wanting_200()).run)
    (failure,) = result.failures
    assert [planned.service for planned in failure.faults] == ["a"]
    larger = Execution(9, failure.faults, result.executions[0].trace, "failed", failure.error)
    assert Result((larger, *result.executions)).failures[0].faults == failure.faults


def _wanting_200() -> FunctionalTest:
    return FunctionalTest(("page",), on("500", "503"))


def telling() -> dict[str, Flask]:
    """A front whose answer tells how the one call that it makes has failed."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def index() -> tuple[str, int]:
        try:
            return "", requests.get("http://back:5001/", timeout=1).status_code
        except requests.Timeout:
            return "", 504
        except requests.ConnectionError:
            return "", 502

    @back.get("/")
    def show() -> str:
        return "shown"

    return {"http://front:5000": front, "http://back:5001": back}


def wants(condition: bool) -> None:
    assert condition


class Case(unittest.TestCase):
    def check(self, answer: requests.Response) -> None:
        self.assertNotEqual(answer.status_code, 504)  # noqa: PT009 - as people write it
        self.assertNotEqual(answer.status_code, 502)  # noqa: PT009


def of_a_library(answer: requests.Response) -> None:
    if answer.status_code == 504:
        answer.raise_for_status()
    answer.raise_for_status()


def of_a_helper(answer: requests.Response) -> None:
    wants(answer.status_code != 504)
    wants(answer.status_code != 502)


def of_pytest(answer: requests.Response) -> None:
    if answer.status_code == 504:
        pytest.fail("no answer")
    if answer.status_code == 502:
        pytest.fail("no answer")


def of_a_loop(answer: requests.Response) -> None:
    for status in 504, 502:
        assert answer.status_code != status


@pytest.mark.parametrize(
    ("check", "bugs"),
    [
        pytest.param(of_a_library, 2, id="raise_for_status"),
        pytest.param(of_a_helper, 2, id="a helper of the test's own"),
        pytest.param(of_pytest, 2, id="pytest.fail"),
        pytest.param(Case().check, 2, id="methods of unittest"),
        pytest.param(of_a_loop, 1, id="one line in a loop"),
    ],
)
def test_lines_of_the_test_separate_bugs(
    check: Callable[[requests.Response], None], bugs: int
) -> None:
    model = FaultModel(("ConnectionError", "Timeout"), default_statuses=())
    result = explore(lambda: check(requests.get("http://front:5000/", timeout=1)), telling(), model)
    assert len(result.failures) == bugs
    # An exploration that is read back, or comes from another process, is told the same.
    assert len({signature(failure.error) for failure in result.failures}) == bugs
    again = explore(
        lambda: check(requests.get("http://front:5000/", timeout=1)),
        telling(),
        model,
        workers=2,
        executor=ThreadPoolExecutor(2),
    )
    assert [each.faults for each in again.failures] == [each.faults for each in result.failures]


def test_inconclusive_shrinking_is_no_gap() -> None:
    lost = Execution(1, FaultSet(), Trace(), "inconclusive", purpose=SHRINK)
    assert Result((lost,)).ok


@dataclass(frozen=True)
class ReachedTwice:
    """Asks b if c or a has failed; what is wrong is that a's 503 and b's failure are too much."""

    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        c = yield SimulatedCall("c", line=1)
        a = yield SimulatedCall("a", line=2)
        if c.outcome.failed or a.outcome.failed:
            b = yield SimulatedCall("b", line=3)
            if b.outcome.failed and a.outcome.status == 503:
                return Answer(500)
        return Answer(200)


def test_unneeded_fault_is_left_out() -> None:
    """It reaches a call that another fault reaches, too."""
    services: dict[str, Service] = {
        "front": ReachedTwice(),
        **{name: Orderly() for name in ("a", "b", "c")},
    }
    test = FunctionalTest(("front",), on("500"))
    model = FaultModel(("ConnectionError",), default_statuses=(500, 503))
    found = [
        run_all(Explorer(model, audit=4, seed=seed), Simulation(services, test).run)
        for seed in range(10)
    ]
    assert any(result.failures for result in found)
    for failure in (failure for result in found for failure in result.failures):
        assert [planned.service for planned in failure.faults] == ["a", "b"]


# --- chance ---------------------------------------------------------------------------------------


@dataclass
class Moody:
    """An app whose calls depend on how often it has been asked."""

    calls: Callable[[int], list[str]]
    times: itertools.count[int] = field(default_factory=itertools.count)

    def services(self) -> dict[str, Flask]:
        front, back = Flask("front"), Flask("back")

        @front.get("/")
        def index() -> str:
            for path in self.calls(next(self.times)):
                try:
                    requests.get(f"http://back:5001/{path}", timeout=1)
                except requests.RequestException:  # noqa: PERF203 - as people write it
                    continue
            return "done"

        @back.get("/<path>")
        def show(path: str) -> str:
            return path

        return {"http://front:5000": front, "http://back:5001": back}


def get_front() -> None:
    assert requests.get("http://front:5000/", timeout=30).status_code == 200


def found(moody: Moody, *, check: bool | None = None, most: int = 1) -> Result:
    return explore(
        get_front, moody.services(), REFUSED, max_executions=most, check_determinism=check
    )


def test_repeated_baseline_counts_once() -> None:
    asked: list[int] = []
    result = found(Moody(lambda time: asked.append(time) or ["a"]), most=2)  # type: ignore[func-returns-value]
    assert [len(each.faults) for each in result.executions] == [0, 1]
    assert asked == [0, 1, 2]
    assert not result.observed
    assert REPEAT not in {each.purpose for each in result.executions}


def test_retried_repetition_is_noted() -> None:
    """The note is about the second fault-free execution."""
    simulation, runs = page(Step("a")), itertools.count(1)

    def run(faults: FaultSet) -> Observation:
        seen = simulation.run(faults)
        return Observation(Trace(), problems=("lost",)) if next(runs) == 2 else seen

    result = run_all(Explorer(REFUSED, check_determinism=True, retries=1), run)
    (note,) = result.notes
    assert note.startswith("the second fault-free execution was inconclusive on the first")


def test_changing_calls_are_reported() -> None:
    result = found(Moody(lambda time: ["a", "b"] if time == 0 else ["a", "c"]), most=2)
    (finding,) = result.observed
    assert finding.kind == "nondeterminism"
    assert finding.service == "front"
    assert "front, GET /, behaved differently in two fault-free executions" in finding.message
    assert "only the first time:  front -> back  GET http://back:5001/b\n" in finding.message
    assert "only the second time: front -> back  GET http://back:5001/c\n" in finding.message
    assert "/a" not in finding.message
    assert "FILIBUSTER_URL_PATTERNS" in finding.message


def test_calls_made_once_hint_at_caches() -> None:
    result = found(Moody(lambda time: ["a", "b"] if time == 0 else ["a"]), most=2)
    (finding,) = result.observed
    assert "only the first time:  front -> back  GET http://back:5001/b\n" in finding.message
    assert "(a cache?)" in finding.message
    assert "FILIBUSTER_URL_PATTERNS" not in finding.message


def test_calls_in_another_order_are_reported() -> None:
    result = found(Moody(lambda time: ["a", "b"] if time == 0 else ["b", "a"]), most=2)
    (finding,) = result.observed
    _, _, order = finding.message.partition("in another order:\n")
    paths = [line.rpartition("/")[2] for line in order.splitlines()[:4]]
    assert paths == ["a", "b", "b", "a"]


def test_threads_may_call_in_any_order() -> None:
    front, back = Flask("front"), Flask("back")
    turns = itertools.count()

    @front.get("/")
    def index() -> str:
        gates = [threading.Event(), threading.Event()]
        first = next(turns) % 2

        def ask(number: int) -> None:
            if number != first:
                gates[first].wait(5)
            try:
                requests.get(f"http://back:5001/{number}", timeout=1)
            finally:
                gates[number].set()

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return "done"

    @back.get("/<path>")
    def show(path: str) -> str:
        return path

    result = explore(
        get_front,
        {"http://front:5000": front, "http://back:5001": back},
        FaultModel((), default_statuses=(500,)),
    )
    assert next(turns) > 2
    assert not result.observed
    assert result.ok


def test_failing_repetition_is_not_explored() -> None:
    outcomes = iter([200, 503])
    front = Flask("front")

    @front.get("/")
    def index() -> tuple[str, int]:
        try:
            requests.get("http://nowhere.invalid/", timeout=1)
        except requests.RequestException:
            return "", next(outcomes)
        return "", 500

    result = explore(get_front, {"http://front:5000": front}, REFUSED)
    assert len(result.executions) == 1
    assert not result.ok
    (problem,) = result.problems
    assert (
        "first fault-free execution, but not the second (AssertionError: assert 503 == 200)"
        in problem
    )


def test_determinism_check_can_be_configured() -> None:
    calls = Moody(lambda time: ["a", "b"] if time == 0 else ["a"])
    services = calls.services()
    services["http://front:5000"].config["FILIBUSTER_CHECK_DETERMINISM"] = False
    result = explore(get_front, services, REFUSED, max_executions=1)
    assert not result.observed
    assert next(calls.times) == 1


def test_varying_services_are_named() -> None:
    front, back, numbers = Flask("front"), Flask("back"), itertools.count()
    back.get("/")(lambda: "back")

    @front.get("/")
    def index() -> str:
        with suppress(requests.ConnectionError):
            requests.get("http://back:5000/", timeout=1)
        return str(next(numbers))

    services = {"http://front:5000": front, "http://back:5000": back}
    result = explore(get_front, services, REFUSED)
    assert any("answer bodies of front vary between executions" in note for note in result.notes)
    assert not result.failures


def test_inconclusive_execution_is_retried() -> None:
    """The third time it is asked, which is the first time that a is to fail, it has a whim."""
    whim = Moody(lambda time: ["b"] if time == 2 else ["a", "b"])
    result = explore(get_front, whim.services(), REFUSED)
    assert result.ok
    assert [len(each.faults) for each in result.executions] == [0, 1, 1, 2]
    (note,) = result.notes
    assert note.startswith("execution 2 was inconclusive on the first")
    assert next(whim.times) == 6


def test_second_inconclusive_attempt_is_reported() -> None:
    whim = Moody(lambda time: ["b"] if time in (3, 4) else ["a", "b"])
    result = explore(get_front, whim.services(), REFUSED)
    assert not result.ok
    (lost,) = result.inconclusive
    assert any("the call was not made" in problem for problem in lost.problems)
    assert [len(each.faults) for each in result.executions] == [0, 1, 1]
