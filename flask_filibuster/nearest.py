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
    names = list(known)
    return did_you_mean(name, names) or f"known: {', '.join(names) or 'none'}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name nearest to an unknown one, as a question; empty if none is near.

    >>> did_you_mean("max_fault", ["audit", "max_faults"])
    "did you mean 'max_faults'?"

    :param name: the unknown name.
    :param known: the known names.
    """
    import difflib  # Only for an error message.

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""
