"""How far the exploration of a marked test is, while pytest runs it on a terminal."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from flask_filibuster.report.progress import Due, Pace
from flask_filibuster.results.execution import Execution

PATIENCE = 0.5
"""For how long nothing is said of a test, in seconds: most are over by then."""

NARROW = 20
SAVE, CLEAR, RESTORE = "\x1b7", "\x1b[K", "\x1b8"


class Progress:
    """Writes behind what pytest has written of a test, and takes it away again.

    Not where pytest is told to be quiet, or lets through what tests print: that would get mixed.

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
        """Take in one execution.

        :param search: an ``Explorer``, or what is like one.
        """
        if self._file is not None:
            self._pace.note(search, execution)
            self._due.do(self._show)

    def _show(self) -> None:
        # What is narrower than 40, pytest takes for 80. At the edge some go to the next line.
        columns = min(self._writer.fullwidth, shutil.get_terminal_size().columns)
        room = columns - self._writer.width_of_current_line - 2
        if room >= NARROW:
            self._write(f"{SAVE} {self._pace.line(live=True)[:room]}{CLEAR}{RESTORE}")
            self._written = True

    def _write(self, characters: str) -> None:
        # Past pytest's writer, which takes all characters for such as have a width.
        self._file.write(characters)
        self._file.flush()

    def close(self) -> None:
        """Take away what was written."""
        if self._written:
            self._write(CLEAR)
            self._written = False


def _terminal(config: pytest.Config) -> Any:
    """What the terminal is written to, or ``None``."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if not getattr(reporter, "isatty", False) or os.environ.get("TERM", "") in ("", "dumb"):
        return None
    if config.getoption("verbose") < 0 or config.getoption("capture") == "no":
        return None
    return getattr(config.get_terminal_writer(), "_file", None)
