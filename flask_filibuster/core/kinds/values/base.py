"""The kinds that alter one part of a JSON answer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, get_args

from flask_filibuster.core.documents.pointers import is_pointer, locate
from flask_filibuster.core.documents.shape import PartType
from flask_filibuster.core.kinds.answer import Answer
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.bodies import UnalterableError
from flask_filibuster.core.kinds.of_body import succeeds
from flask_filibuster.core.kinds.remaking import json_of, with_json
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError

ANY: frozenset[PartType] = frozenset(get_args(PartType)) - {"null"}
"""All parts but those without a value."""

LISTS: frozenset[PartType] = frozenset({"empty list", "list", "rows"})


@dataclass(frozen=True, slots=True)
class ValueKind(Kind):
    """A success in JSON whose document differs from the real one in one part.

    :cvar types: the types of the parts that it can alter.
    :ivar at: a JSON Pointer to the part; ``*`` is the first item of a list. ``None``: each part
        that the caller reads, one after the other.
    :raises FaultModelError: it is no JSON Pointer.
    """

    rank = 35
    point = "received"
    needs_shape = True
    alone = True
    types: ClassVar[frozenset[PartType]]

    at: str | None = None

    def __post_init__(self) -> None:
        if self.at is not None and not is_pointer(self.at):
            raise FaultModelError(
                f"{self.at!r} is not a JSON Pointer; it must begin with '/', like '/items/*/price'"
            )

    @property
    def outcome(self) -> Outcome:
        """The real status."""
        return Outcome(status=200, variant=f"{self.name} at {self.at}")

    def expand(self, call: FailingCall) -> tuple[Kind, ...]:
        """One kind for each part that the caller reads and the kind can alter."""
        if self.at is not None:
            return (self,)
        shape = call.outcome.shape if call.outcome is not None else None
        parts = shape.parts if shape is not None else ()
        return tuple(
            replace(self, at=pointer)
            for pointer, kind in parts
            if kind in self.types and self.is_part(pointer)
        )

    def applies_to(self, call: FailingCall) -> bool:
        """Whether the answer is a success with that part, as far as known."""
        if self.at is None or not succeeds(call):
            return False
        shape = call.outcome.shape if call.outcome is not None else None
        return shape is None or shape.more > 0 or shape.has(self.at)

    def remake(self, answer: Answer) -> Answer:
        """The answer with the altered document.

        :raises UnalterableError: it is not JSON, or has no such part.
        """
        holder = [json_of(answer)]
        found = locate(holder, self.at or "")
        if found is None:
            raise UnalterableError(f"the answer has no {self.at}")
        container, key = found
        self.change(container, key)
        return with_json(answer, holder[0])

    def is_part(self, pointer: str) -> bool:
        """Whether the kind alters the part with this pointer, if it is not named.

        By default, values of keys, and lists.
        """
        return bool(pointer) or self.types <= LISTS

    @abstractmethod
    def change(self, container: Any, key: Any) -> None:
        """Alter ``container[key]``.

        :raises UnalterableError: it has another type.
        """

    @property
    def where(self) -> str:
        """The part, in words."""
        return self.at or "the top"


def listed(value: object, at: str | None, least: int = 1) -> list[Any]:
    """The value, if it is a list of at least that length.

    :raises UnalterableError: it is not.
    """
    if not isinstance(value, list) or len(value) < least:
        raise UnalterableError(f"no list of {least} or more at {at or 'the top'}")
    return value
