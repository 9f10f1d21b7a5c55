"""Options of pytest keep their meaning, and suites without a mark are left alone."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.support import suites
from tests.support.cases import in_earnest
from tests.support.suites import CAREFUL, CARELESS, CONFTEST, RUNS, WITHOUT, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


# --- options of pytest keep their meaning ---------------------------------------------------------

TWO = """
    import pytest
    import requests
    from services import note

    @pytest.fixture(scope="module", autouse=True)
    def server():
        yield
        note("server down")
        raise RuntimeError("the server does not stop")

    @pytest.mark.filibuster
    def test_first():
        note("first")
        assert requests.get("http://front:5000/careless").status_code == 200

    @pytest.mark.filibuster
    def test_second():
        note("second")
        assert requests.get("http://front:5000/careless").status_code == 200
"""


@pytest.mark.slow
@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_session_stops_after_first_failure(suite: Suite, option: str) -> None:
    ran = suite.run(TWO, option)
    assert ran.outcomes["failed"] == 1
    assert ran.count("first") == RUNS
    assert ran.count("second") == 0
    assert ran.count("server down") == 1
    assert "ERROR at teardown of test_first" in ran.output


@pytest.mark.slow
def test_tests_are_chosen_by_keyword(suite: Suite) -> None:
    ran = suite.run(TWO, "-k", "second")
    assert ran.count("first") == 0
    assert ran.count("second") == RUNS


@pytest.mark.slow
def test_what_failed_last_is_explored_again(suite: Suite) -> None:
    suite.run(CARELESS + "\n    def test_other():\n        note('other')\n")
    ran = suite.again("--lf")
    assert ran.outcomes["failed"] == 1
    assert ran.count("body") == RUNS
    assert ran.count("other") == 0


@pytest.mark.slow
def test_junit_xml_has_one_case(suite: Suite) -> None:
    suite.run(
        CARELESS.replace('note("body")', "__import__('time').sleep(0.05)"), "--junitxml=r.xml"
    )
    root = ET.parse(suite.path / "r.xml").getroot()
    (case,) = root.iter("testcase")
    (failure,) = case.iter("failure")
    assert failure.text is not None
    assert "raises Timeout" in failure.text
    assert "--filibuster-replay" in failure.text
    assert float(case.get("time", "0")) > 0.05 * RUNS


@pytest.mark.slow
def test_durations_cover_all_executions(suite: Suite) -> None:
    ran = suite.run(
        CAREFUL.replace('note("body")', "__import__('time').sleep(0.05)"), "--durations=0", "-vv"
    )
    durations = re.findall(r"([\d.]+)s (\w+) +test_it.py::test_page", ran.output)
    assert [phase for _, phase in durations if phase == "call"] == ["call"]
    assert max(float(seconds) for seconds, _ in durations) > 0.05 * RUNS


@pytest.mark.usefixtures("all_plugins")
@in_earnest
@pytest.mark.slow
def test_xdist_has_the_same_summary(suite: Suite) -> None:
    suite.write(test_other=CAREFUL)
    suite.write(test_it=CARELESS)
    ran = suite.elsewhere("-n", "2", "--filibuster-faults=quick")
    assert ran.code == 1
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == 1
    assert ran.summary == [
        "test_it.py::test_page: 4 executions: 2 bugs",
        "test_other.py::test_page: 4 executions: nothing found",
    ]
    assert "raises Timeout" in ran.output
    replayed = suite.elsewhere("-n", "1", *ran.replay)
    assert replayed.code == 1
    assert replayed.summary[0].startswith("test_it.py::test_page: 1 execution: reproduced")


@pytest.mark.usefixtures("all_plugins")
@in_earnest
@pytest.mark.slow
def test_xdist_reports_mistakes_of_marks(suite: Suite) -> None:
    suite.write(test_it="import pytest\n@pytest.mark.filibuster(max=1)\ndef test_page(): pass\n")
    ran = suite.elsewhere("-n", "1")
    assert ran.code != 0
    assert "the filibuster mark does not accept max" in ran.output


@pytest.mark.slow
def test_setup_show_shows_every_execution(suite: Suite) -> None:
    ran = suite.run(CAREFUL, "--setup-show")
    assert ran.outcomes["passed"] == 1
    assert ran.output.count("SETUP    F filibuster_services") == RUNS
    assert ran.output.count("TEARDOWN F filibuster_services") == RUNS


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only", "--collect-only"])
def test_unrun_tests_are_not_explored(suite: Suite, option: str) -> None:
    ran = suite.run(CAREFUL, option)
    assert ran.code == 0
    assert ran.notes == []
    assert ran.summary == []


# --- suites without a mark ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("all_plugins")
def test_unmarked_suite_imports_no_flask(suite: Suite) -> None:
    """Nor requests."""
    suite.write(
        conftest="""
            import sys

            def pytest_sessionfinish(session):
                assert session.config.pluginmanager.has_plugin("filibuster")
                libraries = {"flask", "requests", "werkzeug", "urllib3", "blinker"}
                print("imported:", sorted(libraries & set(sys.modules)))
        """,
        test_it="def test_plain(): pass\ndef test_fixture(tmp_path): pass\n",
    )
    ran = suite.elsewhere(*WITHOUT, "-s", "-W", "error")
    assert ran.outcomes == {"passed": 2}
    assert "imported: []" in ran.output


def test_unmarked_suite_has_no_summary(suite: Suite) -> None:
    """And reaches no service."""
    suite.write(conftest=CONFTEST.replace("front:5000", "127.0.0.1:1"))
    ran = suite.run(
        """
        import pytest
        import requests

        def test_plain(filibuster_services):
            assert "http://127.0.0.1:1" in filibuster_services
            with pytest.raises(requests.ConnectionError):
                requests.get("http://127.0.0.1:1/careful", timeout=1)
        """
    )
    assert ran.outcomes == {"passed": 1}
    assert ran.summary == []
