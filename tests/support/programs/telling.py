"""Keeps what reports tell of explorations, for whoever started this session."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TOLD: list[tuple[str, str, object]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for kind in ("filibuster", "filibuster_all"):
        data = getattr(report, kind, None)
        if data is not None:
            TOLD.append((report.nodeid, kind, data))
    if report.failed:
        TOLD.append((report.nodeid, "failed", report.longreprtext))
    if report.when == "call":
        TOLD.append((report.nodeid, "ran", None))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # Not in xdist's workers.
        Path(__file__).with_name("told.json").write_text(json.dumps(TOLD), encoding="utf-8")
