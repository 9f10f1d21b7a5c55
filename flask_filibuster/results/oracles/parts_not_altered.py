"""A JSON answer with more parts than the exploration alters."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.vocabulary import counted
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting


class PartsNotAltered(Oracle):
    """A JSON answer has more parts than faults of JSON answers alter.

    Why it matters: only a limited number of parts is altered for each answer, and of each object
    none of whose keys the source of the caller names. What a caller does without the others is not
    known.

    How to mend it: name the parts that matter, with a JSON Pointer:
    ``Fault.of("key missing", at="/items/*/price")``.
    """

    name = "parts not altered"
    severity = "note"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        """Answers that are altered, and have more parts."""
        for planned in seen.execution.faults:
            call = planned.call
            shape = call.outcome.shape if call.outcome is not None else None
            if planned.fault.kind.needs_shape and shape is not None and shape.more:
                yield Sighting.of(
                    call,
                    f"{call.source} gets an answer to {call.method} {call.url} with "
                    f"{counted(shape.more, 'more part')} than are altered",
                )
