"""The kind "extra nesting": a document inside another object, or a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.values.base import ValueKind
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError

_FORMS = ("data", "list")


@dataclass(frozen=True, slots=True)
class ExtraNesting(ValueKind):
    """The document is ``{"data": …}`` or ``[…]``; of a part, if ``at`` names one.

    >>> str(ExtraNesting("")), str(ExtraNesting("/price", inside="list"))
    ("answers with the top inside {'data': …}", 'answers with /price inside a list')

    :ivar inside: ``"data"`` or ``"list"``.
    :raises FaultModelError: it is neither.
    """

    name = "extra nesting"
    types = frozenset({"object", "empty list", "list", "rows"})

    inside: str = "data"

    def __post_init__(self) -> None:
        ValueKind.__post_init__(self)
        if self.inside not in _FORMS:
            raise FaultModelError(f"inside is {self.inside!r}; it must be 'data' or 'list'")

    @property
    def outcome(self) -> Outcome:
        """The real status."""
        return Outcome(status=200, variant=f"inside {self.inside} at {self.at}")

    def is_part(self, pointer: str) -> bool:
        """Whether it is the document."""
        return not pointer

    def change(self, container: Any, key: Any) -> None:
        """Wrap it."""
        value = container[key]
        container[key] = {"data": value} if self.inside == "data" else [value]

    def __str__(self) -> str:
        form = "{'data': …}" if self.inside == "data" else "a list"
        return f"answers with {self.where} inside {form}"
