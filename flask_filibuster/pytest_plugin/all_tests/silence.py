"""Executions under faults that pytest and its other plugins do not learn of."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from flask_filibuster.report.text import error_line

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
def unformatted(item: Any) -> Iterator[None]:
    """Let failures of a test in the block be reported in one line, as nobody reads the reports.

    Pytest's own text parses the source of each function in the traceback: for a failure deep in a
    client it takes ten times as long as the execution.

    :param item: the test.
    """

    def line(excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG001
        return error_line(excinfo.value)

    names = ("repr_failure", "_repr_failure_py")  # Of the body, and of set-up and tear-down.
    before = {name: value for name, value in vars(item).items() if name in names}
    vars(item).update(dict.fromkeys(names, line))
    try:
        yield
    finally:
        for name in names:
            del vars(item)[name]
        vars(item).update(before)  # Another plugin's.


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
