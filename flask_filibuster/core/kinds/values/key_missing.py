"""The kind "key missing": an object without one of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ValueKind


@dataclass(frozen=True, slots=True)
class KeyMissing(ValueKind):
    """The key and its value are not there."""

    name = "key missing"
    types = frozenset(
        {"object", "empty list", "list", "rows", "word", "text", "number", "flag", "null"}
    )

    def change(self, container: Any, key: Any) -> None:
        """Delete it."""
        del container[key]

    def __str__(self) -> str:
        return f"answers without {self.where}"
