"""What oracles find is a warning, and what proves nothing is no pass."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.suites import CARELESS, LINE_OF_CALL, RUNS, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


# --- warnings -------------------------------------------------------------------------------------

FINDINGS = CARELESS.replace("assert answer.status_code == 200", "assert answer is not None")


@pytest.mark.slow
def test_findings_are_warnings(suite: Suite) -> None:
    """They point to the test."""
    ran = suite.run(FINDINGS)
    assert ran.outcomes == {"passed": 1, "warning": 2}
    assert re.search(r"test_it\.py:5: FilibusterWarning: uncaught exception: Unhandled", ran.output)
    assert ran.saw(
        "FilibusterWarning: answer 500: front answers 500 to GET /careless", "  with this fault:"
    )
    assert f"at services.py:{LINE_OF_CALL}, in careless" in ran.output
    assert ran.summary == ["test_it.py::test_page: 4 executions: 2 bugs"]


@pytest.mark.slow
def test_broken_test_says_so(suite: Suite) -> None:
    ran = suite.run(CARELESS.replace("== 200", "== 418"))
    assert ran.outcomes["failed"] == 1
    assert "The fault-free execution failed: no fault injected." in ran.output
    assert "The fault-free execution" not in suite.run(CARELESS).output


@pytest.mark.slow
def test_exception_behind_failure_is_no_warning(suite: Suite) -> None:
    ran = suite.run(CARELESS)
    assert ran.output.count("Unhandled ReadTimeout in front") == 1
    assert "FilibusterWarning" not in ran.output


@pytest.mark.slow
def test_findings_as_errors_fail(suite: Suite) -> None:
    ran = suite.run(FINDINGS, "-W", "error")
    assert ran.code == 1
    assert ran.outcomes == {"failed": 1}
    assert "uncaught exception: Unhandled ReadTimeout in front" in ran.output
    assert "answer 500: front answers 500 to GET /careless" in ran.output
    assert "INTERNALERROR" not in ran.output
    assert "warn_explicit" not in ran.output
    assert ran.count("body") == RUNS


@pytest.mark.slow
def test_findings_as_errors_hide_no_failure(suite: Suite) -> None:
    test = CARELESS.replace("test_page()", "test_page(filibuster)").replace(
        "assert answer.status",
        "filibuster.fault_injected_on('misspelt'); assert answer.status",
    )
    ran = suite.run(test, "-W", "error")
    assert ran.outcomes == {"failed": 1}
    assert "assert 500 == 200" in ran.output
    assert "was_fault_injected_on('misspelt') names a service that no call reached" in ran.output
    assert "filibuster: warnings turned into errors" in ran.output


@pytest.mark.slow
def test_findings_can_be_ignored_by_mark(suite: Suite) -> None:
    ran = suite.run(
        FINDINGS.replace(
            "    @pytest",
            "    @pytest.mark.filterwarnings('ignore::flask_filibuster.FilibusterWarning')\n"
            "    @pytest",
            1,
        ),
        "-W",
        "error",
    )
    assert ran.outcomes == {"passed": 1}


# --- proof ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_failing_call_proves_nothing(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest, requests
        from flask import Flask

        @pytest.fixture
        def app():
            app = Flask("lonely")

            @app.get("/")
            def index():
                try:
                    return requests.get("http://127.0.0.1:9/", timeout=1).text
                except requests.RequestException:
                    return "degraded"

            return app

        @pytest.mark.filibuster
        def test_page(app):
            assert app.test_client().get("/").status_code == 200
        """
    )
    assert ran.outcomes["failed"] == 1
    assert "Proves nothing: A call fails in the fault-free execution" in ran.output


UNEXPLORED = """
    import os, pytest, requests
    from services import front

    @front.get("/process")
    def process():
        os.system("true")
        try:
            return requests.get("http://front:5000/careful").text
        except requests.RequestException:
            return "degraded"

    @pytest.mark.filibuster{arguments}
    def test_page():
        assert requests.get("http://front:5000/process").status_code == 200
"""


@pytest.mark.slow
def test_unexplored_calls_are_warned_of(suite: Suite) -> None:
    ran = suite.run(UNEXPLORED.format(arguments=""))
    assert ran.outcomes["passed"] == 1
    assert "FilibusterWarning: Unexplored call" in ran.output
    assert any("process true, at " in line for line in ran.summary)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "options"),
    [("(unexplored='fail')", []), ("", ["--filibuster-unexplored=fail"])],
    ids=["mark", "option"],
)
def test_unexplored_calls_fail_if_asked(suite: Suite, arguments: str, options: list[str]) -> None:
    ran = suite.run(UNEXPLORED.format(arguments=arguments), *options)
    assert ran.outcomes["failed"] == 1
    assert "Proves nothing: Unexplored call" in ran.output


@pytest.mark.slow
def test_unexplored_calls_can_be_fine(suite: Suite) -> None:
    ran = suite.run(UNEXPLORED.format(arguments=""), "--filibuster-unexplored=fail,true")
    assert ran.outcomes["passed"] == 1
    assert "Unexplored" not in ran.output


@pytest.mark.slow
def test_a_call_to_another_machine_is_stopped(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest, requests
        from services import front

        @front.get("/away")
        def away():
            try:
                return requests.get("http://192.0.2.1/pay", timeout=0.5).text
            except requests.RequestException:
                return "degraded"

        @pytest.mark.filibuster
        def test_page():
            assert requests.get("http://front:5000/away").status_code == 200
        """
    )
    assert ran.outcomes["failed"] == 1
    assert "front: GET http://192.0.2.1/pay, called at " in ran.output
