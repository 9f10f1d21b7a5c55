"""Executions under faults that pytest and its other plugins do not learn of."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

_HOOKS = ("pytest_exception_interact", "pytest_warning_recorded")
"""What tells of a failing test besides its reports: to a debugger, to the list of warnings."""


@contextmanager
def silent(config: pytest.Config) -> Iterator[None]:
    """Let pytest's other plugins learn nothing of failures and warnings in the block.

    Filters of warnings keep their effect.
    """
    with ExitStack() as stack, warnings.catch_warnings(record=True):
        for name in _HOOKS:
            stack.enter_context(_muted(getattr(config.hook, name)))
        yield


@contextmanager
def _muted(caller: Any) -> Iterator[None]:
    """Call no implementation of a hook in the block."""
    # Callers for parts of the plugins read the same list. Pluggy has no public way to do it.
    implementations = caller._hookimpls
    caller._hookimpls = []
    try:
        yield
    finally:
        caller._hookimpls = implementations
