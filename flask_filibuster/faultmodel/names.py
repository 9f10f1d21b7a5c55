"""Names in a fault model that fit nothing: most of them are misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from flask_filibuster.faultmodel.model import FaultModel


def misnamed(model: FaultModel, reached: Collection[str]) -> Iterator[str]:
    """A note for each service that a model names and that was never reached.

    :param model: the fault model.
    :param reached: names of the services that were reached; without any, there is nothing to say.
    """
    known = sorted(reached)
    for name in model.unmatched(known) if known else ():
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        yield (
            f"FaultModel(statuses=…) names {name!r}, but no such service was reached; {hint}"
            f"reached: {', '.join(known)}"
        )
