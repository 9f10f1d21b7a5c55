"""What pytest shows of an execution that failed."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.suites import Suite

suite, few_plugins = suites.suite, suites.few_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")

PROPAGATING = """
    import pytest
    import requests
    from flask import Flask

    app = Flask("shop", static_folder=None)
    app.testing = True

    @app.get("/")
    def page():
        return requests.get("http://front:5000/careful", timeout=1).text

    @pytest.mark.filibuster(max_executions=8)
    def test_page():
        app.test_client().get("/")
"""


@pytest.mark.slow
@pytest.mark.parametrize("style", ["long", "short"])
def test_own_frames_are_hidden(suite: Suite, style: str) -> None:
    output = suite.run(PROPAGATING, f"--tb={style}").output
    assert "test_it.py:10: " in output
    assert "ConnectionError: HTTPConnectionPool(host=" in output
    assert "flask_filibuster/" not in output


@pytest.mark.slow
def test_full_trace_shows_own_frames(suite: Suite) -> None:
    assert "flask_filibuster/" in suite.run(PROPAGATING, "--full-trace").output
