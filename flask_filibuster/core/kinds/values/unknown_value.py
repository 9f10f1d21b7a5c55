"""The kind "unknown value": a word that nobody knows, as of a newer version of the callee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.kinds.bodies import UnalterableError
from flask_filibuster.core.kinds.values.base import ValueKind

WORD = "unheard_of"


@dataclass(frozen=True, slots=True)
class UnknownValue(ValueKind):
    """A text that may be one of a few values is one that occurs nowhere."""

    name = "unknown value"
    types = frozenset({"word"})

    def change(self, container: Any, key: Any) -> None:
        """Set the word.

        :raises UnalterableError: it is no text.
        """
        if not isinstance(container[key], str):
            raise UnalterableError(f"no text at {self.where}")
        container[key] = WORD

    def __str__(self) -> str:
        return f"answers with the unknown value {WORD!r} at {self.where}"
