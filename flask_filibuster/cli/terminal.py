"""Writing to the terminal: results on stdout, progress and complaints on stderr."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

import click

from flask_filibuster.core.fault_set import PlannedFault
from flask_filibuster.exploration.failures import signature
from flask_filibuster.exploration.result import Execution
from flask_filibuster.report.text import counted

_INTERVAL = 0.1
_SHARE = 50


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
    """Says on stderr how far an exploration is: on a terminal all the time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._due = 0.0
        self._live = sys.stderr.isatty()
        self._search: Any = None
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, search: Any, execution: Execution) -> None:
        """Take in one execution.

        :param search: an ``Explorer``, or what is like one.
        """
        self._search = search
        self._note_findings(execution)
        began = time.monotonic()
        if self._live and began >= self._due:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{self._line(search, live=True)[:width]}", nl=False, err=True)
            # Counting takes time in a large exploration, which is not there to be watched.
            took = time.monotonic() - began
            self._due = began + max(_INTERVAL, _SHARE * took)

    def close(self) -> None:
        """Leave the final state on a line of its own."""
        if self._search is not None:
            line = self._line(self._search, live=False)
            click.echo(f"\r\x1b[K{line}" if self._live else line, err=True)

    def _note_findings(self, execution: Execution) -> None:
        if execution.verdict == "failed" and execution.error is not None:
            self._seen.add(("failure", signature(execution.error)))
        for handling in execution.trace.handlings.values():
            if handling.crash is not None and execution.faults:
                self._seen.add((handling.service, str(handling.crash.site)))

    def _line(self, search: Any, *, live: bool) -> str:
        seconds = max(time.monotonic() - self._began, 1e-6)
        rate = search.executed / seconds
        parts = [
            counted(search.executed, "execution"),
            f"{search.left_out} left out",
            f"{search.waiting} to go",
            f"{rate:.0f}/s",
        ]
        if live:
            # Nobody knows how many of those that wait will be left out, or what they lead to.
            parts.append(f"about {_duration(search.waiting / rate)} left")
            parts.append(f"{len(self._seen)} found")
            under_way = getattr(search, "under_way", None)
            if under_way is not None:
                parts.append("now: " + ("; ".join(map(_short, under_way)) or "no faults"))
        return ", ".join(parts)


def _short(planned: PlannedFault) -> str:
    """A fault in few words: ``reviews ConnectionError``."""
    return f"{planned.service} {planned.fault.outcome}"


def _duration(seconds: float) -> str:
    """A time in words: ``40 s``, ``12 min``, ``3 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
