"""``flask filibuster why``: answers from the journal, those that memory gives."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from flask_filibuster import FaultModel, explore
from flask_filibuster.exploring.explaining.recorded import why_recorded
from flask_filibuster.journal.reading import read_exploration
from flask_filibuster.report.why import explanation_data, explanation_text
from tests.support import outages, shops
from tests.support.shops import Project

project = shops.project


def why(project: Project, *arguments: str) -> str:
    result = project.flask("why", *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refusal(project: Project, *arguments: str) -> str:
    result = project.flask("why", *arguments)
    assert result.exit_code == 2
    return result.stderr.partition("Error: ")[2]


class TestAnswers:
    def test_executed_set(self, project: Project) -> None:
        project.flask("explore", "/careless")
        told = why(project, "stock Timeout")
        first, *lines = told.splitlines()
        assert first.startswith("flask --app shop filibuster explore GET /careless ")
        assert first.endswith(" (complete)")
        assert lines[:2] == ["with this fault:", "  shop -> stock: GET http://stock:5001/count"]
        assert "Executed as number 3: the test passed." in lines
        assert "That execution shows a bug: Unhandled ReadTimeout in shop" in told
        assert lines[-3:] == [
            "step by step, as observed",
            "  1. the test -> shop  GET http://shop/careless: ends with 500",
            "  2. shop -> stock  GET http://stock:5001/count: raises Timeout (the fault)",
        ]

    @pytest.mark.slow
    def test_counterexample_names_its_test(self, project: Project) -> None:
        (_, file, *_) = project.found()
        project.flask("explore", "/careful")
        told = why(project, file)
        assert "explore GET /careless" in told
        assert "raises Timeout" in told
        assert "explore GET /careful" in why(project, "stock Timeout")
        assert "GET /careless" in why(project, "stock Timeout", "--exploration", "careless")

    def test_json(self, project: Project) -> None:
        project.flask("explore", "/careful")
        data: dict[str, Any] = json.loads(why(project, "stock 500", "--json"))
        assert (data["version"], data["fate"], data["ending"]) == (1, "executed", "passed")
        assert data["representative"][0]["exception"] == "ConnectionError"
        assert data["members"][0]["class"][0] == "raises ConnectionError"
        assert [each["taught_by"] for each in data["steps"]] == [data["execution"]] * 2

    @pytest.mark.slow
    def test_wrong_name_gets_the_nearest(self, project: Project) -> None:
        project.flask("explore", "/careful")
        assert refusal(project, "stok Timeout").startswith(
            "'stok Timeout' is no fault of this exploration; nearest: stock Timeout"
        )

    def test_missing_journal(self, project: Project) -> None:
        assert "does not exist: nothing was explored here" in refusal(project, "stock Timeout")
        assert not (project.path / ".filibuster").exists()

    def test_missing_exploration(self, project: Project) -> None:
        project.flask("explore", "/careful")
        told = refusal(project, "stock Timeout", "--exploration", "elsewhere")
        assert "has no exploration whose name contains 'elsewhere'; it has: flask" in told

    @pytest.mark.slow
    def test_journal_of_the_project_file(self, project: Project) -> None:
        project.write("pyproject.toml", '[tool.filibuster]\njournal = "other.sqlite3"\n')
        project.flask("explore", "/careful")
        assert "Executed as number" in why(project, "stock Timeout")
        assert "does not exist" in refusal(project, "stock Timeout", "--journal", "third.sqlite3")


def ask() -> None:
    assert requests.get("http://shop:5000/", timeout=30).status_code in (200, 503)


MODEL = FaultModel(("ConnectionError", "Timeout"), default_statuses=(503,))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"outages": True}, {"reduction": "exact", "max_faults": 2}]
)
def test_journal_answers_as_memory(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "journal.sqlite3"
    services = outages.fallback_down_too(True)
    result = explore(ask, services, MODEL, journal=path, max_executions=25, **options)
    recorded = why_recorded(read_exploration(path))
    sets = [each.faults for each in result.executions]
    sets += [each.faults for each in list(result.pruned)[:5]]
    last = result.executions[-1].faults
    used = {planned.index for planned in last}
    sets += [last.plus(each) for each in recorded.known() if each.index not in used][:3]
    for faults in sets:
        expected = explanation_data(result.why(faults))
        told = explanation_data(recorded(faults))
        for each in (expected, told):
            del each["ending"]  # A journal has the error in words.
        assert told == expected
        assert explanation_text(recorded(faults)) == explanation_text(result.why(faults))


@pytest.mark.slow
def test_journal_without_settings(tmp_path: Path) -> None:
    """Of an earlier release, or of a process that was killed."""
    path = tmp_path / "journal.sqlite3"
    services = outages.fallback_down_too(True)
    result = explore(ask, services, MODEL, journal=path, reduction="none", max_executions=20)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM settings")
        db.execute("UPDATE explorations SET state = 'running'")
    recorded = why_recorded(read_exploration(path))
    for each in result.executions:
        assert recorded(each.faults).fate == "executed"
    left = recorded("spare ConnectionError").fate
    assert left in ("executed", "not reached", "left over")
