"""What installed packages add: their entry points."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_points_of(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, in all packages that can be imported now.

    >>> any(each.name == "filibuster" for each in entry_points_of("flask.commands"))
    True

    :param group: the name of the group.
    """
    return _on_path(group, tuple(sys.path))


@lru_cache(maxsize=16)
def _on_path(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:  # noqa: ARG001 - key
    """Cached: finding them takes longer than an execution.

    :param path: ``sys.path``, which decides what is installed; only a key of the cache.
    """
    # Lazily: the import is slow, and an app that is not explored never needs it.
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))
