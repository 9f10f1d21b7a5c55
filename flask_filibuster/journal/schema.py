"""The file of a journal: its tables, opening it and checking it."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask_filibuster.errors import JournalError
from flask_filibuster.results.directory import make_directory

APPLICATION = 0x46696C62
"""``PRAGMA application_id`` of a journal, big-endian at offset 68 of the file: "Filb"."""

VERSION = 1
"""``PRAGMA user_version``, big-endian at offset 60: version of the tables."""

LOGGED = 4000

PATIENCE = 30.0
"""How long to wait for a write of another process, in seconds."""

_MOVE = "move it away, or use another journal"

# json.dumps would create an encoder at each call with these separators.
encode = json.JSONEncoder(separators=(",", ":")).encode

_TABLES = (
    """CREATE TABLE explorations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
        begun REAL NOT NULL, state TEXT NOT NULL)""",
    """CREATE TABLE names (
        exploration INTEGER NOT NULL REFERENCES explorations ON DELETE CASCADE,
        number INTEGER NOT NULL, name TEXT NOT NULL, checksum INTEGER NOT NULL,
        PRIMARY KEY (exploration, number)) WITHOUT ROWID""",
    """CREATE TABLE executions (
        id INTEGER PRIMARY KEY,
        exploration INTEGER NOT NULL REFERENCES explorations ON DELETE CASCADE,
        faults TEXT NOT NULL, occurrence INTEGER NOT NULL, verdict TEXT NOT NULL,
        purpose TEXT NOT NULL, decision TEXT NOT NULL, kind TEXT, error TEXT,
        problems TEXT NOT NULL, asked TEXT NOT NULL, trace TEXT NOT NULL, sources TEXT,
        extra TEXT NOT NULL, checksum INTEGER NOT NULL, ended REAL NOT NULL,
        UNIQUE (exploration, faults, occurrence))""",
    # The pruned sets. Files of version 1 have this name of the table.
    """CREATE TABLE left_out (
        execution INTEGER NOT NULL REFERENCES executions ON DELETE CASCADE,
        faults TEXT NOT NULL, reason TEXT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (execution, faults)) WITHOUT ROWID""",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)

BEGIN = "INSERT INTO explorations (name, begun, state) VALUES (?, ?, 'running')"
NEWEST_FIRST = "SELECT id, state FROM explorations WHERE name = ? ORDER BY id DESC"
SET_STATE = "UPDATE explorations SET state = ? WHERE id = ?"
DELETE = "DELETE FROM explorations WHERE id = ?"

ADD_NAME = "INSERT INTO names VALUES (?, ?, ?, ?)"
NAMES = "SELECT number, name, checksum FROM names WHERE exploration = ?"
COPY_NAMES = "INSERT INTO names SELECT ?, number, name, checksum FROM names WHERE exploration = ?"

RECORD = """INSERT OR REPLACE INTO executions
    VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
RECALL = """SELECT faults, occurrence, verdict, purpose, decision, kind, error, problems, asked,
    trace, sources, extra, checksum
    FROM executions WHERE exploration = ? AND faults = ? AND occurrence = ?"""
COUNT = "SELECT sources, COUNT(*) FROM executions WHERE exploration = ? GROUP BY sources"
PASSED = """SELECT id, sources FROM executions
    WHERE exploration = ? AND verdict = 'passed' AND sources IS NOT NULL ORDER BY id"""
COPY = """INSERT INTO executions SELECT NULL, ?, faults, occurrence, verdict, purpose, decision,
    kind, error, problems, asked, trace, sources, extra, checksum, ended
    FROM executions WHERE id = ?"""
# Later than the other tables; releases that do not know it leave it alone.
_SETTINGS = """CREATE TABLE IF NOT EXISTS settings (
    exploration INTEGER PRIMARY KEY REFERENCES explorations ON DELETE CASCADE,
    content TEXT NOT NULL)"""
KEEP_SETTINGS = "INSERT OR REPLACE INTO settings VALUES (?, ?)"
SETTINGS = "SELECT content FROM settings WHERE exploration = ?"

EXPLORATIONS = "SELECT id, name, state FROM explorations ORDER BY id DESC"
EXECUTIONS = """SELECT faults, occurrence, verdict, purpose, decision, kind, error, problems, asked,
    trace, sources, extra, checksum FROM executions WHERE exploration = ? ORDER BY id"""

KEEP_PRUNED = "INSERT OR REPLACE INTO left_out VALUES (?, ?, ?, ?)"
COPY_PRUNED = """INSERT INTO left_out
    SELECT ?, faults, reason, answer FROM left_out WHERE execution = ?"""


class JournalFile:
    """The open file of a journal, used by one thread at a time.

    A file that is not a sound journal of a known version stays unchanged, to the byte.

    :param path: the file; created if missing or empty.
    :ivar path: the same, absolute.
    :ivar lock: held while the file is used; reentrant, to group several operations.
    :raises JournalError: the file is not a sound journal, or cannot be read and written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Absolute, so that SQLite interprets no name specially.
        self.path = Path(path).absolute()
        self.lock = threading.RLock()
        self._db = _open(self.path)
        self._closed = False

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """The connection, whose errors become :class:`JournalError`."""
        with self.lock:
            if self._closed:
                raise JournalError(str(self.path), "has been closed; open it again")
            try:
                yield self._db
            except (sqlite3.Error, OSError) as error:
                raise _trouble(self.path, error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection within one transaction, which is undone if the body raises."""
        with self.using() as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        with self.lock:
            self._closed = True
            self._db.close()


def _open(path: Path) -> sqlite3.Connection:
    try:
        make_directory(path.parent)
        found = path.stat() if path.exists() else None
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise JournalError(str(path), "is not a regular file; use another journal")
        if found is not None and found.st_size:
            _check_header(path)
            _check_pages(path)
        return _connect(path)
    except (sqlite3.Error, OSError, ValueError) as error:
        raise _trouble(path, error) from error


def _trouble(path: Path, error: Exception) -> JournalError:
    """An error of SQLite or the system, with the remedy in words."""
    if type(error) is sqlite3.DatabaseError:
        return damaged(path, str(error))
    if is_busy(error):
        problem = (
            f"has been locked by another process for {PATIENCE:g} seconds; "
            "try again, or use another journal"
        )
    else:
        problem = (
            f"cannot be read and written ({error}); check its permissions and the free disk space, "
            "or use another journal"
        )
    return JournalError(str(path), problem)


def damaged(path: Path, how: str) -> JournalError:
    """The error for a damaged journal."""
    return JournalError(str(path), f"is damaged ({how}); {_MOVE}")


def checksum(*fields: object) -> int:
    """The checksum of the fields of a row."""
    return zlib.crc32("\x1f".join(map(str, fields)).encode())


def is_busy(error: Exception) -> bool:
    """Whether another connection holds the lock."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _check_header(path: Path) -> None:
    """Check that the file is a journal of a known version.

    SQLite reads the header as it is in the file: opened as immutable, the file is not locked,
    recovered or written. If this process opened and closed the file itself, it would lose the locks
    of all its journals on that file (POSIX), and other processes would delete their log as unused.
    """
    with closing(_reading(path, "&immutable=1")) as db:
        # While another process copies its log into the file, the header is ahead of the rest.
        db.execute("PRAGMA writable_schema = ON")
        try:
            application, version = (
                db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("application_id", "user_version")
            )
        except sqlite3.DatabaseError as error:
            raise JournalError(
                str(path), f"is not a journal, or its header is damaged ({error}); {_MOVE}"
            ) from error
    if application != APPLICATION or version < 1:
        raise JournalError(
            str(path), f"belongs to another program, or its header is damaged; {_MOVE}"
        )
    if version > VERSION:
        raise JournalError(
            str(path),
            f"was written by a newer version of Flask-Filibuster (schema {version}; this version "
            f"reads {VERSION}); upgrade Flask-Filibuster, or {_MOVE}",
        )


def _check_pages(path: Path) -> None:
    """Check that the structure of the file is sound.

    Closing a read-only connection does not copy the log into the file.
    """
    if path.with_name(f"{path.name}-journal").exists():
        # Its creator was killed during the creation; the next writer rolls that back.
        return
    with closing(_reading(path)) as db:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, " ".join(found.split()))


def _reading(path: Path, more: str = "") -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro{more}", uri=True, timeout=PATIENCE)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        # One process creates the tables, the others wait.
        db.execute("BEGIN IMMEDIATE")
        if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES:
                db.execute(statement)
        db.execute(_SETTINGS)
        # Changes nothing, but fails at once if the file is read-only.
        db.execute(DELETE, (0,))
        db.execute("COMMIT")
        durable = "NORMAL" if _write_ahead(db) == "wal" else "FULL"
        db.execute(f"PRAGMA synchronous = {durable}")
        # Pages in the log before SQLite copies them into the file, which waits for the disk.
        db.execute(f"PRAGMA wal_autocheckpoint = {LOGGED}")
        db.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        db.close()
        raise
    return db


def _write_ahead(db: sqlite3.Connection) -> str:
    """Switch to a write-ahead log, if the file system supports it.

    :returns: the journal mode in use.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return str(db.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            # SQLite itself does not wait for other connections here.
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
