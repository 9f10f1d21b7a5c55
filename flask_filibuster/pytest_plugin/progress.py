"""The progress of the exploration of a marked test, on a terminal."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from flask_filibuster.report.progress import Due, Pace
from flask_filibuster.results.execution import Execution

PATIENCE = 0.5
"""Delay before the first output, in seconds: most tests end earlier."""

NARROW = 20
SAVE, CLEAR, RESTORE = "\x1b7", "\x1b[K", "\x1b8"


class Progress:
    """Writes progress behind pytest's line of a test, and erases it at the end.

    Writes nothing with ``-q``, or with ``-s``, where the output of tests would mix in.

    :param config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._pace = Pace()
        self._due = Due(PATIENCE)
        self._written = False
        self._writer: Any = None
        self._file = _terminal(config)
        if self._file is not None:
            self._writer = config.get_terminal_writer()

    def __call__(self, search: Any, execution: Execution) -> None:
        """Note one execution.

        :param search: an ``Explorer`` or an object like it.
        """
        if self._file is not None:
            self._pace.note(search, execution)
            self._due.do(self._show)

    def _show(self) -> None:
        # pytest takes widths below 40 for 80. Some terminals wrap at the last column.
        columns = min(self._writer.fullwidth, shutil.get_terminal_size().columns)
        room = columns - self._writer.width_of_current_line - 2
        if room >= NARROW:
            self._write(f"{SAVE} {self._pace.line(live=True)[:room]}{CLEAR}{RESTORE}")
            self._written = True

    def _write(self, characters: str) -> None:
        # Bypasses pytest's writer, which counts control characters as visible ones.
        self._file.write(characters)
        self._file.flush()

    def close(self) -> None:
        """Erase the progress."""
        if self._written:
            self._write(CLEAR)
            self._written = False


def _terminal(config: pytest.Config) -> Any:
    """The terminal's file, or ``None``."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if not getattr(reporter, "isatty", False) or os.environ.get("TERM", "") in ("", "dumb"):
        return None
    if config.getoption("verbose") < 0 or config.getoption("capture") == "no":
        return None
    return getattr(config.get_terminal_writer(), "_file", None)
