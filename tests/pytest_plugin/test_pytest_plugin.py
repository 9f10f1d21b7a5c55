"""The pytest plugin, seen from suites that use it.

Most suites here explore a request to ``front``, which calls ``back``. By default that call can end
in ConnectionError, Timeout and 500, so that there are four executions: one without a fault, and
these three. The one without a fault is run twice.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import requests

from flask_filibuster.instrumentation.frames import current_scope
from tests.support import suites
from tests.support.suites import (
    CAREFUL,
    CARELESS,
    CONFTEST,
    EXECUTIONS,
    LINE_OF_CALL,
    RUNS,
    SERVICES,
    WITHOUT,
    Suite,
)

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


# --- what is explored, and what a failure shows ---------------------------------------------------


def test_marked_test_meets_every_fault(suite: Suite) -> None:
    ran = suite.run(CAREFUL)
    assert ran.code == 0
    assert ran.outcomes["passed"] == 1
    assert ran.count("body") == RUNS
    assert ran.count("back was reached") == 2
    assert ran.summary == ["test_it.py::test_page: 4 executions: nothing found"]


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


def test_broken_test_fails_as_ever(
    suite: Suite,
) -> None:
    ran = suite.run(CAREFUL.replace("== 200", "== 201"))
    assert ran.outcomes["failed"] == 1
    assert ran.count("body") == 1
    assert "assert 200 == 201" in ran.output
    assert "filibuster:" not in ran.output
    assert ran.summary == []


def test_no_call_proves_nothing(suite: Suite) -> None:
    ran = suite.run("import pytest\n@pytest.mark.filibuster\ndef test_page():\n    pass\n")
    assert ran.outcomes["failed"] == 1
    assert "Proves nothing: No fault injected: the fault-free execution made no call" in ran.output
    assert "no call was seen" in ran.summary[1]
    assert "add the line Filibuster(app)" in ran.summary[1]


# --- replay ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_replay_shows_the_failure_alone(suite: Suite) -> None:
    found = suite.run(CARELESS + "\n    def test_other():\n        note('other')\n")
    ran = suite.elsewhere(*found.replay)
    assert ran.code == 1
    assert ran.notes == ["body"]
    assert "assert 500 == 200" in ran.output
    assert "raises Timeout" in ran.output
    assert ran.summary == [
        "test_it.py::test_page: 1 execution: reproduced: AssertionError: assert 500 == 200"
    ]


def test_replay_deselects_all_other_tests(suite: Suite) -> None:
    found = suite.run(CARELESS + "\n    def test_other():\n        note('other')\n")
    ran = suite.again("--filibuster-replay", found.replay[-1])
    assert ran.outcomes == {"failed": 1, "deselected": 1}
    assert ran.count("other") == 0


def test_replay_passes_after_the_fix(suite: Suite) -> None:
    found = suite.run(CARELESS)
    suite.write(services=SERVICES.replace("requests.ConnectionError", "requests.RequestException"))
    ran = suite.again(*found.replay)
    assert ran.code == 0
    (line,) = ran.summary
    assert line.startswith("test_it.py::test_page: 1 execution: not reproduced: the test passes")
    assert line.endswith("(recorded: AssertionError: assert 500 == 200)")


def test_replay_without_its_call_fails(suite: Suite) -> None:
    found = suite.run(CARELESS)
    suite.write(services=SERVICES.replace("5001/data", "5001/other"))
    ran = suite.again(*found.replay)
    assert ran.code == 2
    assert "not reproduced: the faults could not be injected" in ran.output
    assert "the call was not made: front -> back" in ran.output
    assert ran.summary == [
        "test_it.py::test_page: 1 execution: not reproduced: the faults could not be injected"
    ]


def test_skipped_replay_shows_nothing(suite: Suite) -> None:
    found = suite.run(CARELESS)
    suite.write(test_it=CARELESS.replace("assert", 'pytest.skip("known") if 1 else', 1))
    ran = suite.again(*found.replay)
    assert ran.outcomes == {"skipped": 1}
    assert ": not reproduced: the test is skipped (recorded:" in ran.summary[0]


def test_replay_fits_the_working_directory(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    below = suite.path / "tests with space"
    below.mkdir()
    (suite.path / "conftest.py").rename(below / "conftest.py")
    suite.write(**{"tests with space/test_it": CARELESS})
    suite.pytester.syspathinsert(suite.path)
    from_above = suite.again("tests with space/test_it.py")
    assert from_above.replay[0] == "tests with space/test_it.py::test_page"
    assert from_above.replay[-1].startswith(".filibuster/")
    monkeypatch.chdir(below)
    from_below = suite.again("test_it.py")
    assert from_below.replay[0] == "test_it.py::test_page"
    assert Path(from_below.replay[-1]).parent == suite.path / ".filibuster"
    assert ": 1 execution: reproduced:" in suite.again(*from_below.replay).summary[0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(None, "cannot read the counterexample", id="there is none"),
        pytest.param(b"\xff\xfe", "cannot read the counterexample", id="not text"),
        pytest.param(b"{", "cannot read the counterexample", id="not JSON"),
        pytest.param(b"[]", "not a counterexample of version 1", id="another JSON"),
        pytest.param(b'{"version": 99}', "its version: 99", id="of the future"),
        pytest.param(b'{"version": 1}', "is damaged", id="empty"),
    ],
)
def test_unusable_counterexample_is_wrong_usage(
    suite: Suite, content: bytes | None, complaint: str
) -> None:
    file = suite.path / "saved.json"
    if content is not None:
        file.write_bytes(content)
    ran = suite.run(CARELESS, "--filibuster-replay", "saved.json")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert complaint in ran.errors
    assert "saved.json" in ran.errors
    assert "Traceback" not in ran.errors + ran.output
    assert ran.notes == []


def test_counterexample_of_a_command(suite: Suite) -> None:
    """It is refused with a hint."""
    found = suite.run(CARELESS)
    file = suite.path / found.replay[-1]
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"test": "GET /page", "details": {"request": {}}}))
    ran = suite.again(*found.replay)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "is a counterexample of GET /page, not of a test" in ran.errors
    assert "flask --app … filibuster replay .filibuster/" in ran.errors


def test_counterexample_of_a_missing_test(suite: Suite) -> None:
    found = suite.run(CARELESS)
    ran = suite.run(CARELESS.replace("test_page", "test_renamed"), *found.replay[1:])
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "is a counterexample of test_it.py::test_page, which is not among the" in ran.errors


def test_replay_contradicts_no_filibuster(suite: Suite) -> None:
    found = suite.run(CARELESS)
    ran = suite.again(*found.replay, "--no-filibuster")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "--no-filibuster contradicts --filibuster-replay" in ran.errors


def test_unwritable_counterexample_hides_no_failure(
    suite: Suite,
) -> None:
    (suite.path / ".filibuster").write_text("in the way")
    ran = suite.run(CARELESS)
    assert ran.outcomes["failed"] == 1
    assert "replay: not possible: cannot write the counterexample" in ran.output
    assert "raises Timeout" in ran.output


# --- fixtures -------------------------------------------------------------------------------------


def test_fixtures_are_fresh_per_execution(suite: Suite) -> None:
    ran = suite.run(
        """
        import sqlite3
        import pytest
        import requests
        from services import note

        @pytest.fixture
        def database(tmp_path):
            connection = sqlite3.connect(tmp_path / "rows.db")
            connection.execute("CREATE TABLE rows (value)")
            note("set up")
            yield connection
            connection.close()
            note("torn down")

        @pytest.mark.filibuster
        def test_page(database, tmp_path):
            assert [each.name for each in tmp_path.iterdir()] == ["rows.db"]
            (tmp_path / "more").write_text("more")
            database.execute("INSERT INTO rows VALUES (1)")
            assert database.execute("SELECT count(*) FROM rows").fetchone() == (1,)
            requests.get("http://front:5000/careful")
            note("body")
        """
    )
    assert ran.code == 0
    one = ["set up", "body", "torn down"]
    assert [each for each in ran.notes if each != "back was reached"] == one * RUNS


def test_objects_are_fresh_per_execution(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        class TestPage:
            found = None

            @pytest.fixture(autouse=True)
            def prepared(self):
                assert not hasattr(self, "value")
                self.value = 1

            def setup_method(self):
                note("setup_method")

            @pytest.mark.filibuster
            def test_page(self):
                assert self.value == 1 and self.found is None
                self.found = requests.get("http://front:5000/careful").text
        """
    )
    assert ran.code == 0
    assert ran.count("setup_method") == RUNS
    assert ran.summary == ["test_it.py::TestPage::test_page: 4 executions: nothing found"]


def test_each_set_of_parameters_is_explored(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        @pytest.fixture(params=["x", "y"])
        def made(request):
            note(f"made {request.param}")
            return request.param

        @pytest.mark.filibuster
        @pytest.mark.parametrize("path", ["careful", pytest.param("careless", id="a bug")])
        def test_page(path, made):
            assert requests.get(f"http://front:5000/{path}").status_code == 200
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == 2
    assert ran.count("made x") == ran.count("made y") == 2 * RUNS
    replayed = suite.again(*ran.replay)
    assert replayed.outcomes["failed"] == 1
    assert replayed.notes == ["made x"]


def test_marked_parameters_alone_are_explored(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        @pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.filibuster)])
        def test_page(n):
            note(str(n))
            if n == 2:
                requests.get("http://front:5000/careful")
        """
    )
    assert ran.count("1") == 1
    assert ran.count("2") == RUNS


def test_methods_of_unittest_are_explored(suite: Suite) -> None:
    ran = suite.run(
        """
        import unittest
        import pytest
        import requests
        from services import note

        @pytest.mark.filibuster
        class PageTest(unittest.TestCase):
            def setUp(self):
                assert not hasattr(self, "page")
                note("setUp")

            def tearDown(self):
                note("tearDown")

            def test_careful(self):
                self.page = requests.get("http://front:5000/careful")
                self.assertEqual(self.page.status_code, 200)

            def test_careless(self):
                self.page = requests.get("http://front:5000/careless")
                self.assertEqual(self.page.status_code, 200)

            def test_skipped(self):
                self.skipTest("not today")
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == ran.outcomes["skipped"] == 1
    assert ran.count("setUp") == ran.count("tearDown") == 2 * RUNS + 1
    assert "AssertionError: 500 != 200" in ran.output
    assert "raises Timeout" in ran.output
    assert suite.again(*ran.replay).summary == [
        "test_it.py::PageTest::test_careless: 1 execution: reproduced: AssertionError: 500 != 200"
    ]


SHARED = """
    import pytest
    from services import back, front, note

    def shared(scope):
        @pytest.fixture(scope=scope, autouse=True)
        def fixture():
            note(f"{scope} begins")
            yield
            note(f"{scope} ends")
        return fixture
"""
MARKED = """
    import pytest, requests
    from services import note

    @pytest.mark.filibuster
    def test_marked():
        note("marked")
        requests.get("http://front:5000/careful")
"""
PLAIN = """
    from services import note

    def test_plain():
        note("plain")
"""


def test_wider_fixtures_are_shared(
    suite: Suite,
) -> None:
    """They are torn down when pytest would."""
    suite.write(
        conftest=CONFTEST
        + SHARED
        + """
    of_session, of_module = shared("session"), shared("module")
    """,
        **{
            "one/__init__": "",
            "one/conftest": SHARED + "\n    of_package = shared('package')\n",
            "one/test_a": MARKED + PLAIN,
            "one/test_b": MARKED,
            "two/__init__": "",
            "two/test_c": PLAIN,
            "two/test_d": MARKED,
        },
    )
    ran = suite.again()
    assert ran.outcomes["passed"] == 5
    fault_free = ["marked", "back was reached"]
    marked = [*fault_free, *fault_free, *["marked"] * (EXECUTIONS - 1)]
    module = ["module begins", *marked, "module ends"]
    assert ran.notes == [
        "session begins",
        *["package begins", "module begins", *marked, "plain", "module ends"],
        *[*module, "package ends"],
        *["module begins", "plain", "module ends"],
        *[*module, "session ends"],
    ]


def test_fixtures_keep_pytests_order(suite: Suite) -> None:
    suite.write(
        conftest="""
            import pytest
            from services import back, front, note

            @pytest.fixture(scope="session", autouse=True)
            def environment():
                note("environment")

            @pytest.fixture(autouse=True)
            def settings():
                note("settings")

            @pytest.fixture
            def app():
                note("app")
                return front

            @pytest.fixture
            def filibuster_services():
                note("services")
                return {"http://front:5000": front, "http://back:5001": back}
        """
    )
    mark = "@pytest.mark.filibuster(check_determinism=False)"
    source = f"""
        import pytest
        {mark}
        def test_page(client): pass
    """
    marked = suite.run(source)
    plain = suite.run(source.replace(mark, ""))
    assert plain.notes[0] == "environment"
    assert [each for each in marked.notes if each != "services"] == plain.notes
    assert marked.count("services") == 1


def test_requests_of_fixtures_never_fail(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from services import note

        def ask(who):
            answer = requests.get("http://front:5000/careless")
            note(f"{who} got {answer.status_code} {answer.text}")

        @pytest.fixture(scope="session")
        def seeded():
            ask("session fixture")

        @pytest.fixture(autouse=True)
        def checked(seeded):
            ask("set-up")
            yield
            ask("tear-down")

        @pytest.mark.filibuster
        def test_page():
            requests.get("http://front:5000/careless")
        """
    )
    assert ran.outcomes["passed"] == 1
    assert ran.count("session fixture got 200 data") == 1
    assert ran.count("set-up got 200 data") == ran.count("tear-down got 200 data") == RUNS
    assert ran.summary == ["test_it.py::test_page: 4 executions: 2 bugs"]


def test_requests_of_hooks_never_fail(suite: Suite) -> None:
    suite.write(
        conftest=CONFTEST
        + """
    import requests
    from services import note

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call():
        note(f"before: {requests.get('http://front:5000/careless').text}")
        yield
        note(f"after: {requests.get('http://front:5000/careless').text}")
    """
    )
    ran = suite.run(CAREFUL)
    assert ran.outcomes["passed"] == 1
    assert ran.count("before: data") == ran.count("after: data") == RUNS


def test_services_fixture_may_use_others(suite: Suite) -> None:
    """And the network."""
    suite.write(
        conftest="""
            import pytest
            import requests
            from services import back, front, note

            @pytest.fixture
            def filibuster_services(request, tmp_path):
                with pytest.raises(requests.ConnectionError):
                    requests.get("http://127.0.0.1:1/careful", timeout=1)
                note(f"services of {request.node.name}")
                return {"http://front:5000": front, "http://back:5001": back}
        """
    )
    ran = suite.run(CAREFUL)
    assert ran.outcomes["passed"] == 1
    assert ran.count("services of test_page") == RUNS


@pytest.mark.parametrize(
    ("services", "complaint"),
    [
        pytest.param("[front]", "it must return a dict of apps by base URL", id="a list"),
        pytest.param("{'front': front}", "'front' in services=… is not a base URL", id="no URL"),
        pytest.param("{'http://front': 1}", "it must be a WSGI app", id="no app"),
        pytest.param("1 / 0", "ZeroDivisionError: division by zero", id="an error of its own"),
    ],
)
def test_unusable_services_are_set_up_errors(suite: Suite, services: str, complaint: str) -> None:
    suite.write(
        conftest=f"""
            import pytest
            from services import front

            @pytest.fixture
            def filibuster_services():
                return {services}
        """
    )
    ran = suite.run(CAREFUL)
    assert ran.code == 1
    assert ran.outcomes["error"] == 1
    assert complaint in ran.output
    assert "pytest_runner.py:" not in ran.output or "ZeroDivision" in complaint
    assert ran.notes == []


def test_wrong_configuration_fails_set_up(suite: Suite) -> None:
    suite.write(
        conftest=CONFTEST
        + """
    front.config["FILIBUSTER_ANALYSIS_FILE"] = "nowhere.json"
    """
    )
    ran = suite.run(CAREFUL)
    assert ran.outcomes["error"] == 1
    assert "cannot read the analysis file nowhere.json" in ran.output
    assert "direct cause" not in ran.output  # It would be the same message again.
    assert "Traceback" not in ran.output


# --- outcomes other than passed and failed --------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "path", "outcome", "runs"),
    [
        pytest.param("skip", "careful", "skipped", 0, id="skip"),
        pytest.param("skipif(True, reason='why')", "careful", "skipped", 0, id="skipif"),
        pytest.param("xfail", "careless", "xfailed", RUNS, id="expected bug"),
        pytest.param("xfail(strict=True)", "careless", "xfailed", RUNS, id="strict, bug"),
        pytest.param("xfail(raises=ValueError)", "careless", "failed", RUNS, id="other bug"),
        pytest.param("xfail", "careful", "xpassed", RUNS, id="unexpectedly no bug"),
        pytest.param("xfail(strict=True)", "careful", "failed", RUNS, id="strict, no bug"),
        pytest.param("xfail(run=False)", "careless", "xfailed", 0, id="not run"),
        pytest.param("xfail", "nowhere", "xfailed", 1, id="fails without a fault"),
    ],
)
def test_outcome_marks_judge_the_exploration(
    suite: Suite, mark: str, path: str, outcome: str, runs: int
) -> None:
    ran = suite.run(
        CAREFUL.replace("careful", path).replace(
            "    @pytest.mark", f"    @pytest.mark.{mark}\n    @pytest.mark", 1
        )
    )
    assert ran.outcomes[outcome] == 1
    assert ran.count("body") == runs


def test_skipping_test_is_skipped(suite: Suite) -> None:
    ran = suite.run(CAREFUL.replace('note("body")', 'note("body"); pytest.skip("not today")'))
    assert ran.outcomes == {"skipped": 1}
    assert ran.count("body") == 1


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


def test_failed_set_up_is_retried(suite: Suite) -> None:
    ran = suite.run(LOCKED.format(phase="setup", runs=(4,)))
    assert ran.code == 0
    assert ran.outcomes["passed"] == 1
    counts, note = ran.summary
    assert counts == "test_it.py::test_page: 4 executions: nothing found"
    assert "execution 3 was inconclusive on the first attempt" in note


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


# --- warnings -------------------------------------------------------------------------------------

FINDINGS = CARELESS.replace("assert answer.status_code == 200", "assert answer is not None")


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


def test_broken_test_says_so(suite: Suite) -> None:
    ran = suite.run(CARELESS.replace("== 200", "== 418"))
    assert ran.outcomes["failed"] == 1
    assert "The fault-free execution failed: no fault injected." in ran.output
    assert "The fault-free execution" not in suite.run(CARELESS).output


def test_exception_behind_failure_is_no_warning(suite: Suite) -> None:
    ran = suite.run(CARELESS)
    assert ran.output.count("Unhandled ReadTimeout in front") == 1
    assert "FilibusterWarning" not in ran.output


def test_findings_as_errors_fail(suite: Suite) -> None:
    ran = suite.run(FINDINGS, "-W", "error")
    assert ran.code == 1
    assert ran.outcomes == {"failed": 1}
    assert "uncaught exception: Unhandled ReadTimeout in front" in ran.output
    assert "answer 500: front answers 500 to GET /careless" in ran.output
    assert "INTERNALERROR" not in ran.output
    assert "warn_explicit" not in ran.output
    assert ran.count("body") == RUNS


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


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_session_stops_after_first_failure(suite: Suite, option: str) -> None:
    ran = suite.run(TWO, option)
    assert ran.outcomes["failed"] == 1
    assert ran.count("first") == RUNS
    assert ran.count("second") == 0
    assert ran.count("server down") == 1
    assert "ERROR at teardown of test_first" in ran.output


def test_tests_are_chosen_by_keyword(suite: Suite) -> None:
    ran = suite.run(TWO, "-k", "second")
    assert ran.count("first") == 0
    assert ran.count("second") == RUNS


def test_what_failed_last_is_explored_again(suite: Suite) -> None:
    suite.run(CARELESS + "\n    def test_other():\n        note('other')\n")
    ran = suite.again("--lf")
    assert ran.outcomes["failed"] == 1
    assert ran.count("body") == RUNS
    assert ran.count("other") == 0


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


def test_durations_cover_all_executions(suite: Suite) -> None:
    ran = suite.run(
        CAREFUL.replace('note("body")', "__import__('time').sleep(0.05)"), "--durations=0", "-vv"
    )
    durations = re.findall(r"([\d.]+)s (\w+) +test_it.py::test_page", ran.output)
    assert [phase for _, phase in durations if phase == "call"] == ["call"]
    assert max(float(seconds) for seconds, _ in durations) > 0.05 * RUNS


@pytest.mark.usefixtures("all_plugins")
@pytest.mark.slow
def test_xdist_has_the_same_summary(suite: Suite) -> None:
    suite.write(test_other=CAREFUL)
    suite.write(test_it=CARELESS)
    ran = suite.elsewhere("-n", "2")
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
@pytest.mark.slow
def test_xdist_reports_mistakes_of_marks(suite: Suite) -> None:
    suite.write(test_it="import pytest\n@pytest.mark.filibuster(max=1)\ndef test_page(): pass\n")
    ran = suite.elsewhere("-n", "1")
    assert ran.code != 0
    assert "the filibuster mark does not accept max" in ran.output


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


# --- our options ----------------------------------------------------------------------------------


def test_no_filibuster_runs_without_faults(suite: Suite) -> None:
    ran = suite.run(CARELESS, "--no-filibuster")
    assert ran.outcomes == {"passed": 1}
    assert ran.notes == ["body", "back was reached"]
    assert ran.summary == []


def test_no_filibuster_needs_no_fault_model(suite: Suite) -> None:
    suite.write(
        conftest=CONFTEST
        + """
    front.config["FILIBUSTER_ANALYSIS_FILE"] = "nowhere.json"
    """
    )
    assert suite.run(CAREFUL, "--no-filibuster").outcomes == {"passed": 1}


LIMITED = """
    import pytest
    import requests
    from services import front, note

    {config}

    @pytest.mark.filibuster{arguments}
    def test_page():
        note("body")
        requests.get("http://front:5000/careful")
"""


@pytest.mark.parametrize(
    ("config", "arguments", "options", "executions", "runs"),
    [
        pytest.param("", "", [], EXECUTIONS, RUNS, id="no limit"),
        pytest.param("front.config['FILIBUSTER_MAX_EXECUTIONS'] = 3", "", [], 3, 4, id="config"),
        pytest.param(
            "front.config['FILIBUSTER_MAX_EXECUTIONS'] = 3",
            "(max_executions=2)",
            [],
            2,
            3,
            id="mark over config",
        ),
        pytest.param(
            "front.config['FILIBUSTER_MAX_EXECUTIONS'] = 3",
            "(max_executions=2)",
            ["--filibuster-max-executions=4"],
            4,
            5,
            id="option over mark",
        ),
        pytest.param(
            "front.config['FILIBUSTER_CHECK_DETERMINISM'] = False",
            "",
            [],
            EXECUTIONS,
            EXECUTIONS,
            id="not twice, by config",
        ),
        pytest.param(
            "front.config['FILIBUSTER_CHECK_DETERMINISM'] = False",
            "(check_determinism=True)",
            [],
            EXECUTIONS,
            RUNS,
            id="twice, by mark over config",
        ),
    ],
)
def test_options_then_mark_then_configuration(
    suite: Suite, config: str, arguments: str, options: list[str], executions: int, runs: int
) -> None:
    ran = suite.run(LIMITED.format(config=config, arguments=arguments), *options)
    assert ran.outcomes["passed"] == 1
    assert ran.count("body") == runs
    counts = "1 execution" if executions == 1 else f"{executions} executions"
    assert re.match(rf"test_it\.py::test_page: {counts}[,:]", ran.summary[0])


TWICE = """
    import pytest
    import requests
    from flask_filibuster import FaultModel

    FAULTS = FaultModel(exceptions=["ConnectionError"], default_statuses=())

    @pytest.mark.filibuster({arguments})
    def test_page():
        requests.get("http://front:5000/constant")
        requests.get("http://front:5000/constant?again")
"""


@pytest.mark.parametrize(
    ("arguments", "options", "counts"),
    [
        pytest.param("faults=FAULTS", [], "3 executions, 1 pruned", id="default"),
        pytest.param(
            "faults=FAULTS, reduction='exact'",
            [],
            "3 executions, 1 pruned",
            id="exact",
        ),
        pytest.param("faults=FAULTS, reduction='none'", [], "4 executions", id="mark"),
        pytest.param("faults=FAULTS", ["--filibuster-reduction=none"], "4 executions", id="option"),
        pytest.param(
            "faults=FAULTS, reduction='none', max_faults=1",
            [],
            "3 executions, at least 1 not run (max_faults)",
            id="max_faults",
        ),
        pytest.param(
            "faults=FAULTS, reduction='none'",
            ["--filibuster-max-faults=1"],
            "3 executions, at least 1 not run (max_faults)",
            id="option for max_faults",
        ),
    ],
)
def test_mark_and_options_choose_faults(
    suite: Suite, arguments: str, options: list[str], counts: str
) -> None:
    ran = suite.run(TWICE.format(arguments=arguments), *options)
    assert ran.summary == [f"test_it.py::test_page: {counts}: nothing found"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param("max=1", "the filibuster mark does not accept max;", id="unknown"),
        pytest.param("3", "the filibuster mark does not accept 3;", id="positional"),
        pytest.param("max_faults=0", "max_faults is 0; it must be a whole number", id="zero"),
        pytest.param("max_executions='9'", "max_executions is '9'; it must be", id="text"),
        pytest.param(
            "reduction='all'",
            "reduction is 'all'; it must be 'equivalence' or 'exact' or 'none'",
            id="name",
        ),
        pytest.param("faults=[500]", "faults is [500]; it must be a FaultModel", id="faults"),
    ],
)
def test_mistake_of_a_mark_fails_collection(suite: Suite, arguments: str, complaint: str) -> None:
    ran = suite.run(
        f"""
        import pytest

        pytestmark = pytest.mark.filibuster({arguments})

        def test_one(): pass

        class TestMore:
            def test_two(self): pass
        """
    )
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "collected 0 items" in ran.output
    assert f"test_it.py::test_one: {complaint}" in ran.output.replace("the filibuster mark: ", "")
    assert "Traceback" not in ran.output
    assert "INTERNALERROR" not in ran.output


def test_marks_may_come_after_collection(suite: Suite) -> None:
    conftest = (
        CONFTEST
        + """
    def pytest_collection_modifyitems(items):
        for item in items:
            item.add_marker(pytest.mark.filibuster(max_executions=2))
    """
    )
    suite.write(conftest=conftest)
    source = CAREFUL.replace("@pytest.mark.filibuster", "")
    assert suite.run(source).count("body") == 3
    suite.write(conftest=conftest.replace("max_executions=", "max="))
    ran = suite.run(source)
    assert ran.outcomes["error"] == 1
    assert "the filibuster mark does not accept max" in ran.output


@pytest.mark.parametrize(
    "option",
    [
        "--filibuster-max-faults=0",
        "--filibuster-max-executions=-1",
        "--filibuster-max-faults=many",
        "--filibuster-reduction=all",
    ],
)
def test_mistake_of_an_option(suite: Suite, option: str) -> None:
    ran = suite.run(CAREFUL, option)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    name, _, value = option.partition("=")
    assert f"argument {name}: " in ran.errors
    assert repr(value) in ran.errors
    assert "a whole number from 1" in ran.errors or "'equivalence' or 'exact'" in ran.errors


def test_help_has_our_section(suite: Suite) -> None:
    ran = suite.again("--help")
    assert "fault injection for tests marked with filibuster" in ran.output
    for name in ("reduction", "max-faults", "max-executions", "replay"):
        assert f"--filibuster-{name}" in ran.output
    assert "--no-filibuster" in ran.output


def test_mark_and_fixtures_are_listed(suite: Suite) -> None:
    marks = suite.again("--markers")
    assert "@pytest.mark.filibuster(reduction=None, max_faults=None" in marks.output
    fixtures = suite.again("--fixtures")
    assert re.search(r"^filibuster -- .*pytest_plugin", fixtures.output, re.MULTILINE)
    assert "The services of marked tests: Flask apps by base URL." in fixtures.output


@pytest.mark.usefixtures("all_plugins")
@pytest.mark.slow
def test_mark_needs_the_plugin(suite: Suite) -> None:
    suite.write(test_it=CAREFUL)
    ran = suite.elsewhere("-p", "no:filibuster")
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "'filibuster' not found in `markers`" in ran.output


# --- what a test may ask --------------------------------------------------------------------------


def test_tests_may_ask_what_is_injected(suite: Suite) -> None:
    ran = suite.run(
        """
        import pytest
        import requests
        from flask_filibuster import was_fault_injected, was_fault_injected_on
        from services import note

        @pytest.mark.filibuster
        def test_page(filibuster):
            requests.get("http://front:5000/careful")
            note(f"{[str(each.fault) for each in filibuster.faults]}")
            answers = {
                filibuster.fault_injected,
                filibuster.fault_injected_on("back"),
                was_fault_injected(),
                was_fault_injected_on("back"),
                len(filibuster.faults) == 1,
            }
            assert len(answers) == 1
            assert not filibuster.fault_injected_on("front")
            note(f"{answers}")

        def test_no_mark(filibuster):
            assert not filibuster.fault_injected
            assert not filibuster.fault_injected_on("back")
            assert len(filibuster.faults) == 0
            assert not was_fault_injected()
        """
    )
    assert ran.outcomes["passed"] == 2
    assert ran.count("{False}") == 2
    assert ran.count("{True}") == 3
    for fault in ("raises ConnectionError", "raises Timeout", "answers 500 Internal Server Error"):
        assert ran.count(f"['{fault}']") == 1


def test_question_about_unreached_service(suite: Suite) -> None:
    ran = suite.run(
        CAREFUL.replace("def test_page():", "def test_page(filibuster):").replace(
            'note("body")', 'filibuster.fault_injected_on("bakc")'
        )
    )
    assert "was_fault_injected_on('bakc') names a service that no call reached" in ran.summary[1]
    assert "reached: back, front" in ran.summary[1]


# --- pytest-flask ---------------------------------------------------------------------------------

FLASK_CONFTEST = """
    import pytest
    from services import back, front

    @pytest.fixture
    def app():
        return front

    @pytest.fixture
    def filibuster_services():
        return {"http://back:5001": back}
"""


@pytest.mark.usefixtures("all_plugins")
def test_pytest_flask_is_explored(suite: Suite) -> None:
    suite.write(conftest=FLASK_CONFTEST)
    ran = suite.run(
        """
        import pytest
        from flask import request, url_for
        from services import note

        @pytest.mark.filibuster
        @pytest.mark.options(debug=True)
        def test_page(client, accept_json, config):
            note("body")
            assert url_for("careful") == "/careful"
            assert config["DEBUG"]
            assert request.path == "/"
            answer = client.get("/careful", headers=accept_json)
            assert answer.status_code == 200

        @pytest.mark.filibuster
        def test_careless_page(client):
            assert client.get("/careless").status_code == 200
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == 1
    assert ran.count("body") == RUNS
    assert ran.summary == [
        "test_it.py::test_careless_page: 4 executions: 2 bugs",
        "test_it.py::test_page: 4 executions: nothing found",
    ]
    assert "front -> back: GET http://back:5001/data" in ran.output


@pytest.mark.slow
def test_propagated_exceptions_fail_the_test(suite: Suite) -> None:
    suite.write(
        conftest=FLASK_CONFTEST.replace(
            "return front", "front.testing = True\n        return front"
        )
    )
    ran = suite.run(
        """
        import pytest

        @pytest.mark.filibuster
        def test_page(client):
            client.get("/careless")
        """
    )
    assert ran.outcomes["failed"] == 1
    assert re.search(r"^E +requests\.exceptions\.ReadTimeout", ran.output, re.MULTILINE)
    assert "raises Timeout" in ran.output


def test_app_has_a_temporary_extension(suite: Suite) -> None:
    suite.write(conftest=FLASK_CONFTEST)
    ran = suite.run(
        """
        import pytest
        from services import back, front, note

        def both():
            return [bool(app.extensions.get("filibuster")) for app in (front, back)]

        def test_before():
            assert both() == [False, False]

        @pytest.mark.filibuster
        def test_page(client):
            client.get("/careful")
            assert both() == [True, True]

        def test_after():
            assert both() == [False, False]
            assert not any(front.before_request_funcs.values())
        """
    )
    assert ran.outcomes == {"passed": 3}


def test_fresh_apps_are_explored(suite: Suite) -> None:
    suite.write(
        conftest="""
            import pytest
            import requests
            from flask import Flask
            from flask_filibuster import Filibuster
            from services import back, note

            filibuster = Filibuster()

            @pytest.fixture
            def app():
                app = Flask("made")
                filibuster.init_app(app, service_name="afresh")
                note("made")

                @app.get("/")
                def page():
                    return requests.get("http://back:5001/data", timeout=1).text

                return app

            @pytest.fixture
            def filibuster_services():
                return {"http://back:5001": back}
        """
    )
    ran = suite.run(
        """
        import pytest

        @pytest.mark.filibuster
        def test_page(client):
            assert client.get("/").status_code == 200
        """
    )
    assert ran.outcomes["failed"] == 1
    assert ran.count("made") == RUNS
    assert "afresh -> back: GET http://back:5001/data" in ran.output


# --- suites without a mark ------------------------------------------------------------------------


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


# --- proof ----------------------------------------------------------------------------------------


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


def test_unexplored_calls_are_warned_of(suite: Suite) -> None:
    ran = suite.run(UNEXPLORED.format(arguments=""))
    assert ran.outcomes["passed"] == 1
    assert "FilibusterWarning: Unexplored call" in ran.output
    assert any("process true, at " in line for line in ran.summary)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [("(unexplored='fail')", []), ("", ["--filibuster-unexplored=fail"])],
    ids=["mark", "option"],
)
def test_unexplored_calls_fail_if_asked(suite: Suite, arguments: str, options: list[str]) -> None:
    ran = suite.run(UNEXPLORED.format(arguments=arguments), *options)
    assert ran.outcomes["failed"] == 1
    assert "Proves nothing: Unexplored call" in ran.output


def test_unexplored_calls_can_be_fine(suite: Suite) -> None:
    ran = suite.run(UNEXPLORED.format(arguments=""), "--filibuster-unexplored=fail,true")
    assert ran.outcomes["passed"] == 1
    assert "Unexplored" not in ran.output


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
