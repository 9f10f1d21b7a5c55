"""The published counts: fault sets generated without reduction, executed with each reduction.

The derivations name a way to fail by its call and what it ends in: "b CE" is a connection refused
by bookings, "b T" a timeout, "b 404" that answer. Among sets of one size, the latest call comes
first; of each call, exceptions come before statuses.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import pytest
import requests

from flask_filibuster import explore
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result
from tests.support import shapes, simulated_shapes
from tests.support.applications import explored as simulated
from tests.support.cases import sample
from tests.support.simulation import Simulation

REQUESTS = shapes.COUNTED
REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "exact", "equivalence"])
SHAPES = pytest.mark.parametrize("shape", REQUESTS)


@dataclass(frozen=True)
class Explored:
    """A result, with the answer that the test got in each execution."""

    result: Result
    answers: tuple[tuple[int, bytes], ...]

    @property
    def counts(self) -> tuple[int, int]:
        return self.result.generated, len(self.result.executions)


def explore_afresh(shape: str, reduction: ReductionName, audit: int | None = 0) -> Explored:
    answers = []

    def test() -> None:
        answer = requests.get(REQUESTS[shape], timeout=30)
        answers.append((answer.status_code, answer.content))

    services = getattr(shapes, shape)()
    result = explore(test, services, shapes.FAULTS[shape], reduction=reduction, audit=audit)
    assert not result.failures
    assert not result.gaps
    assert not result.ambiguities
    assert result.remaining == result.cut_by_size == 0
    return Explored(result, tuple(answers))


explored = functools.cache(explore_afresh)


def generated_and_executed(shape: str) -> tuple[int, int]:
    """The first without reduction, the second with the exact one."""
    generated, executed = explored(shape, "none").counts
    assert generated == executed, "without reduction, everything is run"
    generated_too, executed = explored(shape, "exact").counts
    assert generated == generated_too, "reduction changes what is run, not what there is"
    return generated, executed


def names(faults: FaultSet) -> tuple[str, ...]:
    """Fault sets in a form to be compared between explorations."""
    return tuple(f"{planned.index} {planned.fault}" for planned in faults)


def failing(execution: Execution, service: str) -> list[int]:
    """Which attempts at a service fail in an execution: their counts."""
    return [
        planned.index.pairs[-1][1] for planned in execution.faults if planned.service == service
    ]


def test_two_required_calls_are_9() -> None:
    """Nothing fails (1), users fails in one of 4 ways (4), users works and movies fails (4).

    The page sees another sequence of outcomes each time, so nothing can be left out.
    """
    assert generated_and_executed("two_required_calls") == (9, 9)


def test_chain_is_9_of_10() -> None:
    """Nothing fails (1), bookings fails (CE, T, 404, 503, 500), movies fails (CE, T, 404, 500).

    m CE makes bookings answer 503. When its turn comes, b 503 shows users what it has seen by
    then, and is left out. The others of movies are not: what bookings makes of each is new.
    """
    assert generated_and_executed("chain") == (10, 9)


@pytest.mark.slow
def test_retried_chain_is_37_of_91() -> None:
    """An attempt works, or fails in 5 + 4 = 9 ways (b: CE, T, 404, 503, 500; m: CE, T, 404, 500).

    Generated: the first attempt works (1), or it fails (9) and the second works or fails (1 + 9):
    1 + 9 * 10 = 91.

    Executed: to users, an attempt fails with CE, T, 404, 503 or 500, and every failure of movies is
    a 503.

    - No fault: 1.
    - One: all 9 but b 503, which users has seen since m CE: 8. The second attempt at bookings has
      been seen by then, but only to work.
    - Two. The first parent, m CE, tries all 9 ways on the second attempt but b 503, as m CE came
      before: 8. That is all there is to know of the second handling in bookings. After it, users
      alone matters: it has to be seen with each of 5 outcomes of the second attempt, after each of
      the 4 others of the first: b CE, b T, b 404, b 500. 5 * 4 = 20. After m T, m 404, m 500 and
      b 503 (503 again), nothing is new. 28.

    1 + 8 + 28 = 37.
    """
    assert generated_and_executed("chain_with_retry") == (91, 37)


def test_default_data_is_25_of_25() -> None:
    """Each of the two calls works or fails in 4 ways, whatever the other one does: 5 * 5."""
    assert generated_and_executed("default_data") == (25, 25)


@pytest.mark.slow
def test_fallback_is_23_of_36() -> None:
    """Reviews can fail in 4 + 3 = 7 ways (r: CE, T, 500, 503; its ratings, t: CE, T, 500).

    The archive (CE, T, 500, 503: 4 ways) is called only when reviews has failed.

    Generated: reviews works (1), or fails (7) and the archive works or fails (1 + 4):
    1 + 7 * 5 = 36.

    Executed: to the shop, reviews fails with CE, T, 500 or 503, and ratings failing is a 503.

    - No fault: 1.
    - One: all 7 but r 503, which the shop has seen since t CE: 6.
    - Two: 4 ways of the archive after each of 4 outcomes: 16. Nothing new comes after t T, t 500
      and r 503.

    1 + 6 + 16 = 23.
    """
    assert generated_and_executed("fallback") == (36, 23)


@pytest.mark.slow
def test_inner_retry_is_25_of_25() -> None:
    """Middle fails in 4 ways (4), or back works (1), or its first attempt fails (4) and its second.

    The second works or fails in 4 ways (1 + 4): 4 + 1 + 4 * 5 = 25.

    Middle answers 500 and 503 only once both attempts have failed, by when m 500 and m 503 have
    been run, so they are not left out; and middle sees another pair of outcomes each time.
    """
    assert generated_and_executed("retry_in_the_middle") == (25, 25)


def simulated_counts(shape: str, reduction: ReductionName) -> tuple[int, int, int]:
    """Generated, executed, and the number of calls that can fail."""
    application, model = simulated_shapes.SHAPES[shape]
    result = simulated(Simulation(*application), model, reduction)
    assert not result.failures
    calls = {planned.index for each in result.executions for planned in each.faults}
    return result.generated, len(result.executions), len(calls)


def test_audiobook_is_31_of_69() -> None:
    """Generated: 1, and 4 ways of the engine, 6 of the content, 6 of the download.

    5 of the ownership, 4 of the activation; the statistics fail (3) or not, whatever else there is:
    3 alone, and 4 * 5 each for metadata and audio. 1 + 4 + 6 + 6 + 5 + 4 + 3 + 20 + 20 = 69.

    Executed: what is asked fails before what asks. So the four statuses of the download and the
    four of the content have been seen by their turn, as answers of their own. After the statistics
    fail, the download answers as ever, and nothing that follows is new: 15 + 15.
    69 - 4 - 4 - 15 - 15 = 31.
    """
    assert simulated_counts("audiobook", "exact")[:2] == (69, 31)


@pytest.mark.slow
def test_homepage_is_1603_of_1606() -> None:
    """The gateway's 404, 500 and 503 have been seen by their turn; it sees all else anew."""
    assert simulated_counts("homepage", "exact")[:2] == (1606, 1603)


@pytest.mark.parametrize(("shape", "executed"), [("audiobook", 39), ("homepage", 80)])
def test_equivalence_of_published_shapes(shape: str, executed: int) -> None:
    """At most one more for each call than with exact reduction."""
    assert simulated_counts(shape, "equivalence")[1] == executed


@pytest.mark.slow
@SHAPES
def test_equivalence_is_exact_plus_calls(shape: str) -> None:
    """With the suspects that are run by default."""
    exact = explored(shape, "exact").result
    equivalence = explore_afresh(shape, "equivalence", audit=None).result
    calls = {planned.index for each in exact.executions for planned in each.faults}
    assert len(equivalence.executions) <= len(exact.executions) + len(calls)


@REDUCTIONS
@pytest.mark.parametrize(
    ("shape", "service"), [("chain_with_retry", "bookings"), ("retry_in_the_middle", "back")]
)
def test_attempts_fail_alone_and_together(
    shape: str, service: str, reduction: ReductionName
) -> None:
    executions = explored(shape, reduction).result.executions
    attempts = [failing(execution, service) for execution in executions]
    assert [1] in attempts
    assert [1, 2] in attempts
    for execution, failed in zip(executions, attempts, strict=True):
        assert failed in ([], [1], [1, 2], [2])
        if failed == [2]:
            assert len(execution.faults) == 2, "something below has failed the first attempt"


@pytest.mark.parametrize(
    ("shape", "executed"),
    [
        # Nothing follows on any of the faults: each is run once, as without equivalence.
        ("two_required_calls", 9),
        # One more than with exact reduction: a 503 that is injected is not one of bookings' own.
        ("chain", 10),
        # 1 + 9 in the same way. All ways of bookings lead to a second attempt that works; so do
        # those of movies, after a 503 of bookings. The second attempt is first seen after m CE,
        # with all its ways: 9. There are two kinds of these: any of movies, and any of bookings.
        # After b CE, one of each: 2.
        ("chain_with_retry", 21),
        # 1 + 4 + 4. After the first way of the first call, all four of the second: where the call
        # before it has failed, it may be there to take its place.
        ("default_data", 13),
        # 1 + 7. All four ways of the archive where it is first seen, after r CE, one after t CE.
        ("fallback", 13),
        # 1 + 4 for middle + 4 for the first attempt + 4 for the second, after the first of those.
        ("retry_in_the_middle", 13),
    ],
)
def test_equivalence_builds_on_representatives(shape: str, executed: int) -> None:
    result = explored(shape, "equivalence").result
    assert len(result.executions) == executed
    assert result.generated == explored(shape, "none").result.generated


@pytest.mark.slow
@pytest.mark.parametrize("reduction", ["exact", "equivalence"])
@SHAPES
def test_reductions_see_the_same_answers(shape: str, reduction: ReductionName) -> None:
    everything, reduced = explored(shape, "none"), explored(shape, reduction)
    assert set(everything.answers) == set(reduced.answers)
    # The fault-free execution is run twice.
    assert len(reduced.answers) == len(reduced.result.executions) + 1


@pytest.mark.parametrize("reduction", ["exact", "equivalence"])
@SHAPES
def test_reductions_know_the_same_sets(shape: str, reduction: ReductionName) -> None:
    everything, reduced = explored(shape, "none").result, explored(shape, reduction).result
    run = {execution.faults for execution in everything.executions}
    pruned = {each.faults for each in reduced.pruned}
    assert {execution.faults for execution in reduced.executions} | pruned == run
    assert len(run) == everything.generated == reduced.generated
    assert {pruned.answer for pruned in reduced.pruned} <= {"passed"}


@REDUCTIONS
@SHAPES
def test_smaller_fault_sets_come_first(shape: str, reduction: ReductionName) -> None:
    executions = explored(shape, reduction).result.executions
    sizes = [len(execution.faults) for execution in executions]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    assert [execution.number for execution in executions] == list(range(1, len(sizes) + 1))


@pytest.mark.slow
@REDUCTIONS
@pytest.mark.parametrize("shape", sample(REQUESTS))
def test_order_is_repeatable(shape: str, reduction: ReductionName) -> None:
    first, second = explored(shape, reduction).result, explore_afresh(shape, reduction).result
    assert [names(each.faults) for each in first.executions] == [
        names(each.faults) for each in second.executions
    ]
    assert [names(each.faults) for each in first.pruned] == [
        names(each.faults) for each in second.pruned
    ]


def test_chain_prunes_the_repeated_answer() -> None:
    """It is the answer that users had seen already."""
    (pruned,) = explored("chain", "exact").result.pruned
    (planned,) = pruned.faults
    assert (planned.service, planned.fault.status) == ("bookings", 503)


def test_latest_call_comes_first() -> None:
    """Of each call, exceptions before statuses."""
    executions = explored("chain", "none").result.executions
    assert [
        f"{planned.service} {planned.fault.outcome}"
        for execution in executions
        for planned in execution.faults
    ] == [
        "movies ConnectionError",
        "movies Timeout",
        "movies 404",
        "movies 500",
        "bookings ConnectionError",
        "bookings Timeout",
        "bookings 404",
        "bookings 503",
        "bookings 500",
    ]
