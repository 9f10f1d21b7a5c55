"""The kind "duplicate item": a list that has one of its items twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ValueKind, listed


@dataclass(frozen=True, slots=True)
class DuplicateItem(ValueKind):
    """The first item comes a second time, at the end."""

    name = "duplicate item"
    types = frozenset({"list", "rows"})

    def change(self, container: Any, key: Any) -> None:
        """Append the first item."""
        items = listed(container[key], self.at)
        items.append(items[0])

    def __str__(self) -> str:
        return f"answers with the first item twice at {self.where}"
