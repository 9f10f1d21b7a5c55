"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str]) -> str:
    """The known name nearest to an unknown one, as the end of a message.

    :param name: the unknown name.
    :param known: the known names.
    :returns: ``"did you mean 'max_faults'?"``, or the list of known names if none is near.

    >>> suggestion("max_fault", ["audit", "max_faults"])
    "did you mean 'max_faults'?"
    """
    import difflib  # Only for an error message.

    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}"
