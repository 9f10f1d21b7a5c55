"""The keys under which the plugin keeps its state with pytest's objects."""

from __future__ import annotations

from typing import Any

import pytest

MARKER = "filibuster"
RUNNING: pytest.StashKey[Any] = pytest.StashKey()
REPLAYED: pytest.StashKey[Any] = pytest.StashKey()
JOURNALS: pytest.StashKey[Any] = pytest.StashKey()
SETTING_UP: pytest.StashKey[list[str]] = pytest.StashKey()
INTERRUPTED: pytest.StashKey[list[str]] = pytest.StashKey()
