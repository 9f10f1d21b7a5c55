"""Limits that nobody has set, and explorations that end at the first bug."""

from __future__ import annotations

import pytest

from flask_filibuster.config import Config
from flask_filibuster.exploring.options import Options
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import CUT_BY_BUG, Explorer
from tests.support.applications import never, on, refused
from tests.support.driving import run_all
from tests.support.simulation import FunctionalTest, Judge, Orderly, Service, Simulation, Step


def page(judge: Judge) -> Simulation:
    """Three parts, without which it is a 503."""
    parts = tuple((Step(name, gives_up=503),) for name in ("a", "b", "c"))
    services: dict[str, Service] = {"page": Orderly(parts)}
    services |= {name: Orderly() for name in ("a", "b", "c")}
    return Simulation(services, FunctionalTest(("page",), judge))


class TestDefaultLimit:
    def result(self, assumed: tuple[str, ...]) -> Result:
        explorer = Explorer(refused(), max_executions=2, assumed=assumed)
        return run_all(explorer, page(never).run)

    def test_proves_nothing_if_reached(self) -> None:
        result = self.result(("max_executions",))
        assert result.exit_code == 2
        (problem,) = result.problems
        assert "the default limit of 2 executions ended the exploration" in problem
        assert result.remaining == 2

    def test_counts_only_if_nobody_set_it(self) -> None:
        result = self.result(())
        assert result.ok
        assert result.remaining == 2

    @pytest.mark.parametrize(("given", "runs"), [(None, 10_000), (3, 3)])
    def test_applies_unless_one_is_given(self, given: int | None, runs: int) -> None:
        explorer = Options(max_executions=given).explorer({}, Config())
        assert explorer._limits.left(0) == runs


class TestFailFast:
    def test_stops_at_the_first_bug(self) -> None:
        explorer = Explorer(refused(500), fail_fast=True)
        result = run_all(explorer, page(on("503")).run)
        assert [len(each.faults) for each in result.executions] == [0, 1]
        assert (result.limit, result.exit_code) == ("fail_fast", 1)
        assert CUT_BY_BUG in result.notes
        assert result.remaining == 5

    def test_changes_nothing_without_a_bug(self) -> None:
        results = [
            run_all(Explorer(refused(500), fail_fast=fast), page(never).run)
            for fast in (False, True)
        ]
        assert len(results[0].executions) == len(results[1].executions)
        assert not results[1].notes
