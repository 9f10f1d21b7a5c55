"""Arguments of ``explore()``: those of the option table, with their effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.options import Options

SLOWLY = FaultModel.held().to_analysis()


def services(**config: Any) -> dict[str, Flask]:
    front, back = Flask("front"), Flask("back")
    front.config.update(config)
    Filibuster(front)

    @front.get("/")
    def index() -> str:
        try:
            return requests.get("http://back/", timeout=0.05).text
        except requests.RequestException as error:
            return type(error).__name__

    @back.get("/")
    def data() -> str:
        return "data"

    return {"http://front": front, "http://back": back}


def answers(**options: Any) -> list[str]:
    """How the call ended in each execution."""
    seen: list[str] = []

    def watched() -> None:
        seen.append(requests.get("http://front/", timeout=5).text)

    result = explore(watched, services(**options.pop("config", {})), **options)
    assert result.ok
    return seen


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    file = tmp_path / "refused.json"
    model = FaultModel(("ConnectionError",), default_statuses=())
    file.write_text(json.dumps(model.to_analysis()))
    return file


def test_analysis_file(refused: Path) -> None:
    assert answers(analysis_file=refused) == ["data", "data", "ConnectionError"]


def test_analysis_file_of_the_configuration(refused: Path) -> None:
    config = {"FILIBUSTER_ANALYSIS_FILE": refused}
    assert answers(config=config) == ["data", "data", "ConnectionError"]
    assert answers(config=config, slow=True) == ["data", "data", "ReadTimeout"]


def test_slow() -> None:
    assert answers(slow=True) == ["data", "data", "ReadTimeout"]


def test_two_fault_models(refused: Path) -> None:
    with pytest.raises(SetupError, match="faults is a fault model, and so is analysis_file"):
        answers(faults=FaultModel.held(), analysis_file=refused)


def test_options_of_the_configuration() -> None:
    assert len(answers(config={"FILIBUSTER_MAX_EXECUTIONS": 2})) == 3  # One is a repetition.
    assert len(answers(config={"FILIBUSTER_CHECK_DETERMINISM": False}, slow=True)) == 2


def test_driver_overrides_what_the_server_was_told() -> None:
    coordinator = Coordinator(Options(max_executions=1, audit=2))
    chosen = coordinator._chosen({"max_executions": 3, "analysis": SLOWLY})
    assert (chosen.max_executions, chosen.audit) == (3, 2)
    assert chosen.faults is not None
