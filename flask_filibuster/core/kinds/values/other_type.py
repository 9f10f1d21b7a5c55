"""The kind "value of another type": a value of another type, as a rewritten callee sends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ANY, ValueKind


@dataclass(frozen=True, slots=True)
class OtherType(ValueKind):
    """A number as text, a text as a number, an item without its list, a list for an object."""

    name = "value of another type"
    types = ANY

    def change(self, container: Any, key: Any) -> None:
        """Convert it."""
        container[key] = _converted(container[key])

    def __str__(self) -> str:
        return f"answers with a value of another type at {self.where}"


def _converted(value: Any) -> Any:
    """The value in another type.

    >>> [_converted(each) for each in (12, "paid", True, [3, 4], [], {"a": 1})]
    ['12', 0, 'true', 3, {}, []]
    """
    if isinstance(value, list):
        return value[0] if value and not isinstance(value[0], list) else {}
    if isinstance(value, dict):
        return []
    if isinstance(value, str):
        return 0
    return json.dumps(value)
