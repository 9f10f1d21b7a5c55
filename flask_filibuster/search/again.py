"""Goes through a recorded search once more."""

from __future__ import annotations

from flask_filibuster.search.explorer import Explorer
from flask_filibuster.search.why.asking import Why


def recalled(explorer: Explorer) -> tuple[Why, bool]:
    """What a search knows after all executions that are recorded.

    :param explorer: the search, with a recorder that has them.
    :returns: that, and whether the search would go on.
    """
    goes_on = explorer.next() is not None
    return explorer.why, goes_on
