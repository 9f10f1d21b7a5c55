"""Locks that mark the running explorations of a journal."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from flask_filibuster.errors import JournalError
from flask_filibuster.journal.schema import is_busy


class RunLock:
    """Marks an exploration as running, across processes.

    The lock is a transaction on an empty SQLite file beside the journal, which ends with this
    process in any case. Take, release and sweep locks only inside a write transaction of the
    journal: otherwise one process could delete a lock file that another is taking.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db

    @classmethod
    def take(cls, journal: Path, exploration: int) -> RunLock:
        """Take the lock of an exploration.

        :raises JournalError: the exploration is running.
        """
        lock = cls._take(journal.with_name(f"{journal.name}-run-{exploration}"))
        if lock is None:
            raise JournalError(str(journal), "is in use: this exploration is still running")
        return lock

    @classmethod
    def sweep(cls, journal: Path) -> set[int]:
        """Delete the lock files of killed processes.

        :returns: the running explorations.
        """
        name = re.compile(rf"{re.escape(journal.name)}-run-([0-9]+)")
        running = set()
        for path in list(journal.parent.iterdir()):
            if (match := name.fullmatch(path.name)) is None:
                continue
            if (lock := cls._take(path)) is None:
                running.add(int(match[1]))
            else:
                lock.delete()
        return running

    @classmethod
    def _take(cls, path: Path) -> RunLock | None:
        db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = MEMORY")
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            db.close()
            if is_busy(error):
                return None
            raise
        return cls(path, db)

    def delete(self) -> None:
        """Release the lock, and delete its file."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Release the lock; its file stays until the next sweep."""
        self._db.close()
