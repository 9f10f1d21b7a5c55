"""``[tool.filibuster]`` in ``pyproject.toml``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.errors import ConfigError, FilibusterError, SetupError
from flask_filibuster.options import toml
from flask_filibuster.options.project import Project, read_project


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(content: str, directory: Path = tmp_path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "pyproject.toml"
        file.write_text(content, encoding="utf-8")
        return file

    return write


TABLE = "[tool.filibuster]\n"


def test_values(write: Any, tmp_path: Path) -> None:
    file = write(f'{TABLE}max_faults = 2\nslow = true\nservices = "shop:services"')
    values = {"max_faults": 2, "slow": True, "services": "shop:services"}
    assert read_project(tmp_path) == Project(file, values)


def test_found_above_the_directory(write: Any, tmp_path: Path) -> None:
    file = write(f"{TABLE}audit = 3")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert read_project(below) == Project(file, {"audit": 3})


def test_only_the_nearest_file_counts(write: Any, tmp_path: Path) -> None:
    write(f"{TABLE}audit = 3")
    write("[project]\nname = 'inner'", tmp_path / "a")
    assert read_project(tmp_path / "a").values == {}


def test_paths_are_relative_to_the_file(write: Any, tmp_path: Path) -> None:
    write(f'{TABLE}analysis_file = "a/b.json"\njournal = false')
    values = read_project(tmp_path).values
    assert values == {"analysis_file": str(tmp_path / "a" / "b.json"), "journal": False}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param("max_fault = 2", "unknown key 'max_fault' in [tool.filibuster] of ", id="key"),
        pytest.param("max-faults = 2", "did you mean 'max_faults'?", id="dash"),
        pytest.param(
            "max_sleep = 1",
            "set FILIBUSTER_MAX_SLEEP in the app's config instead",
            id="key of an app",
        ),
        pytest.param(
            "resume = true", "unknown key 'resume' in [tool.filibuster]", id="not of a project"
        ),
        pytest.param("max_faults = '2'", "is '2'; it must be a whole number from 1", id="value"),
        pytest.param("reduction = 'all'", "'equivalence' or 'exact' or 'none'", id="choice"),
    ],
)
def test_mistake(write: Any, tmp_path: Path, content: str, complaint: str) -> None:
    file = write(TABLE + content)
    with pytest.raises(ConfigError) as raised:
        read_project(tmp_path)
    assert complaint in str(raised.value)
    assert str(file) in str(raised.value)


def test_no_toml(write: Any, tmp_path: Path) -> None:
    file = write(f"{TABLE}max_faults = ")
    with pytest.raises(SetupError, match="cannot read") as raised:
        read_project(tmp_path)
    assert str(file) in str(raised.value)


def test_no_table(write: Any, tmp_path: Path) -> None:
    write("tool.filibuster = 3")
    with pytest.raises(ConfigError, match="is 3; it must be a table"):
        read_project(tmp_path)


def test_other_projects_are_not_parsed(write: Any, tmp_path: Path) -> None:
    file = write("this is no [TOML")
    assert read_project(tmp_path) == Project(file)


def no_parser(name: str) -> Any:
    if name in {"tomllib", "tomli"}:
        raise ImportError(name)
    return import_module(name)


@pytest.mark.parametrize("header", ["[tool.filibuster]", "[ tool . 'filibuster' ]"])
def test_table_needs_a_parser(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setattr(toml, "import_module", no_parser)
    write(f"{header}\naudit = 1")
    with pytest.raises(FilibusterError, match="pip install tomli"):
        read_project(tmp_path)


def test_name_alone_needs_no_parser(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toml, "import_module", no_parser)
    write("[project]\ndependencies = ['flask-filibuster']")
    assert read_project(tmp_path).values == {}
