"""Names in a fault model that match no service: most of them are misspelt."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.nearest import did_you_mean


def misnamed(model: FaultModel, reached: Collection[str]) -> Iterator[str]:
    """A note for each service that a model names and no execution reached.

    :param model: the fault model.
    :param reached: names of the services reached; if empty, there are no notes.
    """
    known = sorted(reached)
    for name in model.unmatched(known) if known else ():
        question = did_you_mean(name, known)
        hint = f"{question} " if question else ""
        yield (
            f"the fault model names {name!r}, but no such service was reached; "
            f"{hint}reached: {', '.join(known)}"
        )
