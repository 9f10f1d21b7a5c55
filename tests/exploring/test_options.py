"""Arguments of ``explore()``: those of the option table, with their effect."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.options import Options
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting

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


def tried(**options: Any) -> int:
    """Number of executions with an outage of a service that is asked twice."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def index() -> str:
        return next((text for _ in range(2) if (text := data())), "nothing")

    def data() -> str:
        try:
            return requests.get("http://back/", timeout=1).text
        except requests.RequestException:
            return ""

    back.add_url_rule("/", "data", lambda: "data")
    result = explore(
        lambda: requests.get("http://front/", timeout=5),
        {"http://front": front, "http://back": back},
        journal=False,
        **options,
    )
    return result.outages


class TestFaults:
    """``faults``: a model, a profile, or a file."""

    @pytest.fixture
    def refused(self, tmp_path: Path) -> Path:
        pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
        file = tmp_path / "refused.toml"
        file.write_text("[[calls]]\nfaults = ['ConnectionError']")
        return file

    def test_file(self, refused: Path) -> None:
        seen = ["data", "data", "ConnectionError"]
        assert answers(faults=refused) == seen
        assert answers(faults=str(refused)) == seen

    def test_profile(self) -> None:
        assert answers(faults="quick") == answers()
        assert "ChunkedEncodingError" in answers(faults="standard")

    @pytest.mark.usefixtures("users_default")
    def test_default_is_the_standard_profile(self) -> None:
        assert answers() == answers(faults="standard")
        assert answers() != answers(faults="quick")

    @pytest.mark.slow
    def test_profile_decides_on_outages(self) -> None:
        """Unless the option does."""
        assert not tried(faults="quick")
        assert tried(faults="quick", outages=True)
        assert tried(faults="standard")
        assert not tried(faults="standard", outages=False)

    def test_configuration(self, refused: Path) -> None:
        config = {"FILIBUSTER_FAULTS": refused}
        assert answers(config=config) == ["data", "data", "ConnectionError"]
        assert len(answers(config=config, faults="quick")) > 3

    @pytest.mark.parametrize("given", ["standart", "faults.json", 5, Path("x.txt")])
    def test_mistakes(self, given: Any) -> None:
        with pytest.raises((SetupError, ConfigError)) as refusal:
            explore(print, faults=given, journal=False)
        assert "faults" in str(refusal.value)


def test_slow() -> None:
    assert answers(slow=True) == ["data", "data", "ReadTimeout"]


def test_two_fault_models(refused: Path) -> None:
    with pytest.raises(SetupError, match="faults and analysis_file both set the fault model"):
        answers(faults=FaultModel.held(), analysis_file=refused)


def test_options_of_the_configuration() -> None:
    assert len(answers(config={"FILIBUSTER_MAX_EXECUTIONS": 2})) == 3  # One is a repetition.
    assert len(answers(config={"FILIBUSTER_CHECK_DETERMINISM": False}, slow=True)) == 2


def test_driver_overrides_the_server() -> None:
    coordinator = Coordinator(Options(max_executions=1, audit=2))
    chosen = coordinator._chosen({"max_executions": 3, "analysis": SLOWLY})
    assert (chosen.max_executions, chosen.audit) == (3, 2)
    assert chosen.faults is not None


class FrontFails(Oracle):
    """Every answer of this application."""

    name, severity = "front answers", "note"

    def look(self, seen: Seen) -> Iterable[Sighting]:
        for handling in seen.trace.handlings.values():
            if handling.service == "front":
                yield Sighting(("front",), "front answers", "front")


def kinds(**options: Any) -> set[str]:
    """The kinds of what is found where a call has no timeout."""
    front = Flask("front")
    front.config.update(options.pop("config", {}))
    Filibuster(front)

    @front.get("/")
    def index() -> str:
        return requests.get("http://back/").text

    apps = {"http://front": front, "http://back": services()["http://back"]}
    result = explore(lambda: requests.get("http://front/", timeout=5), apps, **options)
    return {each.kind for each in result.findings}


class TestOracles:
    def test_all_by_default(self) -> None:
        assert kinds() >= {"no timeout", "uncaught exception"}

    @pytest.mark.parametrize(
        "options",
        [{"oracles": ["no-timeout"]}, {"config": {"FILIBUSTER_ORACLES": ["no-timeout"]}}],
        ids=["argument", "configuration"],
    )
    def test_switched_off(self, options: dict[str, Any]) -> None:
        assert "no timeout" not in kinds(**options)

    @pytest.mark.parametrize("oracle", [FrontFails, FrontFails(), f"{__name__}:FrontFails"])
    def test_added(self, oracle: Any) -> None:
        assert kinds(oracles=[oracle]) >= {"front answers", "no timeout"}

    def test_unknown_name(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'no timeout'"):
            kinds(oracles=["no-timeuot"])


class TestMistakes:
    def test_unknown_arguments_get_a_suggestion(self) -> None:
        misspelt: dict[str, Any] = {"max_fault": 1}
        with pytest.raises(TypeError) as caught:
            explore(lambda: None, {}, **misspelt)
        assert str(caught.value) == (
            "explore() has no argument 'max_fault'; did you mean 'max_faults'?"
        )

    def test_single_app_is_no_mapping(self) -> None:
        app: Any = Flask("stock")
        with pytest.raises(SetupError, match="it must be a mapping of apps by base URL, like"):
            explore(lambda: None, app)
