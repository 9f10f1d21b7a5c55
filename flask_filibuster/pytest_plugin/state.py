"""The keys under which the plugin keeps its state with pytest's objects."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import call_and_report

MARKER = "filibuster"
ALL_TESTS = "filibuster-all"
"""The name of the plugin that explores tests without a mark."""

ALL_TESTS_TOLD = "filibuster_all"
"""Where reports keep what is known of a test, as plain data; xdist's workers send it along."""
RUNNING: pytest.StashKey[Any] = pytest.StashKey()
REPLAYED: pytest.StashKey[Any] = pytest.StashKey()
JOURNALS: pytest.StashKey[Any] = pytest.StashKey()
CALL_AND_REPORT: Any = call_and_report
"""Pytest's own: this module is imported before a plugin replaces it, for a test or for good."""
TIMEOUT: pytest.StashKey[Any] = pytest.StashKey()
SETTING_UP: pytest.StashKey[list[str]] = pytest.StashKey()
INTERRUPTED: pytest.StashKey[list[str]] = pytest.StashKey()
TOLD_OF_INTERRUPTED: pytest.StashKey[Any] = pytest.StashKey()
"""What is known of a test whose exploration was interrupted, by node id, as plain data."""
