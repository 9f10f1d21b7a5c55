"""The published counts: fault sets generated without reduction, executed with each reduction.

The derivations name a way to fail by its call and what it ends in: "b CE" is a connection refused
by bookings, "b T" a timeout, "b 404" that answer. Single faults are tried in the order exceptions
before statuses, each in the order of the calls.
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
from tests.support import shapes

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


def explore_afresh(shape: str, reduction: ReductionName) -> Explored:
    answers = []

    def test() -> None:
        answer = requests.get(REQUESTS[shape], timeout=30)
        answers.append((answer.status_code, answer.content))

    services = getattr(shapes, shape)()
    result = explore(test, services, shapes.FAULTS[shape], reduction=reduction)
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
    then, and is left out. m 404 is not, though b 404 has been run: what bookings makes of it is
    new.
    """
    assert generated_and_executed("chain") == (10, 9)


@pytest.mark.slow
def test_retried_chain_is_37_of_91() -> None:
    """An attempt works, or fails in 5 + 4 = 9 ways (b: CE, T, 404, 503, 500; m: CE, T, 404, 500).

    Generated: the first attempt works (1), or it fails (9) and the second works or fails (1 + 9):
    1 + 9 * 10 = 91.

    Executed: to users, an attempt fails with CE, T, 404, 503 or 500, and m 404 is a 404, every
    other failure of movies a 503.

    - No fault: 1.
    - One: all 9 but b 503, which users has seen since m CE: 8. The second attempt at bookings has
      been seen by then, but only to work.
    - Two. The first parent, b CE, tries all 9 ways on the second attempt but b 503, as m CE came
      before: 8. That is all there is to know of the second handling in bookings. After it, users
      alone matters: it has to be seen with each of 5 outcomes of the second attempt, after each of
      the 4 others of the first: b T, m CE (503), b 404, b 500. 5 * 4 = 20. After m T, b 503 and
      m 500 (503 again), and m 404 (404 again), nothing is new. 28.

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
        # m CE, m T and m 500, after a 503 of bookings, and m 404, after its 404. The second attempt
        # is first seen after b CE, with all its ways: 9. There are three kinds of these: any of
        # bookings, m CE and what is like it, m 404. After m CE, one of each: 3. After m 404: 3.
        ("chain_with_retry", 25),
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


@REDUCTIONS
@SHAPES
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


def test_exceptions_come_before_statuses() -> None:
    """Each in the order of the calls."""
    executions = explored("chain", "none").result.executions
    assert [
        f"{planned.service} {planned.fault.outcome}"
        for execution in executions
        for planned in execution.faults
    ] == [
        "bookings ConnectionError",
        "bookings Timeout",
        "movies ConnectionError",
        "movies Timeout",
        "bookings 404",
        "bookings 503",
        "bookings 500",
        "movies 404",
        "movies 500",
    ]
