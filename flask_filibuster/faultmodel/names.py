"""Names in a fault model that match no service: most of them are misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from flask_filibuster.faultmodel.model import FaultModel


def misnamed(model: FaultModel, reached: Collection[str]) -> Iterator[str]:
    """A note for each service that a model names and no execution reached.

    :param model: the fault model.
    :param reached: names of the services reached; if empty, there are no notes.
    """
    known = sorted(reached)
    for name in model.unmatched(known) if known else ():
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        yield (
            f"FaultModel(statuses=…) names {name!r}, but no such service was reached; {hint}"
            f"reached: {', '.join(known)}"
        )
