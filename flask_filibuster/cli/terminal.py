"""Writing to the terminal: results on stdout, progress and complaints on stderr."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout

import click

from flask_filibuster.exploration.explorer import Explorer
from flask_filibuster.exploration.result import Execution
from flask_filibuster.report.text import counted

_INTERVAL = 0.1


def heading(text: str, *, bad: bool) -> str:
    """A line that stands out, where the terminal and the user want colour."""
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, bold=True, fg="red" if bad else None)


def indented(lines: Iterable[str]) -> str:
    """Lines as a block below a heading."""
    return "\n".join(f"  {line}" for line in lines)


@contextmanager
def quiet(*, unless: bool) -> Iterator[None]:
    """Keep what apps print, and log for every injected fault, off the terminal.

    :param unless: let it through all the same, but to stderr.
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


class Progress:
    """One line on stderr that says how far the exploration is; rewritten on a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._shown = 0.0
        self._live = sys.stderr.isatty()
        self._explorer: Explorer | None = None

    def __call__(self, explorer: Explorer, _execution: Execution) -> None:
        """Take in one execution."""
        self._explorer = explorer
        if self._live and time.monotonic() - self._shown >= _INTERVAL:
            self._shown = time.monotonic()
            click.echo(f"\r\x1b[K{self._line(explorer)}", nl=False, err=True)

    def close(self) -> None:
        """Leave the final state on a line of its own."""
        if self._explorer is not None:
            line = self._line(self._explorer)
            click.echo(f"\r\x1b[K{line}" if self._live else line, err=True)

    def _line(self, explorer: Explorer) -> str:
        rate = explorer.executed / max(time.monotonic() - self._began, 1e-6)
        return (
            f"{counted(explorer.executed, 'execution')}, {explorer.left_out} left out, "
            f"{explorer.waiting} to go, {rate:.0f}/s"
        )
