"""A directory with an app and its services in it, and the commands that are run there."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.cli import cli

from flask_filibuster.instrumentation.frames import current_scope
from tests.support.embedded import program
from tests.support.processes import forget

SHOP = program("shop.py")
ANALYSIS = {
    "python": {
        "pattern": r"requests\.(get|post)",
        "exceptions": [{"name": "requests.exceptions.ConnectionError"}],
        "errors": [{"service_name": "stock", "types": [{"return_value": {"status_code": "418"}}]}],
    }
}


class Project:
    """A directory with an app in it, and the commands that are run there.

    :ivar path: the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, source: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source), encoding="utf-8")

    def shop(self, config: str = "", extension: str = "Filibuster(app)") -> None:
        """Write the app."""
        configured = SHOP.replace("from_mapping()", f"from_mapping({config})")
        self.write("shop.py", configured.replace("\nFilibuster(app)\n", f"\n{extension}\n"))

    def flask(self, *arguments: str, app: str | None = "shop", color: bool = False) -> Result:
        """Run ``flask`` in this process."""
        prefix = [] if app is None else ["--app", app]
        try:
            return CliRunner().invoke(cli, [*prefix, "filibuster", *arguments], color=color)
        finally:
            assert current_scope() is None
            assert logging.root.manager.disable == logging.NOTSET
            forget(self.path)

    def explored(self, *arguments: str, app: str | None = "shop") -> dict[str, Any]:
        """The result of ``explore --json``."""
        result = self.flask("explore", *arguments, "--json", app=app)
        data: dict[str, Any] = json.loads(result.stdout)
        return data

    def found(self, path: str = "/careless") -> list[str]:
        """The arguments that replay the first finding, after ``flask … filibuster``."""
        result = self.flask("explore", path)
        assert result.exit_code == 1
        return replay_of(result.stdout)


def replay_of(output: str) -> list[str]:
    command = re.search(r"replay: flask .*filibuster (replay .*)", output)
    assert command is not None, output
    return shlex.split(command[1])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")  # As Flask does, for good.
    monkeypatch.delenv("FLASK_APP", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(tmp_path)
    made.shop()
    return made


def run_flask(path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", *arguments]
    return subprocess.run(
        command,
        cwd=path,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
