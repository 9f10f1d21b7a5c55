"""The kind "huge number": a number beyond what fits into 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.bodies import UnalterableError
from flask_filibuster.core.kinds.values.base import ValueKind


@dataclass(frozen=True, slots=True)
class HugeNumber(ValueKind):
    """An integer is 2^63, a fraction is 1e300."""

    name = "huge number"
    types = frozenset({"number"})

    def change(self, container: Any, key: Any) -> None:
        """Set the number.

        :raises UnalterableError: it is no number.
        """
        value = container[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnalterableError(f"no number at {self.where}")
        container[key] = 2**63 if isinstance(value, int) else 1e300

    def __str__(self) -> str:
        return f"answers with a huge number at {self.where}"
