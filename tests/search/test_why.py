"""Why a fault set was executed, or was not: every answer, from memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder, PlannedFault
from flask_filibuster.errors import FaultNameError, FilibusterError
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import AUDIT, Observation
from flask_filibuster.results.result import Result
from flask_filibuster.results.why.explanation import Explanation
from flask_filibuster.search.explorer import Explorer
from tests.support.applications import (
    Application,
    applications,
    in_order,
    models,
    never,
    on,
    tried,
)
from tests.support.cases import cases
from tests.support.driving import run_all
from tests.support.remembering import MODEL as MEMORY
from tests.support.remembering import remembering
from tests.support.simulation import FirstError, FunctionalTest, Orderly, Service, Simulation, Step

MODEL = FaultModel(("ConnectionError", "Timeout"), default_statuses=(503,))


def shop(*, bad: str = "") -> Simulation:
    """Prices twice where that is needed, then reviews, or else the archive."""
    price = Step("pricing", attempts=2, retries_statuses=True, gives_up=503)
    rated = Step("reviews", fallback="archive", gives_up=500)
    services: dict[str, Service] = {
        "front": Orderly(((price,), (rated,))),
        "pricing": Orderly(),
        "reviews": Orderly(),
        "archive": Orderly(),
    }
    return Simulation(services, FunctionalTest(("front",), on(bad) if bad else never))


def explored(reduction: str = "equivalence", *, bad: str = "", **options: Any) -> Result:
    explorer = Explorer(options.pop("model", MODEL), reduction=reduction, **options)
    return run_all(explorer, shop(bad=bad).run)


def number_of(result: Result, *names: str) -> int:
    """The execution under the faults of these services, by the first words of their names."""
    for each in result.executions:
        if [f"{planned.service} {planned.fault.outcome}" for planned in each.faults] == [*names]:
            return each.number
    raise LookupError(names)


class TestFates:
    def test_executed_set_has_its_execution(self) -> None:
        result = explored()
        why = result.why("reviews Timeout")
        assert (why.fate, why.ending) == ("executed", "passed")
        assert why.execution == number_of(result, "reviews Timeout")
        assert why.reasons[0] == f"Executed as number {why.execution}: the test passed."
        stand = number_of(result, "reviews ConnectionError")
        assert why.represented_by == stand
        assert f"(execution {stand}), which has the same effect" in why.reasons[1]
        (member,) = why.members
        assert (member.shown_by, member.stands_by) == (why.execution, stand)
        assert [step.call.target for step in why.steps] == [
            *("front", "pricing", "reviews", "archive")
        ]

    def test_set_is_represented_by_another(self) -> None:
        result = explored()
        why = result.why("pricing Timeout; reviews Timeout")
        stand = number_of(result, "pricing ConnectionError", "reviews ConnectionError")
        assert (why.fate, why.represented_by, why.execution) == ("represented", stand, None)
        assert "front -> pricing ConnectionError and front -> reviews Conn" in why.reasons[0]
        assert why.reasons[0].startswith("Not executed: its representative is front -> pricing")
        assert why.reasons[0].endswith(f"(execution {stand}), where the test passes.")
        assert "--audit N" in why.reasons[-1]
        assert [each.stands_for_itself for each in why.members] == [False, False]
        assert [str(each.representative.fault) for each in why.members] == (
            ["raises ConnectionError"] * 2
        )

    def test_predicted_set_names_its_teachers(self) -> None:
        simulation = two_pages()
        result = run_all(Explorer(MODEL, reduction="exact"), simulation.run)
        why = result.why("stock ConnectionError; reviews ConnectionError")
        assert (why.fate, why.ending, why.execution) == ("predicted", "passed", None)
        assert "each of its steps is known from other executions" in why.reasons[0]
        failed = {step.call.target: step.taught_by for step in why.steps if step.fault}
        assert failed == {"stock": 1, "reviews": 1}
        ends = {step.call.target: step.taught_by for step in why.steps if step.fault is None}
        assert ends["second"] == 1
        assert why.members == ()

    def test_unreached_call_is_named(self) -> None:
        result = explored()
        why = result.why("archive Timeout")
        assert why.fate == "not reached"
        assert "is not made without faults, as execution 1 shows" in why.reasons[0]
        first = number_of(result, "reviews ConnectionError")
        assert why.reasons[1] == (
            f"It was made first in execution {first}, under front -> reviews ConnectionError."
        )
        after = result.why("pricing Timeout; pricing Timeout; archive 503")
        assert after.fate == "not reached"
        assert [step.call.target for step in after.steps][:3] == ["front", "pricing", "pricing"]

    def test_fault_outside_the_model(self) -> None:
        result = explored()
        call = result.executions[1].faults.last.call
        why = result.why(PlannedFault(call, Fault(status=418)))
        assert why.fate == "not in the model"
        assert "it has: raises ConnectionError; raises Timeout; answers 503" in why.reasons[0]

    def test_option_excludes_the_set(self) -> None:
        result = explored("exact", max_faults=1)
        assert result.why("pricing Timeout; reviews 503").fate == "excluded"
        assert "max_faults=1" in str(result.why("pricing Timeout; reviews 503"))
        assert result.why("reviews Timeout; archive 503").fate == "executed"

    def test_limit_leaves_sets_over(self) -> None:
        result = explored("none", max_executions=4)
        why = result.why("pricing ConnectionError")
        assert why.fate == "left over"
        assert "max_executions ended the exploration after 4 executions" in why.reasons[0]
        later = result.why("pricing ConnectionError; reviews 503")
        assert later.fate == "left over"

    def test_first_bug_leaves_sets_over(self) -> None:
        result = explored(fail_fast=True)
        assert len(result.bugs) == 1
        assert "fail_fast stopped" in str(result.why("pricing ConnectionError; reviews 503"))

    def test_smaller_set_fails_alike(self) -> None:
        result = explored("none", bad="500")
        why = result.why("pricing Timeout; reviews Timeout; archive Timeout")
        smaller = number_of(result, "reviews Timeout", "archive Timeout")
        assert why.fate == "executed"
        assert f"Execution {smaller} fails in the same way with fewer faults" in str(why)
        exact = explored("exact", bad="500").why("pricing 503; reviews 503; archive 503")
        assert "so this set is no bug of its own" in str(exact)

    def test_failed_baseline_stops(self) -> None:
        failing = Observation(shop().run(FaultSet()).trace, FirstError("always"))
        result = run_all(Explorer(MODEL), lambda _: failing)
        assert len(result.executions) == 1
        assert result.why("reviews Timeout").fate == "left over"
        assert "the fault-free execution proves nothing" in str(result.why("reviews Timeout"))

    def test_audited_set_says_so(self) -> None:
        result = explored(audit=3, seed=1)
        audited = [each for each in result.executions if each.purpose == AUDIT]
        assert len(audited) == 3
        for each in audited:
            why = result.why(each.faults)
            assert (why.fate, why.execution) == ("executed", each.number)
            assert "Reduction had pruned it" in why.reasons[1]

    def test_outages_are_an_option(self) -> None:
        outages = explored(outages=True)
        tried = next(each for each in outages.executions if each.faults.has_outage)
        assert outages.why(tried.faults).execution == tried.number
        assert outages.why("every call to pricing: ConnectionError").execution == tried.number
        without = explored().why(tried.faults)
        assert (without.fate, "--outages" in str(without)) == ("excluded", True)

    def test_inconclusive_execution_is_named(self) -> None:
        simulation = shop()

        def run(faults: FaultSet) -> Observation:
            seen = simulation.run(faults)
            lost = [f"{each.service} {each.fault.outcome}" for each in faults] == ["reviews 503"]
            return replace(seen, problems=("a report was lost",)) if lost else seen

        result = run_all(Explorer(MODEL), run)
        why = result.why("reviews 503")
        assert (why.fate, why.ending) == ("executed", None)
        assert "it was inconclusive, so it proves nothing" in why.reasons[0]
        assert "A report was lost." in why.reasons
        larger = result.why("reviews 503; archive Timeout")
        assert larger.fate == "not built upon"
        assert f"execution {why.execution}, under front -> reviews 503, was" in str(larger)


def two_pages() -> Simulation:
    services: dict[str, Service] = {
        "first": Orderly(((Step("stock"),),), tells=False),
        "second": Orderly(((Step("reviews"),),), tells=False),
        "front": Orderly(((Step("first"),), (Step("second"),))),
        "stock": Orderly(),
        "reviews": Orderly(),
    }
    return Simulation(services, FunctionalTest(("front",), never))


def refused_name(result: Result, name: object) -> FaultNameError:
    with pytest.raises(FaultNameError) as caught:
        result.why(name)
    return caught.value


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "reviews Timeout",
            "REVIEWS timeout",
            "reviews raises Timeout",
            "front -> reviews Timeout",
            "front -> reviews: GET http://reviews/ raises Timeout",
            "front -> reviews  GET http://reviews/  raises Timeout",
            "GET http://reviews/ Timeout",
            "reviews Timeout #1",
        ],
    )
    def test_names_of_reports(self, name: str) -> None:
        result = explored()
        planned = next(each for each in result.why("reviews Timeout").faults)
        name = name.replace("http://reviews/", planned.call.url)
        assert result.why(name).execution == number_of(result, "reviews Timeout")

    def test_fault_prints_its_own_name(self) -> None:
        result = explored(outages=True)
        for execution in result.executions:
            named = [str(planned) for planned in execution.faults]
            assert result.why(named).execution == execution.number

    def test_attempts_are_told_apart(self) -> None:
        result = explored("none")
        both = result.why("pricing Timeout; pricing 503")
        assert both.execution == number_of(result, "pricing Timeout", "pricing 503")
        assert result.why("pricing Timeout #2; pricing 503 #1").execution == number_of(
            result, "pricing 503", "pricing Timeout"
        )

    def test_misspelt_name_gets_the_nearest(self) -> None:
        error = refused_name(explored(), "review Timeout")
        assert str(error).startswith("'review Timeout' is no fault of this exploration; nearest: ")
        assert error.near[0] == "reviews Timeout"
        assert "reviews 503" in refused_name(explored(), "reviews 504").near

    def test_missing_attempt_is_refused(self) -> None:
        error = refused_name(explored(), "pricing Timeout #9")
        assert error.near == ("pricing Timeout #2",)
        error = refused_name(explored(), "pricing Timeout; pricing 503; pricing 503")
        assert "named more often than executions made such calls" in str(error)

    def test_name_of_several_calls(self) -> None:
        simulation = two_pages()
        services = {**simulation.services, "first": Orderly(((Step("reviews"),),), tells=False)}
        result = run_all(
            Explorer(MODEL), Simulation(services, FunctionalTest(("front",), never)).run
        )
        error = refused_name(result, "reviews Timeout")
        assert "is the name of several faults; choose one: first -> reviews" in str(error)
        assert result.why("first -> reviews Timeout").fate == "executed"
        assert result.why("reviews Timeout #2").faults.last.call.source == "second"

    def test_counterexample_and_its_file(self, tmp_path: Any) -> None:
        result = explored(bad="500")
        counterexample = Counterexample("test", result.bugs[0].faults, seen="")
        path = counterexample.write(tmp_path)
        for asked in counterexample, path, str(path), [str(path)], result.bugs[0].faults:
            assert result.why(asked).execution in result.bugs[0].executions

    @pytest.mark.parametrize("nothing", ["", "no faults", (), FaultSet()])
    def test_no_faults_are_a_set(self, nothing: Any) -> None:
        assert explored().why(nothing).execution == 1

    def test_result_without_a_search(self) -> None:
        with pytest.raises(FilibusterError, match="not of an exploration"):
            Result().why("reviews Timeout")


def steps_of(explanation: Explanation) -> list[tuple[str, str]]:
    return [(step.call.index, step.outcome) for step in explanation.steps]


@pytest.mark.slow
@tried(40, part=8)
@given(applications(most=4), models, st.sampled_from(["exact", "equivalence"]))
def test_explanations_hold(application: Application, model: FaultModel, reduction: str) -> None:
    """What is predicted happens, and who taught a step made its call."""
    simulation = Simulation(*application)
    result = run_all(
        Explorer(model, reduction=reduction, max_executions=60, outages=True), simulation.run
    )
    by_number = {each.number: each for each in result.executions}
    for execution in result.executions:
        assert result.why(execution.faults).execution == execution.number
    for pruned in list(result.pruned)[:20]:
        why = result.why(pruned.faults)
        event(why.fate)
        if why.fate == "executed":  # As an outage of a single call.
            continue
        assert why.fate in ("predicted", "represented")
        assert why.faults == pruned.faults
        if why.fate == "represented":
            assert why.representative is not None
            assert why.ending == result.why(why.representative).ending
            continue
        observation = simulation.run(pruned.faults)
        in_order = FaultsInOrder(pruned.faults)
        made = [
            (call.index, planned.fault.outcome.key if planned else str(call.outcome))
            for call in observation.trace.course()
            for planned in [in_order.of(call)]
        ]
        assert steps_of(why) == made
        for step in why.steps:
            assert step.taught_by is not None
            assert by_number[step.taught_by].trace.call(step.call.index) is not None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(cases(40, 10)))
@pytest.mark.parametrize("reduction", ["exact", "equivalence"])
def test_pruned_sets_keep_their_answer(seed: int, reduction: str) -> None:
    """Even if handlers turn out to remember what they should not."""
    result = run_all(Explorer(MEMORY, reduction=reduction, audit=None), remembering(seed))
    for pruned in list(result.pruned)[:15]:
        why = result.why(pruned.faults)
        assert (why.fate in ("predicted", "represented"), why.ending) == (True, pruned.answer)
        assert why.reasons[0].startswith("Not executed: ")


@pytest.mark.slow
@tried(20, part=8)
@given(applications(most=4), models, st.sampled_from(["exact", "equivalence"]))
def test_asking_changes_nothing(
    application: Application, model: FaultModel, reduction: str
) -> None:
    """Also in the middle of a search."""
    asked = Explorer(model, reduction=reduction, max_executions=40, outages=True)
    simulation = Simulation(*application)

    def run(faults: FaultSet) -> Observation:
        if asked.executed:
            asked.why(faults)
            asked.why(FaultSet())
        return simulation.run(faults)

    result = run_all(asked, run)
    explorer = Explorer(model, reduction=reduction, max_executions=40, outages=True)
    alone = run_all(explorer, Simulation(*application).run)
    assert in_order(result) == in_order(alone)
