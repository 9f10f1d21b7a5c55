"""Suites that run with the pytest plugins that a test names, and with no others."""

from __future__ import annotations

import importlib

import pytest

from tests.support.embedded import program
from tests.support.sessions import OURS
from tests.support.suites import Ran, Suite

HEAD = """
    import pytest
    from beside import *

    MARKED = [pytest.mark.filibuster]
    pytestmark = MARKED
"""


class Beside:
    """A suite of marked tests of a service that needs the weather.

    :param suite: where it is written.
    :param monkeypatch: takes all plugins out of the sessions that the test starts.
    """

    def __init__(self, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        self._suite = suite
        self.path = suite.path
        suite.write(beside=program("beside.py"), conftest="")

    def run(self, source: str, *arguments: str, plugins: str = "", conftest: str = "") -> Ran:
        """Run a suite in this process.

        :param plugins: the modules of the plugins, in the order in which they are loaded.
        """
        self._suite.write(conftest=conftest)
        return self._suite.run(HEAD + source, *_loading(plugins), *arguments)

    def again(self, *arguments: str, plugins: str = "") -> Ran:
        """Run the suite once more."""
        return self._suite.again(*_loading(plugins), *arguments)

    def elsewhere(self, source: str, *arguments: str, plugins: str = "") -> Ran:
        """Run a suite in a process of its own."""
        self._suite.write(test_it=HEAD + source)
        return self._suite.elsewhere(*_loading(plugins), *arguments)


def _loading(plugins: str) -> list[str]:
    named = plugins.split()
    for each in named:
        pytest.importorskip(each)
        importlib.import_module(each)
    # Ours is among them where the order matters.
    every = named if OURS in named else [OURS, *named]
    return [argument for each in every for argument in ("-p", each)]


@pytest.fixture
def beside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Beside:
    return Beside(Suite(pytester), monkeypatch)
