"""Writes to the terminal: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import Any

import click

from flask_filibuster.report.progress import Due, Pace
from flask_filibuster.results.execution import Execution


def heading(text: str, *, bad: bool) -> str:
    """A line that stands out, where the terminal and the user want colour."""
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, bold=True, fg="red" if bad else None)


def indented(lines: Iterable[str]) -> str:
    """Lines as a block below a heading."""
    return "\n".join(f"  {line}" for line in lines)


def show_line(who: str, line: str) -> None:
    """Show a line of another process's output.

    :param who: the process, by its command line.
    :param line: the line, without its end.
    """
    click.echo(f"{who}| {line}", err=True)


class Progress:
    """Shows the progress of an exploration on stderr; on a terminal, continuously."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._due = Due()
        self._live = sys.stderr.isatty()

    def __call__(self, search: Any, execution: Execution) -> None:
        """Note one execution.

        :param search: an ``Explorer`` or an object like it.
        """
        self._pace.note(search, execution)
        if self._live:
            self._due.do(self._show)

    def _show(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{self._pace.line(live=True)[:width]}", nl=False, err=True)

    def __enter__(self) -> Progress:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the final state on a line of its own."""
        if self._pace.begun:
            line = self._pace.line(live=False)
            click.echo(f"\r\x1b[K{line}" if self._live else line, err=True)
