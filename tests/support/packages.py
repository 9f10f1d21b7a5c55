"""What is known of installed packages, kept from one session of pytest to the next."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution
from typing import Any

import pytest

KEPT = ("metadata", "entry_points", "files")
"""What a session of pytest asks each package for, and what is read from its files each time."""


def packages_read_once(patch: pytest.MonkeyPatch) -> None:
    """Let the sessions inside the tests read the files of installed packages once.

    Pytest reads all of them to find its plugins, which took a sixth of a session.
    """
    find = importlib.metadata.distributions
    # With the path, which decides what is installed.
    found: dict[tuple[str, ...], list[Distribution]] = {}

    @functools.wraps(find)
    def distributions(**options: Any) -> Iterable[Distribution]:
        if options:
            return find(**options)
        path = tuple(sys.path)
        if path not in found:
            found[path] = [*find()]
        return iter(found[path])

    patch.setattr(importlib.metadata, "distributions", distributions)
    for name in KEPT:
        patch.setattr(Distribution, name, _kept(name, getattr(Distribution, name).fget))


def _kept(name: str, read: Callable[[Distribution], Any]) -> property:
    def get(package: Distribution) -> Any:
        known = vars(package)
        if name not in known:
            known[name] = read(package)
        return known[name]

    return property(get, doc=read.__doc__)
