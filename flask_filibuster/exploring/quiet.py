"""Keep the output and the log of applications off the terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout

from flask.logging import default_handler

from flask_filibuster.instrumentation.frames import current_scope, test_of
from flask_filibuster.server.execution import TestExecution

OURS = logging.getLogger("flask_filibuster")


@contextmanager
def quiet(*, unless: bool) -> Iterator[None]:
    """Keep the output of apps, and their log lines for every injected fault, off the terminal.

    :param unless: show both, on stderr.
    """
    before = logging.root.manager.disable
    with ExitStack() as stack:
        if unless:
            stack.enter_context(redirect_stdout(sys.stderr))
        else:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nowhere))
            logging.disable(max(before, logging.ERROR))
            stack.callback(logging.disable, before)
        yield


@contextmanager
def quiet_tracebacks(*, unless: bool = False) -> Iterator[None]:
    """Keep tracebacks of executions under faults out of the handler that Flask adds by itself.

    There is one for each injected fault that a view does not catch, and the report has its line.
    Handlers of the application and of pytest get them as always.

    :param unless: show them. They are shown, too, if the logger ``flask_filibuster`` is at DEBUG.
    """
    if unless:
        yield
        return
    ours = _OfFaults()  # One for each exploration, as several may run in threads.
    default_handler.addFilter(ours)
    try:
        yield
    finally:
        default_handler.removeFilter(ours)


class _OfFaults(logging.Filter):
    """Drops the tracebacks of executions under faults."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show a record."""
        scope = current_scope()
        if not record.exc_info or scope is None or OURS.isEnabledFor(logging.DEBUG):
            return True
        test = test_of(scope)
        execution = test.watcher if test is not None else None
        return not (isinstance(execution, TestExecution) and execution.faults)
