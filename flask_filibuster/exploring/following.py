"""Show the output of other processes while they write it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import IO

Show = Callable[[str, str], None]
"""Shows a line, given the name of its writer."""

INTERVAL = 0.1
"""How often to look for new lines, in seconds."""

_CHUNK = 64 * 1024


class Following:
    """Shows the content of a growing file, line by line, until :meth:`end`.

    A file, not a pipe: a full pipe blocks the process that writes to it, and a pipe stays open
    until all children of that process have ended.

    :param file: the file that other processes write to.
    :param who: name shown with each line.
    :param show: shows a line; called from a thread.
    """

    def __init__(self, file: IO[bytes], who: str, show: Show) -> None:
        self._file = file
        self._who = who
        self._show = show
        self._read = 0
        self._rest = b""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="filibuster-logs", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Show the remaining lines, and stop."""
        self._over.set()
        self._thread.join()
        self._take()
        if self._rest:
            self._show(self._who, self._rest.decode("utf-8", "replace"))
            self._rest = b""

    def _follow(self) -> None:
        while not self._over.wait(INTERVAL):
            self._take()

    def _take(self) -> None:
        # Not read(): its position is also the one at which the other process writes.
        while chunk := os.pread(self._file.fileno(), _CHUNK, self._read):
            self._read += len(chunk)
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._show(self._who, line.decode("utf-8", "replace"))
