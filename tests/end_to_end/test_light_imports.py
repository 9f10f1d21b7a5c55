"""What is loaded by those who explore nothing: production apps, and readers of help texts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flask_filibuster.cli.commands import COMMANDS

ONLY_FOR_EXPLORATIONS = (
    "sqlite3",
    "multiprocessing",
    "concurrent.futures.process",
    "flask_filibuster.exploring",
    "flask_filibuster.faultmodel",
    "flask_filibuster.journal",
    "flask_filibuster.mesh",
    "flask_filibuster.report",
    "flask_filibuster.search",
    "flask_filibuster.server",
    "flask_filibuster.sources",
)

IMPORT = "from flask_filibuster import Filibuster"
SET_UP = f"""
from flask import Flask
{IMPORT}
app = Flask('app')
Filibuster(app)
"""
REQUEST = f"""
{SET_UP}
@app.get('/')
def index(): return 'fine'
@app.get('/broken')
def broken(): raise RuntimeError
assert app.test_client().get('/').text == 'fine'
assert app.test_client().get('/broken').status_code == 500
"""

# Each in a process of its own, forked from one that has loaded what Flask itself does.
HELP = """
import os, sys, flask.cli, werkzeug.test
before = set(sys.modules)
for command in sys.argv[1:]:
    if os.fork() == 0:
        try:
            flask.cli.cli(["filibuster", *command.split(), "--help"])
        except SystemExit as ended:
            print("loaded:", command, *(set(sys.modules) - before), flush=True)
            os._exit(ended.code or 0)
    assert os.wait()[1] == 0
"""
CALLS = ("requests", "urllib3", "flask_filibuster.instrumentation")


def loaded_by(code: str) -> set[str]:
    """The modules that a new process loads, but for those of Flask and requests."""
    lines = (
        "import sys, flask, flask.cli, requests, werkzeug.test",
        "before = set(sys.modules)",
        code,
        "print('loaded:', *(set(sys.modules) - before))",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    last = done.stdout.splitlines()[-1]
    return set(last.removeprefix("loaded:").split())


@pytest.mark.slow
@pytest.mark.parametrize("code", [IMPORT, SET_UP, REQUEST], ids=["import", "set-up", "request"])
def test_what_explorations_need_is_not_loaded(code: str) -> None:
    loaded = loaded_by(code)
    assert "flask_filibuster" in loaded
    rooms = tuple(f"{each}." for each in ONLY_FOR_EXPLORATIONS)
    assert not [each for each in loaded if f"{each}.".startswith(rooms)]


@pytest.mark.slow
def test_app_loads_no_client() -> None:
    assert "flask_filibuster.instrumentation.frames" not in loaded_by(REQUEST)


@pytest.fixture(scope="module")
def loaded_by_help() -> dict[str, set[str]]:
    """What the help text of each command loads; that of the group has no name."""
    done = subprocess.run(
        [sys.executable, "-c", HELP, "", *COMMANDS], capture_output=True, text=True, check=True
    )
    lines = [each.split(" ") for each in done.stdout.splitlines() if each.startswith("loaded: ")]
    return {command: set(loaded) for _, command, *loaded in lines}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_a_help_text_loads_no_exploration(
    loaded_by_help: dict[str, set[str]], command: str
) -> None:
    loaded = loaded_by_help[command]
    assert "flask_filibuster.cli" in loaded
    rooms = tuple(f"{each}." for each in (*ONLY_FOR_EXPLORATIONS, *CALLS))
    assert not [each for each in loaded if f"{each}.".startswith(rooms)]
