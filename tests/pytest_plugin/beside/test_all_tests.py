"""``--filibuster-all`` beside other plugins: tests without a mark are explored, too."""

from __future__ import annotations

import re

import pytest

from tests.support import plugins
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
RERUNNING = {
    "rerunfailures": ("pytest_rerunfailures", "--reruns=2"),
    "retry": ("pytest_retry.retry_plugin", "--retries=2"),
    "flaky": ("flaky.flaky_pytest_plugin", "--force-flaky --max-runs=3 --no-flaky-report"),
}
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


@pytest.mark.parametrize("plugin", RERUNNING)
def test_reruns_end_before_the_exploration(beside: Beside, plugin: str) -> None:
    module, options = RERUNNING[plugin]
    source = TESTS if hasattr(pytest, "Subtests") else TESTS.replace("(subtests)", "()")
    if source != TESTS:
        source = re.sub(r"with subtests.test.*", "if True:", source)
    ran = beside.run(source + FLAKY, *options.split(), "--filibuster-all", plugins=module)
    assert explored(ran) == (3, 4, 24)
    assert "failed" not in ran.outcomes, ran.output
    assert ran.outcomes["passed"] == 4
    # Two runs of pytest's, the second of them the first execution; then five under faults, and the
    # repetition.
    assert ran.count("flaky") in (2 + 6, 2 + 7)


HANGING = """
    import threading
    pytestmark = []

    def hanging():
        try:
            return careless()
        except requests.ConnectionError:
            threading.Event().wait()
        except (requests.RequestException, ValueError):
            return None

    def test_hangs():
        assert status(hanging) == 200

    @pytest.mark.timeout(0.8, func_only=True)
    def test_body_only():
        assert status(hanging) == 200

    def test_careful():
        threading.Event().wait(0.2)
        assert status(careful) == 200
"""


def test_a_hang_is_a_bug(beside: Beside) -> None:
    options = ("--timeout=0.8", "--filibuster-all")
    ran = beside.run(HANGING, *options, plugins="pytest_timeout")
    assert explored(ran) == (1, 3, 18)
    assert ran.outcomes == {"passed": 3}
    assert ran.saw("1. hang", "  hangs: Timeout (>0.8s) from pytest-timeout.")
    again = beside.again(*ran.replay, options[0], plugins="pytest_timeout")
    assert "reproduced: hangs: Timeout (>0.8s) from pytest-timeout." in again.output


def test_the_end_of_the_process_is_told(beside: Beside) -> None:
    options = ("--timeout=2", "--timeout-method=thread", "--filibuster-all", "-k", "test_hangs")
    ran = beside.elsewhere(HANGING, *options, plugins="pytest_timeout")
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


def test_properties_run_as_ever(beside: Beside) -> None:
    ran = beside.run(PROPERTIES, "--filibuster-all", plugins="_hypothesis_pytestplugin")
    assert explored(ran) == (3, 2, 12)
    assert ran.outcomes == {"failed": 1, "passed": 4}
    # All five examples, and one of them without faults, again, and with five faults.
    assert ran.count("careless") == 5 + 7
    assert "of this property, one example is explored: number=0 (2 tests" in ran.output
    assert "2 without calls, 1 not explored" in ran.output


COROUTINES = """
    import asyncio, unittest
    pytestmark = []

    @pytest.mark.MARK
    @pytest.mark.parametrize("source", [careless, careful])
    async def test_coroutine(source):
        await asyncio.sleep(0)
        assert status(source) == 200

    class TestCase(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            assert status(careless) == 200

        async def test_method(self):
            self.assertEqual(status(careful), 200)
"""


@pytest.mark.parametrize(
    ("plugin", "mark"), [("pytest_asyncio.plugin", "asyncio"), ("anyio.pytest_plugin", "anyio")]
)
def test_coroutines_are_explored(beside: Beside, plugin: str, mark: str) -> None:
    options = ["--filibuster-all"]
    if mark == "asyncio":
        options.append("-oasyncio_default_fixture_loop_scope=function")
    source = COROUTINES.replace("MARK", mark)
    if mark == "anyio":
        backend = "\n    @pytest.fixture\n    def anyio_backend():\n        return 'asyncio'\n"
        source += backend
    ran = beside.run(source, *options, plugins=plugin)
    assert explored(ran) == (3, 3, 18)
    assert ran.outcomes == {"passed": 3}
