"""Suites of marked tests, run by a pytest inside the one that runs ours.

Most of them explore a request to ``front``, which calls ``back``. By default that call can end in
ConnectionError, Timeout and 500, so that there are four executions: one without a fault, and these
three. The one without a fault is run twice.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

import flask_filibuster
from tests.support.embedded import program

# Once, not by every inner session, which forgets what it imported. Patches of a module that was
# forgotten would moreover stay in the libraries.
_OURS = pkgutil.walk_packages(flask_filibuster.__path__, "flask_filibuster.")
for _each in (
    *(each.name for each in _OURS),
    "click.testing",
    "flask.testing",
    "netrc",
    "vcr.stubs.httpx_stubs",
):
    with suppress(ModuleNotFoundError):  # Not all libraries that mock are installed.
        importlib.import_module(_each)

EXECUTIONS = 4
RUNS = EXECUTIONS + 1

# Hypothesis is imported by every session that has its plugin, which takes seconds.
PLUGINS = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "-p", "no:xdist")
# What takes time in a process of its own, and plays no part there.
WITHOUT = tuple(
    f"-pno:{name}"
    for name in ("flask", "anyio", "requests_mock", "pytest-betamax", "pytest_httpserver", "pook")
)
# The environment of sessions that look for no plugins: that takes a quarter of a session, as pytest
# reads what all packages contain.
OURS_ONLY = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "flask_filibuster.pytest_plugin.plugin",
}
# In this process the package has been imported before; some ways to install it let pytest notice
# that.
IN_PROCESS = (*PLUGINS, "-W", "ignore::pytest.PytestAssertRewriteWarning")

SERVICES = program("suite_services.py")
LINE_OF_CALL = 1 + SERVICES.splitlines().index(
    '        answer = requests.get("http://back:5001/data", timeout=1)'
)

CONFTEST = """
    import pytest
    from services import back, front

    @pytest.fixture
    def filibuster_services():
        return {"http://front:5000": front, "http://back:5001": back}
"""
# No analysis can be read, so no fault model can be made.
WRONG_CONFTEST = (
    CONFTEST
    + """
    front.config["FILIBUSTER_ANALYSIS_FILE"] = "nowhere.json"
    """
)

CARELESS = """
    import pytest
    import requests
    from services import note

    @pytest.mark.filibuster
    def test_page():
        note("body")
        answer = requests.get("http://front:5000/careless")
        assert answer.status_code == 200
"""

CAREFUL = CARELESS.replace("careless", "careful")


class Suite:
    """A directory with a suite in it, run by a pytest inside this one.

    Warnings are not errors there, unless a test asks for it.
    """

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        # Hypothesis is imported by every session that has its plugin, which takes seconds.
        pytester.makeini(
            "[pytest]\n"
            "addopts = --strict-markers -p no:hypothesispytest\n"
            "filterwarnings = default\n"
        )
        self.write(services=SERVICES, conftest=CONFTEST)

    def write(self, **sources: str) -> None:
        self.pytester.makepyfile(**sources)

    def run(self, source: str, *arguments: str) -> Ran:
        """Run a test module in this process."""
        self.write(test_it=source)
        return self.again(*arguments)

    def again(self, *arguments: str) -> Ran:
        """Run the suite once more."""
        (self.path / "notes").unlink(missing_ok=True)
        # In this process the package has been imported before; some ways to install it let pytest
        # notice that.
        told = (*arguments, "-W", "ignore::pytest.PytestAssertRewriteWarning")
        return Ran(self.pytester.runpytest_inprocess(*told, no_reraise_ctrlc=True), self.path)

    def elsewhere(self, *arguments: str) -> Ran:
        """Run the suite in a process of its own."""
        (self.path / "notes").unlink(missing_ok=True)
        command = (sys.executable, "-m", "pytest", *WITHOUT, *arguments)
        return Ran(self.pytester.run(*command), self.path)


class Ran:
    """What came of running a suite."""

    def __init__(self, result: pytest.RunResult, path: Path) -> None:
        self.code = int(result.ret)
        self.output = result.stdout.str()
        self.errors = result.stderr.str()
        last = result.outlines[-1] if result.outlines else ""
        self.outcomes = {word.rstrip("s"): int(n) for n, word in re.findall(r"(\d+) (\w+)", last)}
        notes = path / "notes"
        self.notes = notes.read_text().splitlines() if notes.exists() else []

    def count(self, note: str) -> int:
        return self.notes.count(note)

    @property
    def summary(self) -> list[str]:
        """The lines of our section at the end."""
        _, _, rest = self.output.partition("= filibuster =")
        lines = rest.splitlines()[1:]
        return [line for line in lines[: _first(lines, "=")] if line]

    @property
    def replay(self) -> list[str]:
        """The arguments of the first replay command that was printed."""
        found = re.search(r"replay: pytest (.*)", self.output)
        assert found is not None, self.output
        return shlex.split(found[1])

    def saw(self, *lines: str) -> bool:
        """Whether the output has these lines, one directly after the other."""
        return "\n".join(lines) in self.output


def _first(lines: Sequence[str], start: str) -> int:
    numbers = (number for number, line in enumerate(lines) if line.startswith(start))
    return next(numbers, len(lines))


@pytest.fixture
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions inside this one load our plugin and pytest-flask, and look for no others."""
    for name, value in OURS_ONLY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_flask.plugin", prepend=",")


@pytest.fixture
def all_plugins(few_plugins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions inside this one load all plugins that are installed, as users' sessions do."""
    for name in OURS_ONLY:
        monkeypatch.delenv(name)


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)
