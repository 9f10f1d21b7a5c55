"""The progress of an exploration, in a line."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask_filibuster.report.text import counted, short
from flask_filibuster.results.bug import signature
from flask_filibuster.results.execution import Execution

INTERVAL = 0.1  # in seconds
SHARE = 50


class Pace:
    """Counts executions and bugs of an exploration, from the creation of this object."""

    def __init__(self) -> None:
        self._search: Any = None
        self._began = time.monotonic()
        self._seen: set[tuple[str, str]] = set()

    @property
    def begun(self) -> bool:
        """Whether anything was executed."""
        return self._search is not None

    def note(self, search: Any, execution: Execution) -> None:
        """Note one execution.

        :param search: an ``Explorer`` or an object like it; attributes may be missing.
        """
        self._search = search
        if execution.verdict == "failed" and execution.error is not None:
            self._seen.add(("failure", signature(execution.error)))
        for handling in execution.trace.handlings.values():
            if handling.crash is not None and execution.faults:
                self._seen.add((handling.service, str(handling.crash.site)))

    def line(self, *, live: bool) -> str:
        """The state of the exploration; if ``live``, also the current fault set and an estimate."""
        search, seconds = self._search, max(time.monotonic() - self._began, 1e-6)
        rate = search.executed / seconds
        pruned, waiting = getattr(search, "pruned_count", None), getattr(search, "waiting", None)
        parts = [counted(search.executed, "execution")]
        if pruned is not None:
            parts.append(f"{pruned} pruned")
        if waiting is not None:
            parts.append(f"{waiting} to go")
        parts.append(f"{rate:.0f}/s")
        if live:
            if waiting is not None and rate:
                # An estimate: some will be pruned, others will lead to new sets.
                parts.append(f"about {_duration(waiting / rate)} left")
            parts.append(f"{len(self._seen)} found")
            under_way = getattr(search, "under_way", None)
            if under_way is not None:
                parts.append("now: " + ("; ".join(map(short, under_way)) or "no faults"))
        return ", ".join(parts)


class Due:
    """Runs an action at intervals, such that the action takes little of the time.

    :param after: delay before the first action, in seconds.
    """

    def __init__(self, after: float = 0.0) -> None:
        self._at = time.monotonic() + after

    def do(self, what: Callable[[], None]) -> None:
        """Run the action if it is due."""
        began = time.monotonic()
        if began >= self._at:
            what()
            # In a large exploration, counting itself takes time.
            self._at = began + max(INTERVAL, SHARE * (time.monotonic() - began))


def _duration(seconds: float) -> str:
    """A time in words: ``40 s``, ``12 min``, ``3 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
