"""What is explored of a marked test, and what a failure shows."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.suites import CAREFUL, CARELESS, LINE_OF_CALL, RUNS, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


@pytest.mark.slow
def test_marked_test_meets_every_fault(suite: Suite) -> None:
    ran = suite.run(CAREFUL)
    assert ran.code == 0
    assert ran.outcomes["passed"] == 1
    assert ran.count("body") == RUNS
    assert ran.count("back was reached") == 2
    assert ran.summary == ["test_it.py::test_page: 4 executions: nothing found"]


@pytest.mark.slow
def test_failure_shows_faults_and_replay(suite: Suite) -> None:
    ran = suite.run(CARELESS)
    assert ran.code == 1
    assert ran.outcomes["failed"] == 1
    assert ran.saw(
        ">       assert answer.status_code == 200",
        "E       assert 500 == 200",
        "E        +  where 500 = <Response [500]>.status_code",
    )
    assert "AssertionError: assert 500 == 200\nUnhandled ReadTimeout in front" in ran.output
    assert ran.saw(
        f"  at services.py:{LINE_OF_CALL}, in careless",
        "with this fault:",
        "  front -> back: GET http://back:5001/data",
        f"    called at services.py:{LINE_OF_CALL}, in careless",
        "    raises Timeout",
        "shown by 1 of 4 executions",
        "replay: pytest test_it.py::test_page --filibuster-replay .filibuster/",
    )
    assert ran.summary == ["test_it.py::test_page: 4 executions: 2 bugs"]


@pytest.mark.slow
def test_every_distinct_bug_is_shown(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.mark.filibuster
        def test_page():
            answer = requests.get("http://front:5000/careless")
            assert answer.status_code == 200, "no page"
            assert answer.text == "data", "an old page"
        """
    )
    assert ran.outcomes["failed"] == 1
    for number in 1, 2, 3:
        assert f"filibuster: failure {number} of 3" in ran.output
    assert ran.saw(
        "    @pytest.mark.filibuster",
        "    def test_page():",
        '        answer = requests.get("http://front:5000/careless")',
        '>       assert answer.status_code == 200, "no page"',
        "E       AssertionError: no page",
    )
    assert "    raises ConnectionError" in ran.output
    assert "    raises Timeout" in ran.output
    assert len(set(re.findall(r"--filibuster-replay (\S+)", ran.output))) == 3
    assert ran.summary == ["test_it.py::test_page: 4 executions: 3 bugs"]


@pytest.mark.slow
def test_passing_executions_show_no_output(suite: Suite) -> None:
    ran = suite.run(
        """
        import logging
        import pytest
        import requests

        @pytest.fixture
        def prepared(filibuster):
            print("prepared for", list(filibuster.faults))

        @pytest.mark.filibuster
        def test_page(prepared, filibuster):
            answer = requests.get("http://front:5000/careless")
            print("got", answer.status_code, answer.text[:7])
            logging.getLogger().warning("logged %s", answer.status_code)
            assert answer.status_code == 200
        """
    )
    assert ran.output.count("prepared for") == ran.output.count("logged 500") == 1
    assert "got 500" in ran.output
    assert "got 200" not in ran.output


MOODY = """
    import requests
    from flask import Flask

    front, back = Flask("front"), Flask("back")
    calls = []

    @front.get("/")
    def page():
        calls.append("one more")
        if len(calls) not in (3, 4):
            requests.get("http://back:5001/data", timeout=1)
        return "page"

    @back.get("/data")
    def data():
        return "data"
"""


@pytest.mark.slow
def test_bugs_beside_inconclusive_executions(suite: Suite) -> None:
    suite.write(services=MOODY)
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.mark.filibuster
        def test_page():
            assert requests.get("http://front:5000/").text == "page"
        """
    )
    assert ran.outcomes["failed"] == 1
    assert "filibuster: failure" in ran.output
    assert "filibuster: inconclusive executions" in ran.output
    assert "the call was not made: front -> back" in ran.output


@pytest.mark.slow
def test_inconclusive_execution_fails_the_test(suite: Suite) -> None:
    suite.write(services=MOODY)
    ran = suite.run(
        """
        import pytest
        import requests

        @pytest.mark.filibuster(max_executions=2)
        def test_page():
            assert requests.get("http://front:5000/").text == "page"
        """
    )
    assert ran.code == 1
    assert ran.saw(
        "1 of 2 executions inconclusive; the outcome of the test under these faults is unknown:",
        "execution 2:",
    )
    assert "the call was not made: front -> back" in ran.output
    assert "raises ConnectionError" in ran.output
    assert ran.summary[0].endswith("not run (max_executions): 1 inconclusive execution")


@pytest.mark.slow
def test_broken_test_fails_as_ever(
    suite: Suite,
) -> None:
    ran = suite.run(CAREFUL.replace("== 200", "== 201"))
    assert ran.outcomes["failed"] == 1
    assert ran.count("body") == 1
    assert "assert 200 == 201" in ran.output
    assert "filibuster:" not in ran.output
    assert ran.summary == []


@pytest.mark.slow
def test_no_call_proves_nothing(suite: Suite) -> None:
    ran = suite.run("import pytest\n@pytest.mark.filibuster\ndef test_page():\n    pass\n")
    assert ran.outcomes["failed"] == 1
    assert "Proves nothing: No fault injected: the fault-free execution made no call" in ran.output
    assert "no call was seen" in ran.summary[1]
    assert "add the line Filibuster(app)" in ran.summary[1]
