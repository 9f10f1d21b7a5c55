"""``--filibuster-all`` beside other plugins: tests without a mark are explored, too."""

from __future__ import annotations

import re

import pytest

from tests.support import plugins
from tests.support.cases import in_earnest
from tests.support.forms.plugins import HANGING, PLUGINS
from tests.support.plugins import Beside
from tests.support.suites import Ran

beside = plugins.beside

TESTS = """
    pytestmark = []

    def test_careless():
        assert status(careless) == 200

    def test_careful(subtests):
        with subtests.test("here"):
            assert status(careful) == 200

    def test_subtests(subtests):
        with subtests.test("here"):
            assert status(careless) == 200
"""
FLAKY = """
    def test_flaky():
        note("flaky")
        assert status(careful) == 200
        assert Path(__file__).with_name("notes").read_text().count("flaky") > 1
"""


def explored(ran: Ran) -> tuple[int, ...]:
    """The numbers of the last line: bugs, tests explored and their executions."""
    pattern = r"(?:(\d+) bugs?|nothing found).*: (\d+) tests? explored \((\d+) executions\)"
    found = re.search(pattern, ran.output)
    assert found is not None, ran.output
    return tuple(int(each or 0) for each in found.groups())


@pytest.mark.parametrize("plugin", ["rerunfailures", "retry", "flaky"])
def test_reruns_end_before_the_exploration(beside: Beside, plugin: str) -> None:
    example = PLUGINS[plugin].make()
    options = example.options.split()
    if plugin == "flaky":
        options.append("--no-flaky-report")
    source = TESTS if hasattr(pytest, "Subtests") else TESTS.replace("(subtests)", "()")
    if source != TESTS:
        source = re.sub(r"with subtests.test.*", "if True:", source)
    ran = beside.run(source + FLAKY, *options, "--filibuster-all", plugins=example.plugins)
    assert explored(ran) == (3, 4, 24)
    assert "failed" not in ran.outcomes, ran.output
    assert ran.outcomes["passed"] == 4
    # Two runs of pytest's, the second of them the first execution; then five under faults, and the
    # repetition.
    assert ran.count("flaky") in (2 + 6, 2 + 7)


HANGS = (
    HANGING
    + """
    pytestmark = []

    @pytest.mark.timeout(0.8, func_only=True)
    def test_body_only():
        assert status(hanging) == 200

    def test_careful():
        threading.Event().wait(0.2)
        assert status(careful) == 200
"""
)


def test_a_hang_is_a_bug(beside: Beside) -> None:
    options = ("--timeout=0.8", "--filibuster-all")
    ran = beside.run(HANGS, *options, plugins="pytest_timeout")
    assert explored(ran) == (1, 3, 18)
    assert ran.outcomes == {"passed": 3}
    assert ran.saw("1. hang", "  hangs: Timeout (>0.8s) from pytest-timeout.")
    again = beside.again(*ran.replay, options[0], plugins="pytest_timeout")
    assert "reproduced: hangs: Timeout (>0.8s) from pytest-timeout." in again.output


@in_earnest
def test_the_end_of_the_process_is_told(beside: Beside) -> None:
    options = ("--timeout=2", "--timeout-method=thread", "--filibuster-all", "-k", "test_hangs")
    ran = beside.elsewhere(HANGS, *options, plugins="pytest_timeout")
    assert ran.code == 1
    assert ran.saw(
        "test_it.py::test_hangs: hangs, longer than the limit of pytest-timeout",
        "with this fault:",
    )


PROPERTIES = """
    from hypothesis import given, settings, strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, rule
    pytestmark = []

    @given(number=st.integers())
    @settings(max_examples=5)
    def test_careless(number):
        note("careless")
        assert status(careless) == 200

    @given(number=st.integers())
    @settings(max_examples=5)
    def test_careful(number):
        assert status(careful) == 200

    @given(number=st.integers())
    @settings(max_examples=5)
    def test_without_calls(number):
        pass

    @given(number=st.integers())
    @settings(max_examples=5)
    def test_fails(number):
        assert False

    class Machine(RuleBasedStateMachine):
        @rule()
        def page(self):
            pass
    Machine.TestCase.settings = settings(max_examples=2, stateful_step_count=2)
    TestStateful = Machine.TestCase
"""


@pytest.mark.slow
def test_properties_run_as_ever(beside: Beside) -> None:
    ran = beside.run(PROPERTIES, "--filibuster-all", plugins="_hypothesis_pytestplugin")
    assert explored(ran) == (3, 2, 12)
    assert ran.outcomes == {"failed": 1, "passed": 4}
    # All five examples, and one of them without faults, again, and with five faults.
    assert ran.count("careless") == 5 + 7
    assert "of this property, one example is explored: number=0 (2 tests" in ran.output
    assert "2 without calls, 1 not explored" in ran.output


@pytest.mark.slow
def test_stateful_tests_are_named(beside: Beside) -> None:
    example = PLUGINS["hypothesis_stateful"].make()
    source = "    MARKED = pytestmark = []\n" + example.source
    ran = beside.run(source, "--filibuster-all", plugins=example.plugins)
    assert ran.outcomes == {"passed": 1}
    assert "Not explored, cannot be repeated: 1 test: test_it.py::TestCareless" in ran.output
    assert "  a stateful test of Hypothesis can't be explored" in ran.output
