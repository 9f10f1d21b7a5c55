"""Processes that an exploration starts."""

from __future__ import annotations

import sys

import pytest

from flask_filibuster.exploring.processes import Commands


def test_services_may_call_app_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # Flask's command line sets the variable, and app.run() does nothing where it is set.
    monkeypatch.delenv("FILIBUSTER_THOROUGH", raising=False)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    monkeypatch.setenv("FILIBUSTER_KEPT", "yes")
    names = "[name for name in os.environ if name.startswith(('FLASK_RUN', 'FILIBUSTER_'))]"
    shows = f"import os; print(*sorted({names}))"
    done = Commands().run([sys.executable, "-c", shows], {"FILIBUSTER_OWN": "1"}, timeout=30)
    assert (done.code, done.output.split()) == (0, ["FILIBUSTER_KEPT", "FILIBUSTER_OWN"])
