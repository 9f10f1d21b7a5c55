"""``flask filibuster status``, and mistakes in the configuration that it is about."""

from __future__ import annotations

import json
import re

import pytest

from flask_filibuster import __version__
from tests.support import shops
from tests.support.shops import ANALYSIS, Project

project = shops.project


def test_status_shows_the_set_up(project: Project) -> None:
    result = project.flask("status")
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = dict(re.split(r": +", line, maxsplit=1) for line in result.stdout.splitlines())
    assert lines["extension"] == f"installed, version {__version__}"
    assert lines["enabled"] == "yes"
    assert lines["service"] == "shop"
    assert lines["server"] == "embedded in the process"
    assert lines["fault model"].startswith("profile standard, and static analysis of the")
    assert lines["  exceptions"] == "ConnectionError, Timeout"
    assert lines["  statuses"] == "400, 404, 500 (shop)"
    assert lines["reduction"] == "equivalence"
    assert (lines["max faults"], lines["max executions"]) == ("no limit", "10,000")
    assert lines["excluded hosts"] == "none"
    assert lines["oracles"] == "all installed ones"


def test_status_gives_the_same_as_json(project: Project) -> None:
    project.shop("FILIBUSTER_MAX_FAULTS=2, FILIBUSTER_SERVICE_NAME='front'")
    result = project.flask("status", "--json")
    assert result.exit_code == 0
    status = json.loads(result.stdout)
    assert status["extension"] is status["enabled"] is True
    assert status["service"] == "front"
    assert status["max_faults"] == 2
    assert status["max_executions"] is None
    assert status["fault_model"]["exceptions"] == ["ConnectionError", "Timeout"]
    assert status["instrumented"]


def test_status_without_extension_advises(project: Project) -> None:
    project.shop(extension="")
    result = project.flask("status")
    assert result.exit_code == 1
    assert "the app 'shop' has no Filibuster extension" in result.stdout
    assert "    from flask_filibuster import Filibuster\n" in result.stdout
    assert "    Filibuster(app)\n" in result.stdout
    as_json = project.flask("status", "--json")
    assert as_json.exit_code == 1
    content = json.loads(as_json.stdout)
    assert content["extension"] is False
    assert "Filibuster(app)" in content["advice"]


def test_status_of_a_disabled_extension(project: Project) -> None:
    project.shop("FILIBUSTER_ENABLED=False")
    result = project.flask("status")
    assert result.exit_code == 0
    assert "enabled:        no, FILIBUSTER_ENABLED is False" in result.stdout
    assert "instrumented:   none" in result.stdout


def test_status_of_hand_mounted_adapters(project: Project) -> None:
    project.shop("FILIBUSTER_INSTRUMENT_REQUESTS=False")
    assert "sessions with a FilibusterAdapter mounted by hand" in project.flask("status").stdout


def test_status_describes_the_analysis_file(project: Project) -> None:
    project.write("analysis.json", json.dumps(ANALYSIS))
    project.shop("FILIBUSTER_ANALYSIS_FILE='analysis.json'")
    result = project.flask("status")
    assert result.exit_code == 0
    assert "fault model:    analysis file analysis.json:" in result.stdout
    assert "  statuses:     418 (stock)" in result.stdout
    assert "  otherwise:    none" in result.stdout


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        pytest.param(
            "FILIBUSTER_ANALYSIS_FILE='none.json'",
            "cannot read the analysis file none.json",
            id="no analysis file",
        ),
        pytest.param("FILIBUSTER_MAX_FAULTS=0", "FILIBUSTER_MAX_FAULTS is 0; it must", id="value"),
        pytest.param(
            "FILIBUSTER_MAX_FAULT=1",
            "unknown key 'FILIBUSTER_MAX_FAULT' in the app's config; "
            "did you mean 'FILIBUSTER_MAX_FAULTS'?",
            id="key",
        ),
        pytest.param("FILIBUSTER_SERVER_URL='localhost:5005'", "it must be a URL", id="server"),
    ],
)
@pytest.mark.parametrize("command", [["status"], ["explore", "/careful"]], ids=lambda each: each[0])
def test_configuration_mistake_has_no_traceback(
    project: Project, command: list[str], config: str, complaint: str
) -> None:
    project.shop(config)
    result = project.flask(*command)
    assert result.exit_code == 2
    assert f"Error: {complaint}" in result.stderr or complaint in result.stderr
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)
