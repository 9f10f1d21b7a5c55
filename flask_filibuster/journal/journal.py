"""The journal: every execution of every exploration on disk, to resume a killed exploration.

A journal is an SQLite file with a write-ahead log and ``synchronous = NORMAL``. Each execution is
one transaction. Killing a process loses no recorded execution. A power cut can lose the last
transactions, never the integrity of the file. Several processes and threads may use one file at the
same time; do not use an open journal after a fork.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import ConfigError, FaultModelError, JournalError, WireError
from flask_filibuster.journal import schema
from flask_filibuster.journal.locks import RunLock
from flask_filibuster.journal.names import Names
from flask_filibuster.journal.schema import JournalFile, checksum, damaged, encode
from flask_filibuster.results.bug import TestFailedError, signature
from flask_filibuster.results.execution import Observation
from flask_filibuster.sources.digests import Digests

NONE = "[]"

KEPT = 3
"""Number of explorations kept for each name, besides running ones."""

STATES = ("complete", "interrupted", "lost")
"""The final states of an exploration; before, and if its process is killed, ``"running"``."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One execution, read back.

    :ivar observation: its observation; the error, if any, is a :class:`TestFailedError`.
    :ivar verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
    :ivar purpose: its purpose, in a word.
    :ivar extra: the caller's further data.
    """

    observation: Observation
    verdict: str
    purpose: str
    extra: str


class Journal:
    """Explorations on disk, each with its executions.

    :param path: the file; it and its directory are created if missing.
    :raises JournalError: it cannot be opened: damaged, of a newer version, not a journal.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = JournalFile(path)
        self._digests = Digests()
        self._runs: list[JournalRun] = []

    def begin(self, name: str, *, resume: bool = False, changed: bool = False) -> JournalRun:
        """Begin an exploration, or continue one.

        :param name: name of the subject; the last explorations of each name are kept.
        :param resume: continue the newest exploration of that name, if there is one and it is not
            ``"lost"``. It recalls executions whose sources are unknown or unchanged.
        :param changed: begin a new exploration with the passed executions of the newest one that
            is not running, if their sources are known and unchanged.
        :raises JournalError: the exploration to resume is still running, or the file is unusable.
        :raises ConfigError: both ``resume`` and ``changed`` are true.
        """
        if resume and changed:
            raise ConfigError("changed", changed, "False if resume is True")
        name = _storable(name)
        with self._file.lock, ExitStack() as undo:
            with self._file.writing() as db:
                running = RunLock.sweep(self._file.path)
                rows = db.execute(schema.NEWEST_FIRST, (name,)).fetchall()
                known = [each for each, _ in rows]
                if resume and known and rows[0][1] != "lost":
                    exploration = self._continue(db, name, known[0], running)
                else:
                    ended = [each for each in known if each not in running]
                    exploration = self._begin_new(db, name, ended, changed=changed)
                lock = RunLock.take(self._file.path, exploration)
                undo.callback(lock.close)
                run = JournalRun(self._file, exploration, lock, self._digests)
            undo.pop_all()
            self._runs = [*(each for each in self._runs if not each.finished), run]
        return run

    def close(self) -> None:
        """Close the file and interrupt unfinished explorations. May be called again."""
        with self._file.lock, ExitStack() as stack:
            stack.callback(self._file.close)
            for run in self._runs:
                stack.callback(run.finish, "interrupted")
            self._runs = []

    def __enter__(self) -> Journal:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _continue(self, db: sqlite3.Connection, name: str, newest: int, running: set[int]) -> int:
        if newest in running:
            raise JournalError(
                str(self._file.path),
                f"cannot be resumed: the exploration of {name!r} is still running; "
                "wait until it ends, or explore without resuming",
            )
        db.execute(schema.SET_STATE, ("running", newest))
        return newest

    def _begin_new(
        self, db: sqlite3.Connection, name: str, ended: list[int], *, changed: bool
    ) -> int:
        exploration = db.execute(schema.BEGIN, (name, time.time())).lastrowid or 0
        if changed and ended:
            self._copy_passed(db, ended[0], exploration)
        db.executemany(schema.DELETE, [(old,) for old in ended[KEPT:]])
        return exploration

    def _copy_passed(self, db: sqlite3.Connection, old: int, new: int) -> None:
        """Copy the passed executions with known and unchanged sources."""
        names = Names(db, self._file.path, old, self._digests.unchanged)
        db.execute(schema.COPY_NAMES, (new, old))
        for execution, sources in db.execute(schema.PASSED, (old,)).fetchall():
            if names.hold(sources):
                copy = db.execute(schema.COPY, (new, execution)).lastrowid
                db.execute(schema.COPY_PRUNED, (copy, execution))


class JournalRun:
    """One exploration in a journal, run by this process; created by :meth:`Journal.begin`.

    :ivar resumed: number of recorded executions available at its beginning.
    """

    def __init__(
        self, file: JournalFile, exploration: int, lock: RunLock, digests: Digests
    ) -> None:
        self._file = file
        self._exploration = exploration
        self._lock: RunLock | None = lock
        self._last: int | None = None
        with file.using() as db:
            self._names = Names(db, file.path, exploration, digests.unchanged)
            counts = db.execute(schema.COUNT, (exploration,)).fetchall()
        self.resumed: int = sum(count for sources, count in counts if self._names.hold(sources))

    @property
    def finished(self) -> bool:
        """Whether it has ended and accepts no more executions."""
        return self._lock is None

    def recall(self, faults: FaultSet, occurrence: int) -> Recorded | None:
        """A recorded execution, if its sources are unchanged.

        :param faults: its fault set, in any order.
        :param occurrence: number among the executions of these faults in this exploration, from 1.
        :raises JournalError: the record is damaged.
        """
        with self._file.using() as db:
            key = self._names.known(faults)
            if key is None:
                return None
            rows = db.execute(schema.RECALL, (self._exploration, key, occurrence)).fetchall()
            if not rows:
                return None
            *told, sources, extra, check = rows[0]
            if check != checksum(*told, sources, extra):
                raise damaged(self._file.path, "the checksum of an execution does not match")
            return self._read(*told[2:], extra) if self._names.hold(sources) else None

    def record(
        self,
        faults: FaultSet,
        occurrence: int,
        observation: Observation,
        *,
        verdict: str,
        purpose: str = "search",
        decision: str = "",
        error_text: str = "",
        sources: Mapping[str, str] | None = None,
        extra: str = "",
        pruned: Iterable[tuple[FaultSet, str, str]] = (),
    ) -> None:
        """Record an execution; replaces an earlier record of it.

        Lone surrogates in strings are stored as their escape sequences.

        :param faults: its fault set.
        :param occurrence: number among the executions of these faults in this exploration, from 1.
        :param observation: its observation.
        :param verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
        :param purpose: its purpose, in a word.
        :param decision: the decision of the search, in words.
        :param error_text: text for the error, if not its own.
        :param sources: the files it depends on, with their digests; ``None``: unknown.
        :param extra: the caller's further data.
        :param pruned: fault sets pruned just before: set, reason, predicted answer.
        :raises JournalError: the execution cannot be written; the journal is unchanged.
        """
        ended = _ending(observation, error_text)
        told = (occurrence, verdict, purpose, _storable(decision), *ended)
        # One lock covers assigning numbers and writing them.
        with self._file.lock:
            key = self._names.of_faults(faults)
            source_key = None if sources is None else self._names.of_sources(sources)
            trace = self._names.of_trace(observation.trace)
            omitted = self._omitted(pruned)
            self._write((key, *told, trace, source_key, _storable(extra)), omitted)

    def keep_pruned(self, pruned: Iterable[tuple[FaultSet, str, str]]) -> None:
        """Record fault sets that were pruned after the last recorded execution.

        :param pruned: set, reason, predicted answer. If this process has recorded no execution,
            an earlier process has recorded these sets.
        :raises JournalError: the sets cannot be written.
        """
        with self._file.lock:
            if self._last is None:
                return
            omitted = self._omitted(pruned)
            with self._file.writing() as db:
                self._names.write(db)
                db.executemany(schema.KEEP_PRUNED, [(self._last, *each) for each in omitted])
            self._names.written()

    def keep_settings(self, settings: Mapping[str, Any]) -> None:
        """Record how the exploration searches; replaces earlier settings.

        :param settings: plain data.
        :raises JournalError: they cannot be written.
        """
        with self._file.using() as db:
            db.execute(schema.KEEP_SETTINGS, (self._exploration, encode(settings)))

    def name(self, faults: FaultSet) -> list[int]:
        """Record the names of faults, executed or not.

        :returns: their numbers.
        :raises JournalError: they cannot be written.
        """
        with self._file.lock:
            numbers = self._names.numbers_of(faults)
            if self._names.unwritten:
                with self._file.writing() as db:
                    self._names.write(db)
                self._names.written()
        return numbers

    def _omitted(self, pruned: Iterable[tuple[FaultSet, str, str]]) -> list[tuple[str, str, str]]:
        return [
            (self._names.of_faults(each), _storable(reason), _storable(answer))
            for each, reason, answer in pruned
        ]

    def finish(self, state: str) -> None:
        """Record the final state and release the exploration. May be called again.

        :param state: ``"complete"``, ``"interrupted"``, or ``"lost"``: its records are unreliable,
            so it cannot be resumed.
        :raises JournalError: the state cannot be written; the exploration can still be resumed.
        :raises ConfigError: there is no such state.
        """
        if state not in STATES:
            raise ConfigError("state", state, " or ".join(map(repr, STATES)))
        with self._file.lock, ExitStack() as stack:
            if self._lock is None:
                return
            lock, self._lock = self._lock, None
            stack.callback(lock.close)
            with self._file.writing() as db:
                db.execute(schema.SET_STATE, (state, self._exploration))
                lock.delete()

    def _write(self, told: Sequence[Any], pruned: Sequence[tuple[str, str, str]]) -> None:
        if self._lock is None:
            raise JournalError(
                str(self._file.path), "accepts no more executions: the exploration has ended"
            )
        row = (self._exploration, *told, checksum(*told), time.time())
        if not (pruned or self._names.unwritten):
            # One statement is a transaction by itself.
            with self._file.using() as db:
                self._last = db.execute(schema.RECORD, row).lastrowid
            return
        with self._file.writing() as db:
            self._names.write(db)
            execution = db.execute(schema.RECORD, row).lastrowid
            if pruned:
                db.executemany(schema.KEEP_PRUNED, [(execution, *each) for each in pruned])
        self._names.written()
        self._last = execution

    def _read(self, *told: Any) -> Recorded | None:
        verdict, purpose, _, kind, error, problems, asked, trace, extra = told
        path = self._file.path
        try:
            observation = Observation(
                self._names.trace(trace),
                None if kind is None else TestFailedError(error, kind),
                tuple(json.loads(problems)),
                frozenset(json.loads(asked)),
            )
        except (WireError, FaultModelError) as problem:
            # The record is intact, but too long to read, or of another version.
            logger.warning("%s: cannot read an execution, so it runs again: %s", path, problem)
            return None
        except (ValueError, LookupError, TypeError, RecursionError) as problem:
            raise damaged(path, f"cannot read an execution: {problem}") from problem
        return Recorded(observation, verdict, purpose, extra)


def _ending(observation: Observation, error_text: str) -> tuple[str | None, str | None, str, str]:
    """The end of an execution: signature and text of its error, problems, and questions."""
    error = observation.error
    return (
        None if error is None else _storable(signature(error)),
        None if error is None else _storable(error_text or str(error)),
        encode(observation.problems) if observation.problems else NONE,
        encode(sorted(observation.asked, key=lambda name: name or ""))
        if observation.asked
        else NONE,
    )


def _storable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
