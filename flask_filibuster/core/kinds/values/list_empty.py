"""The kind "empty list": a list without items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ValueKind, listed


@dataclass(frozen=True, slots=True)
class ListEmpty(ValueKind):
    """The list is there, and empty."""

    name = "empty list"
    types = frozenset({"list", "rows"})

    def change(self, container: Any, key: Any) -> None:
        """Remove all items."""
        listed(container[key], self.at).clear()

    def __str__(self) -> str:
        return f"answers with an empty list at {self.where}"
