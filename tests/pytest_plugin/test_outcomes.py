"""Outcomes of executions other than passed and failed."""

from __future__ import annotations

import re
import time
from textwrap import dedent

import pytest
import requests

from flask_filibuster.instrumentation.frames import current_scope
from tests.support import suites
from tests.support.suites import CAREFUL, RUNS, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


MARKED = {
    # What is expected of each test: its outcome, and how often it ran.
    "skip": ("skip", "careful", "SKIPPED", 0),
    "skipif": ("skipif(True, reason='why')", "careful", "SKIPPED", 0),
    "expected_bug": ("xfail", "careless", "XFAIL", RUNS),
    "strict_bug": ("xfail(strict=True)", "careless", "XFAIL", RUNS),
    "other_bug": ("xfail(raises=ValueError)", "careless", "FAILED", RUNS),
    "no_bug": ("xfail", "careful", "XPASS", RUNS),
    "strict_no_bug": ("xfail(strict=True)", "careful", "FAILED", RUNS),
    "not_run": ("xfail(run=False)", "careless", "XFAIL", 0),
    "fails_without_a_fault": ("xfail", "nowhere", "XFAIL", 1),
}


@pytest.mark.slow
def test_outcome_marks_judge_the_exploration(suite: Suite) -> None:
    tests = [
        f"""
        @pytest.mark.{mark}
        @pytest.mark.filibuster
        def test_{name}():
            note("{name}")
            assert requests.get("http://front:5000/{path}").status_code == 200
        """
        for name, (mark, path, _, _) in MARKED.items()
    ]
    head = "import pytest\nimport requests\nfrom services import note\n"
    ran = suite.run(head + "".join(map(dedent, tests)), "-v")
    told = dict(re.findall(r"^test_it\.py::test_(\w+) ([A-Z]+)", ran.output, re.MULTILINE))
    assert told == {name: outcome for name, (_, _, outcome, _) in MARKED.items()}
    assert {name: ran.count(name) for name in MARKED} == {
        name: runs for name, (*_, runs) in MARKED.items()
    }


@pytest.mark.slow
def test_skipping_test_is_skipped(suite: Suite) -> None:
    ran = suite.run(CAREFUL.replace('note("body")', 'note("body"); pytest.skip("not today")'))
    assert ran.outcomes == {"skipped": 1}
    assert ran.count("body") == 1


@pytest.mark.slow
def test_skipped_executions_are_counted(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.mark.filibuster
        def test_page():
            if requests.get("http://front:5000/careless").text == "default":
                pytest.skip("known")
        """
    )
    assert ran.outcomes["passed"] == 1
    assert ran.summary == [
        "test_it.py::test_page: 4 executions: 2 bugs",
        "  the test skipped 1 execution, which proves nothing",
    ]


@pytest.mark.slow
def test_early_skip_is_inconclusive(suite: Suite) -> None:
    """Before the planned fault."""
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.mark.filibuster
        def test_page(filibuster):
            if filibuster.fault_injected:
                pytest.skip("too difficult")
            requests.get("http://front:5000/careful")
        """
    )
    assert ran.outcomes["failed"] == 1
    assert "the test skipped this execution: Skipped: too difficult" in ran.output


LOCKED = """
    import pytest
    import requests
    from services import note

    times = dict.fromkeys(["setup", "teardown"], 0)

    def count(phase):
        times[phase] += 1
        if phase == "{phase}" and times[phase] in {runs}:
            raise RuntimeError("the database is locked")

    @pytest.fixture
    def database():
        count("setup")
        yield
        count("teardown")

    @pytest.mark.filibuster
    def test_page(database):
        requests.get("http://front:5000/careful")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "runs"),
    [
        pytest.param("setup", (1,), id="first execution-setup"),
        pytest.param("teardown", (1,), id="first execution-teardown"),
        # The third execution; where the set-up fails, it is run once more.
        pytest.param("setup", (4, 5), id="later execution-setup"),
        pytest.param("teardown", (4,), id="later execution-teardown"),
    ],
)
def test_set_up_and_tear_down_errors(suite: Suite, phase: str, runs: tuple[int, ...]) -> None:
    ran = suite.run(LOCKED.format(phase=phase, runs=runs))
    assert ran.code == 1
    assert ran.outcomes["error"] == 1
    assert f"ERROR at {phase} of test_page" in ran.output
    assert len(re.findall(r"^E +RuntimeError: the database is locked", ran.output, re.M)) == 1
    if runs == (1,):
        assert ran.summary == []
    else:
        assert "raises Timeout" in ran.output
    if (phase, runs) == ("setup", (4, 5)):
        assert "the set-up failed: RuntimeError: the database is locked" in ran.output


@pytest.mark.slow
def test_failed_set_up_is_retried(suite: Suite) -> None:
    ran = suite.run(LOCKED.format(phase="setup", runs=(4,)))
    assert ran.code == 0
    assert ran.outcomes["passed"] == 1
    counts, note = ran.summary
    assert counts == "test_it.py::test_page: 4 executions: nothing found"
    assert "execution 3 was inconclusive on the first attempt" in note


@pytest.mark.slow
def test_module_errors_hit_the_last_test(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        @pytest.fixture(scope="module", autouse=True)
        def server():
            yield
            print("the server goes down")
            raise RuntimeError("the server does not stop")

        @pytest.fixture
        def database():
            yield
            print("the database closes")

        @pytest.mark.filibuster
        def test_page(database):
            requests.get("http://front:5000/careful")
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["error"] == 1
    assert "ERROR at teardown of test_page" in ran.output
    assert "E       RuntimeError: the server does not stop" in ran.output
    _, _, after = ran.output.partition("Captured stdout teardown")
    assert "the server goes down" in after
    assert "the database closes\n" in ran.output
    assert ran.output.count("the server goes down") == 1 + ran.output.count('print("the server')


@pytest.mark.slow
def test_both_tear_down_errors_are_shown(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest

        @pytest.fixture(scope="module")
        def server():
            yield
            raise RuntimeError("the server does not stop")

        @pytest.fixture
        def database(server):
            yield
            raise RuntimeError("the database is locked")

        @pytest.mark.filibuster
        def test_page(database): pass
        """
    )
    assert ran.outcomes["error"] == 1
    assert "E       RuntimeError: the database is locked" in ran.output
    assert "E       RuntimeError: the server does not stop" in ran.output


@pytest.mark.slow
def test_first_failure_is_the_bug(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.fixture
        def database(filibuster):
            yield
            if filibuster.fault_injected:
                raise RuntimeError("the database is locked")

        @pytest.mark.filibuster
        def test_page(database):
            assert requests.get("http://front:5000/careless").text == "data"
        """
    )
    assert ran.outcomes["failed"] == ran.outcomes["error"] == 1
    _, _, this = ran.output.partition("filibuster: failure 1 of 3")
    assert this.splitlines()[1].startswith("AssertionError: assert 'default' == 'data'")


@pytest.mark.slow
def test_late_tear_down_output_is_captured(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest

        @pytest.fixture(scope="module", autouse=True)
        def server():
            yield
            print("the server goes down")

        @pytest.mark.filibuster
        def test_page():
            import requests
            requests.get("http://front:5000/careful")
        """
    )
    assert "the server goes down" not in ran.output


@pytest.mark.slow
def test_interrupt_leaves_nothing_patched(suite: Suite) -> None:
    before = requests.Session.get_adapter
    ran = suite.run(
        """
        import pytest
        import requests
        from services import front, note

        @pytest.fixture
        def database():
            yield
            note(f"torn down, extension: {'filibuster' in front.extensions}")

        @pytest.mark.filibuster
        def test_page(database, filibuster):
            note(f"extension: {'filibuster' in front.extensions}")
            requests.get("http://front:5000/careful")
            if filibuster.fault_injected:
                raise KeyboardInterrupt
        """
    )
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in ran.output
    assert ran.notes[-2:] == ["extension: True", "torn down, extension: False"]
    assert requests.Session.get_adapter is before
    assert current_scope() is None


@pytest.mark.slow
def test_interrupt_does_not_await_threads(suite: Suite) -> None:
    suite.write(
        services="""
            import threading
            from flask import Flask
            from flask_filibuster import Filibuster

            front = back = Flask("front")
            front.config["FILIBUSTER_TIMEOUT"] = 60
            Filibuster(front)

            @front.get("/")
            def page():
                threading.Thread(target=threading.Event().wait, args=(20,), daemon=True).start()
                return "page"
        """
    )
    begun = time.monotonic()
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.mark.filibuster
        def test_page():
            requests.get("http://front:5000/")
            raise KeyboardInterrupt
        """
    )
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert time.monotonic() - begun < 20


@pytest.mark.slow
def test_failing_subtests_are_bugs(suite: Suite) -> None:
    ran = suite.run(
        """
        import unittest
        import pytest
        import requests

        @pytest.mark.filibuster
        class PageTest(unittest.TestCase):
            def test_page(self):
                with self.subTest("status"):
                    self.assertEqual(requests.get("http://front:5000/careless").status_code, 200)
        """
    )
    assert ran.code == 1
    assert "raises Timeout" in ran.output
    assert ran.summary == ["test_it.py::PageTest::test_page: 4 executions: 2 bugs"]
