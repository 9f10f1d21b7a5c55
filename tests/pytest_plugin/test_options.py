"""Options of marked tests: where they can be given, and which wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import suites
from tests.support.cases import sample
from tests.support.suites import IN_PROCESS

few_plugins = suites.few_plugins

SERVICES = """
    import requests
    from flask import Flask

    from flask_filibuster import Filibuster

    front, back = Flask("front"), Flask("back")
    front.config["FILIBUSTER_MAX_EXECUTIONS"] = 5
    Filibuster(front)

    @front.get("/")
    def index():
        for number in range(3):
            try:
                requests.get("http://back/" + str(number))
            except requests.RequestException:
                pass
        return "page"

    @front.get("/careless")
    def careless():
        return requests.get("http://back/1", timeout=1).text

    @back.get("/<int:number>")
    def part(number):
        return "part"

    def services():
        return {"http://front": front, "http://back": back}
"""
TEST = """
    import pytest
    import requests

    @pytest.mark.filibuster(MARK)
    def test_page():
        assert requests.get("http://front/").status_code == 200
"""


class Suite:
    """A directory with a suite of one marked test in it.

    Its services are named in ``[tool.filibuster]``.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.path = pytester.path
        self._pytester = pytester
        pytester.makepyfile(served=SERVICES)
        self.project('services = "served:services"')
        self.mark("")

    def project(self, *lines: str) -> None:
        self._pytester.path.joinpath("pyproject.toml").write_text(
            "\n".join(("[tool.filibuster]", *lines))
        )

    def ini(self, line: str) -> None:
        self._pytester.makeini(f"[pytest]\n{line}")

    def mark(self, arguments: str, test: str = TEST) -> None:
        self._pytester.makepyfile(test_it=test.replace("MARK", arguments))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        told = ("-W", "default", "-W", "error::DeprecationWarning", *IN_PROCESS, *arguments)
        done = self._pytester.runpytest_inprocess(*told)
        return int(done.ret), done.stdout.str(), done.stderr.str()

    def executions(self, *arguments: str) -> str:
        """How many executions the summary tells of."""
        code, output, errors = self.run(*arguments)
        assert code == 0, output + errors
        (line,) = (
            each for each in output.splitlines() if each.startswith("test_it.py::test_page: ")
        )
        return line.split()[1]


@pytest.fixture
def suite(pytester: pytest.Pytester, few_plugins: None) -> Suite:
    return Suite(pytester)


SERVED = 'services = "served:services"'


@pytest.mark.slow
def test_services_named_in_the_project(suite: Suite) -> None:
    assert suite.executions() == "5"  # As the configuration of the app says.


@pytest.mark.slow
@pytest.mark.parametrize("place", ["project", "ini", "option"])
def test_wrong_services_name_their_place(suite: Suite, place: str) -> None:
    suite.project('services = "served:nowhere"')
    arguments = ["--filibuster-services=served:nowhere"] if place == "option" else []
    if place == "ini":
        suite.ini("filibuster_services = served:nowhere")
    code, output, _ = suite.run(*arguments)
    assert code == 1
    spelt = {
        "project": f"services in [tool.filibuster] of {suite.path / 'pyproject.toml'}: cannot",
        "ini": f"filibuster_services in {suite.path / 'tox.ini'}: cannot",
        "option": "--filibuster-services: cannot",
    }
    assert spelt[place] in output


@pytest.mark.slow
def test_each_place_wins_over_the_next(suite: Suite) -> None:
    suite.project(SERVED, "max_executions = 4")
    assert suite.executions() == "4"
    suite.ini("filibuster_max_executions = 3")
    assert suite.executions() == "3"
    suite.mark("max_executions=2")
    assert suite.executions() == "2"
    assert suite.executions("--filibuster-max-executions=3") == "3"


@pytest.mark.slow
def test_services_named_in_the_ini_file(suite: Suite) -> None:
    suite.project()
    suite.ini("filibuster_services = served:services")
    assert suite.executions() == "5"


@pytest.mark.slow
def test_services_of_a_fixture_win(suite: Suite) -> None:
    suite.project('services = "missing:services"')
    Path(suite.path, "conftest.py").write_text(
        "import pytest, served\n"
        "@pytest.fixture\n"
        "def filibuster_services():\n"
        "    return served.services()\n"
    )
    assert suite.executions() == "5"


def test_missing_services_fail_the_test(suite: Suite) -> None:
    suite.project('services = "missing:services"')
    code, output, _ = suite.run()
    assert code == 1
    assert "cannot import services 'missing:services': No module named 'missing'" in output


@pytest.mark.slow
def test_option_switches_off_the_projects(suite: Suite) -> None:
    suite.project(SERVED, "max_executions = 100", "audit = 5")
    whole = int(suite.executions())
    assert int(suite.executions("--filibuster-audit=0")) < whole


@pytest.mark.slow
def test_slow_needs_a_timeout(suite: Suite) -> None:
    suite.project(SERVED, "slow = true")
    code, output, _ = suite.run()
    assert code == 1
    assert "Proves nothing: No fault injected: the fault model has no fault" in output
    assert suite.executions("--no-filibuster-slow") == "5"


@pytest.mark.parametrize(
    ("project", "ini", "arguments", "complaint"),
    [
        pytest.param(
            "max_fault = 2",
            "",
            (),
            "unknown key 'max_fault' in [tool.filibuster] of ",
            id="project",
        ),
        pytest.param(
            "",
            "filibuster_max_fault = 2",
            (),
            "did you mean 'filibuster_max_faults'?",
            id="ini key",
        ),
        pytest.param(
            "",
            "filibuster_max_faults = two",
            (),
            "is 'two'; it must be a whole number from 1",
            id="ini value",
        ),
        pytest.param(
            "",
            "",
            ("--filibuster-slow", "--filibuster-analysis-file=a.json"),
            "--filibuster-slow and --filibuster-analysis-file both set the fault model",
            id="contradiction",
        ),
    ],
)
def test_mistake(
    suite: Suite, project: str, ini: str, arguments: tuple[str, ...], complaint: str
) -> None:
    suite.project(project)
    if ini:
        suite.ini(ini)
    code, _, errors = suite.run(*arguments)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert complaint in errors


def test_unknown_argument_of_the_mark(suite: Suite) -> None:
    suite.mark("max_fault=2")
    code, output, _ = suite.run()
    assert code == pytest.ExitCode.INTERRUPTED
    assert "does not accept max_fault; did you mean 'max_faults'?" in output


CARELESS = """
    import pytest
    import requests

    @pytest.mark.filibuster(MARK)
    def test_page():
        requests.get("http://front/careless")
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", sample(["option", "ini", "project", "mark"]))
def test_bugs_that_oracles_find_are_failures(suite: Suite, place: str) -> None:
    suite.mark("strict=True" if place == "mark" else "", CARELESS)
    suite.project(SERVED, "strict = true" if place == "project" else "")
    suite.ini("filibuster_strict = true" if place == "ini" else "")
    code, output, _ = suite.run(*(["--filibuster-strict"] if place == "option" else []))
    assert code == 1
    assert "FAILED test_it.py::test_page" in output
    assert "\nuncaught exception: Unhandled " in output
    assert "Warning: uncaught exception" not in output


@pytest.mark.slow
def test_bugs_that_oracles_find_are_warnings(suite: Suite) -> None:
    suite.mark("strict=True", CARELESS)
    code, output, _ = suite.run("--no-filibuster-strict")
    assert code == 0
    assert "Warning: uncaught exception" in output


@pytest.mark.slow
def test_warnings_are_no_bugs(suite: Suite) -> None:
    assert suite.executions("--filibuster-strict") == "5"  # Its calls have no timeout.


@pytest.mark.slow
def test_oracle_switched_off(suite: Suite) -> None:
    assert "no timeout" in suite.run()[1]
    assert "no timeout" not in suite.run("--no-filibuster-oracle=no-timeout")[1]
    suite.ini("filibuster_oracles = no-timeout")
    assert "no timeout" not in suite.run()[1]
    suite.mark("oracles=['no-timeuot']")
    assert "did you mean 'no timeout'" in suite.run()[1]
