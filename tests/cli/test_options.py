"""Options of the commands, and those of the project that they are run in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import shops
from tests.support.embedded import program

SHOP = program("shop_of_parts.py")


class Project(shops.Project):
    """A directory with an app in it, whose services are named in ``[tool.filibuster]``."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.write("shop.py", SHOP)
        self.options('services = "shop:services"')

    def options(self, *lines: str) -> None:
        self.write("pyproject.toml", "\n".join(("[tool.filibuster]", *lines)))

    def executed(self, *arguments: str) -> int:
        done = self.flask("explore", "/", "--json", *arguments)
        assert done.exit_code == 0, done.stderr
        return int(json.loads(done.stdout)["executed"])


directory = shops.project


@pytest.fixture
def project(directory: shops.Project) -> Project:
    return Project(directory.path)


SERVED = 'services = "shop:services"'


@pytest.mark.slow
def test_each_place_wins_over_the_next(project: Project) -> None:
    assert project.executed() == 5
    project.options(SERVED, "max_executions = 3")
    assert project.executed() == 3
    assert project.executed("--max-executions", "2") == 2


@pytest.mark.slow
def test_services_of_the_project_reach_workers(project: Project) -> None:
    project.options(SERVED, "workers = 2")
    assert project.executed() == 5


@pytest.mark.slow
def test_services_of_the_command_line_win(project: Project) -> None:
    project.options('services = "missing:services"')
    assert project.executed("--services", "shop:services") == 5
    done = project.flask("explore", "/")
    assert done.exit_code == 2
    assert "No module named 'missing'" in done.stderr


def test_wrong_services_name_their_place(project: Project) -> None:
    project.options('services = "shop:nowhere"')
    file = project.path / "pyproject.toml"
    done = project.flask("explore", "/")
    assert f"Error: services in [tool.filibuster] of {file}: shop:nowhere: " in done.stderr
    done = project.flask("explore", "/", "--services", "shop:none")
    assert "Error: --services shop:none: " in done.stderr


def test_journal_of_the_project(project: Project) -> None:
    project.options(SERVED, "journal = false")
    project.executed()
    assert not (project.path / ".filibuster").exists()
    project.options(SERVED, 'journal = "kept.sqlite3"')
    project.executed()
    assert (project.path / "kept.sqlite3").exists()


@pytest.mark.parametrize(
    ("line", "arguments", "complaint"),
    [
        pytest.param("max_fault = 1", [], "did you mean 'max_faults'?", id="unknown key"),
        pytest.param("workers = -1", [], "is -1; it must be a whole number from 0", id="value"),
        pytest.param("", ["--settle", "0"], "'0' is not at least 0.001 seconds", id="command line"),
        pytest.param(
            "",
            ["--slow", "--analysis-file", "a.json"],
            "--slow and --analysis-file both set the fault model",
            id="contradiction",
        ),
    ],
)
def test_mistake(project: Project, line: str, arguments: list[str], complaint: str) -> None:
    project.options(SERVED, line)
    done = project.flask("explore", "/", *arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert done.stdout == ""


def test_analysis_file_of_an_exploration(project: Project) -> None:
    analysis = {
        "python": {
            "pattern": r"requests\.get",
            "exceptions": [{"name": "requests.exceptions.ConnectionError"}],
        }
    }
    project.path.joinpath("a.json").write_text(json.dumps(analysis))
    assert project.executed("--analysis-file", "a.json", "--max-faults", "1") == 4


@pytest.mark.slow
def test_faults_of_an_exploration(project: Project) -> None:
    project.write("few.toml", "[[calls]]\nfaults = ['ConnectionError']")
    assert project.executed("--faults", "few.toml", "--max-faults", "1") == 4
    project.options(SERVED, 'faults = "few.toml"', "max_faults = 1")
    assert project.executed() == 4
    assert project.executed("--faults", "quick", "--max-executions", "5") == 5
    done = project.flask("explore", "/", "--faults", "standrd")
    assert "did you mean 'standard'?" in done.stderr


def test_status_tells_where_values_come_from(project: Project) -> None:
    status = json.loads(project.flask("status", "--json").stdout)
    assert (status["max_executions"], status["sources"]["max_executions"]) == (5, "app.config")
    assert (status["audit"], status["sources"]["audit"]) == (0, "default")
    lines = project.flask("status").stdout.splitlines()
    assert "max executions: 5 (app.config)" in lines
    assert "max seconds:    3600" in lines


@pytest.mark.slow
def test_oracle_switched_off(project: Project) -> None:
    found = project.flask("explore", "/").stdout
    assert "without a timeout" in found
    assert (
        "without a timeout" not in project.flask("explore", "/", "--no-oracle", "no-timeout").stdout
    )
    project.options(SERVED, 'oracles = ["no-timeout"]')
    assert "without a timeout" not in project.flask("explore", "/").stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--no-oracle", "no-timeot"], "did you mean 'no timeout'"),
        (["--oracle", "no-timeout"], "'no-timeout' is not 'module:name'"),
        (["--oracle", "missing:Oracle"], "No module named 'missing'"),
    ],
)
def test_mistake_in_an_oracle(project: Project, arguments: list[str], complaint: str) -> None:
    done = project.flask("explore", "/", *arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr
