"""The kind "items out of order": a list in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ValueKind, listed


@dataclass(frozen=True, slots=True)
class OutOfOrder(ValueKind):
    """The list is reversed."""

    name = "items out of order"
    types = frozenset({"rows"})

    def change(self, container: Any, key: Any) -> None:
        """Reverse it."""
        listed(container[key], self.at, 2).reverse()

    def __str__(self) -> str:
        return f"answers with its items reversed at {self.where}"
