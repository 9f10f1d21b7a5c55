"""What the plugin keeps with pytest's own objects, and under which keys."""

from __future__ import annotations

from typing import Any

import pytest

MARKER = "filibuster"
RUNNING: pytest.StashKey[Any] = pytest.StashKey()
REPLAYED: pytest.StashKey[Any] = pytest.StashKey()
JOURNALS: pytest.StashKey[Any] = pytest.StashKey()
INTERRUPTED: pytest.StashKey[list[str]] = pytest.StashKey()
