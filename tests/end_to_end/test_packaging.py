"""What is installed: names, types, metadata, and what an import costs."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata, resources

import pytest

import flask_filibuster

LIBRARIES = {"flask", "werkzeug", "requests", "urllib3", "blinker", "pytest", "click"}


def imported_with(statement: str) -> set[str]:
    """The libraries that a fresh interpreter has imported after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return LIBRARIES & set(done.stdout.split())


@pytest.mark.parametrize("name", flask_filibuster.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(flask_filibuster, name)
    assert value.__name__ == name
    assert value.__doc__


def test_type_checkers_see_public_names() -> None:
    assert len(set(flask_filibuster.__all__)) == len(flask_filibuster.__all__)
    source = resources.files("flask_filibuster").joinpath("__init__.py").read_text()
    declared = re.findall(r" as (\w+)", source.partition("if TYPE_CHECKING:")[2])
    assert sorted(declared) == sorted(flask_filibuster.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'flask_filibuster' has no attribute 'faults'"):
        _ = flask_filibuster.faults


def test_package_imports_no_flask() -> None:
    """Nor requests."""
    assert imported_with("import flask_filibuster") == set()


@pytest.mark.slow
def test_pytest_plugin_imports_no_flask() -> None:
    """Nor requests."""
    assert imported_with("import flask_filibuster.pytest_plugin.plugin") == {"pytest"}


@pytest.mark.slow
def test_commands_import_only_flask() -> None:
    bare = imported_with("import flask.cli")
    assert imported_with("import flask.cli, flask_filibuster.cli") == bare


def test_types_are_part_of_the_package() -> None:
    assert resources.files("flask_filibuster").joinpath("py.typed").is_file()


def test_the_installed_version_is_the_packages() -> None:
    assert metadata.version("flask-filibuster") == flask_filibuster.__version__


@pytest.mark.parametrize(
    ("group", "target"),
    [
        ("flask.commands", "flask_filibuster.cli:filibuster"),
        ("pytest11", "flask_filibuster.pytest_plugin.plugin"),
    ],
)
def test_flask_and_pytest_find_their_plugins(group: str, target: str) -> None:
    (found,) = (
        each
        for each in metadata.entry_points(group=group)
        if each.dist is not None and each.dist.name == "flask-filibuster"
    )
    assert (found.name, found.value) == ("filibuster", target)
    assert found.load() is not None
