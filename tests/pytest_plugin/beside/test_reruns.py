"""Beside plugins that rerun failed tests, whichever is loaded first."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.forms.plugins import PLUGINS
from tests.support.plugins import Beside
from tests.support.sessions import OURS

beside = plugins.beside

MARKS = {"rerunfailures": "reruns=2", "retry": "retries=2", "flaky": "max_runs=3"}
SUITE = """
    def test_careless():
        note("careless")
        assert status(careless) == 200

    def test_careful():
        assert status(careful) == 200

    @pytest.mark.flaky(MARK)
    def test_marked():
        assert status(careless) == 200

    @pytest.mark.flaky(MARK)
    def test_flaky_at_first():
        note("at first")
        if Path(__file__).with_name("notes").read_text().count("at first") < 3:
            raise RuntimeError
        assert status(careful) == 200

    @pytest.mark.flaky(MARK)
    def test_flaky_for_good():
        note("for good")
        assert status(careful) == 201
"""
UNMARKED = """
    pytestmark = []

    @pytest.mark.flaky(MARK)
    def test_flaky():
        note("flaky")
        assert Path(__file__).with_name("notes").read_text().count("flaky") == 3
"""


@pytest.mark.parametrize("order", ["{} {}", "{1} {0}"], ids=["ours-first", "ours-last"])
@pytest.mark.parametrize("plugin", MARKS)
class TestReruns:
    def test_marked_tests_are_explored(self, beside: Beside, plugin: str, order: str) -> None:
        example = PLUGINS[plugin].make()
        order = order.format(OURS, example.plugins)
        source = SUITE.replace("MARK", MARKS[plugin])
        ran = beside.run(source, *example.options.split(), plugins=order)
        bugs = [line.split(": ")[0].split("::")[1] for line in ran.summary if "bugs" in line]
        assert bugs == ["test_careless", "test_marked"]
        assert (ran.outcomes["failed"], ran.outcomes["passed"]) == (3, 2)
        assert {"failed", "passed", "warning"} >= set(ran.outcomes)
        # Each of six executions once, and the first once more to see whether it is deterministic.
        assert (ran.count("careless"), ran.output.count("failure 1 of 3")) == (7, 2)
        # Without faults, as often as the plugin would.
        assert "test_flaky_at_first: 6 executions: nothing found" in ran.output
        assert "the test is flaky: without faults, it failed 2 times before it passed" in ran.output
        assert ran.count("for good") == 3
        assert ran.output.count("no fault injected") == 1

    def test_other_tests_are_rerun(self, beside: Beside, plugin: str, order: str) -> None:
        order = order.format(OURS, PLUGINS[plugin].make().plugins)
        ran = beside.run(UNMARKED.replace("MARK", MARKS[plugin]), plugins=order)
        assert ran.count("flaky") == 3
        assert ran.outcomes["passed"] == 1
        assert ran.code == 0
