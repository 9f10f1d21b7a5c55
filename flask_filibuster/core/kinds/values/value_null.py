"""The kind "value null": null in the place of a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ANY, ValueKind


@dataclass(frozen=True, slots=True)
class ValueNull(ValueKind):
    """The key is there, and its value is null."""

    name = "value null"
    types = ANY

    def change(self, container: Any, key: Any) -> None:
        """Set it to null."""
        container[key] = None

    def __str__(self) -> str:
        return f"answers with null at {self.where}"
