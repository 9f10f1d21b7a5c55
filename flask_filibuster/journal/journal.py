"""The journal of explorations: every execution on disk, so that a killed run can be resumed.

A journal is an SQLite file with a write-ahead log and ``synchronous = NORMAL``. Each execution is
one transaction. A process that is killed loses nothing that was recorded. A power cut can lose the
last transactions, never the integrity of the file. Several processes and threads may use one file
at the same time; an open journal is not to be carried through a fork.
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
"""How many explorations of one name are kept, besides those that are being run."""

STATES = ("complete", "interrupted", "lost")
"""How an exploration can end; until then it is ``"running"``, also if its process was killed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One execution, read back.

    :ivar observation: what was seen; its error, if any, is a :class:`TestFailedError`.
    :ivar verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
    :ivar purpose: what it was run for, in a word.
    :ivar extra: what else was to be kept.
    """

    observation: Observation
    verdict: str
    purpose: str
    extra: str


class Journal:
    """Explorations on disk, each with the executions that it ran.

    :param path: the file; it and its directory are made if need be.
    :raises JournalError: it cannot be opened: damaged, newer than this version, someone else's.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = JournalFile(path)
        self._digests = Digests()
        self._runs: list[JournalRun] = []

    def begin(self, name: str, *, resume: bool = False, changed: bool = False) -> JournalRun:
        """Begin an exploration, or continue one.

        :param name: what is explored; of one name, the last explorations are kept.
        :param resume: continue the newest exploration of that name, if there is one and not all
            of it is lost. Executions can be recalled whose sources are unknown or unchanged.
        :param changed: begin a new one with what passed in the newest one that is not being run,
            as far as its sources are known and unchanged.
        :raises JournalError: the exploration to resume is being run, or the file cannot be used.
        :raises ConfigError: both ``resume`` and ``changed`` are asked for.
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
        """Close the file; explorations that have not ended are interrupted. Again, do nothing."""
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
        """Copy what passed and whose sources are known and unchanged."""
        names = Names(db, self._file.path, old, self._digests.unchanged)
        db.execute(schema.COPY_NAMES, (new, old))
        for execution, sources in db.execute(schema.PASSED, (old,)).fetchall():
            if names.hold(sources):
                copy = db.execute(schema.COPY, (new, execution)).lastrowid
                db.execute(schema.COPY_LEFT_OUT, (copy, execution))


class JournalRun:
    """One exploration in a journal, being run by this process; made by :meth:`Journal.begin`.

    :ivar resumed: how many recorded executions could be recalled when it began.
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
        """Whether it has ended, so that nothing more can be recorded."""
        return self._lock is None

    def recall(self, faults: FaultSet, occurrence: int) -> Recorded | None:
        """What is recorded of an execution, if that still holds.

        :param faults: what was made to fail, in any order.
        :param occurrence: which execution of these faults in this exploration, from 1.
        :raises JournalError: what is recorded is damaged.
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
        left_out: Iterable[tuple[FaultSet, str, str]] = (),
    ) -> None:
        """Record an execution, in place of what was recorded of it before.

        Lone surrogates in texts are kept as their escape sequences.

        :param faults: what was made to fail.
        :param occurrence: which execution of these faults in this exploration, from 1.
        :param observation: what was seen.
        :param verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
        :param purpose: what it was run for, in a word.
        :param decision: why it was run, in words.
        :param error_text: the error in words, where its own are not meant.
        :param sources: the files it depends on, with their digests; ``None``: unknown.
        :param extra: what else is to be kept.
        :param left_out: fault sets that were left out just before: set, reason, predicted answer.
        :raises JournalError: it could not be written; then nothing of it has been.
        """
        ended = _ending(observation, error_text)
        told = (occurrence, verdict, purpose, _storable(decision), *ended)
        # Numbers are given out and written under one lock.
        with self._file.lock:
            key = self._names.of_faults(faults)
            source_key = None if sources is None else self._names.of_sources(sources)
            trace = self._names.of_trace(observation.trace)
            omitted = self._omitted(left_out)
            self._write((key, *told, trace, source_key, _storable(extra)), omitted)

    def leave_out(self, left_out: Iterable[tuple[FaultSet, str, str]]) -> None:
        """Record fault sets that were left out after the last execution that was recorded.

        :param left_out: set, reason, predicted answer. If no execution was recorded by this
            process, they are those that the one before has recorded.
        :raises JournalError: they could not be written.
        """
        with self._file.lock:
            if self._last is None:
                return
            omitted = self._omitted(left_out)
            with self._file.writing() as db:
                self._names.write(db)
                db.executemany(schema.LEAVE_OUT, [(self._last, *each) for each in omitted])
            self._names.written()

    def _omitted(self, left_out: Iterable[tuple[FaultSet, str, str]]) -> list[tuple[str, str, str]]:
        return [
            (self._names.of_faults(each), _storable(reason), _storable(answer))
            for each, reason, answer in left_out
        ]

    def finish(self, state: str) -> None:
        """Say how the exploration ended, and let others continue it. Again, do nothing.

        :param state: ``"complete"``, ``"interrupted"``, or ``"lost"`` if nobody can say what of it
            is as it was seen, so that it cannot be resumed.
        :raises JournalError: it could not be written; the exploration can be resumed all the same.
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

    def _write(self, told: Sequence[Any], left_out: Sequence[tuple[str, str, str]]) -> None:
        if self._lock is None:
            raise JournalError(
                str(self._file.path), "accepts no more executions: the exploration has ended"
            )
        row = (self._exploration, *told, checksum(*told), time.time())
        if not (left_out or self._names.unwritten):
            # One statement is a transaction by itself.
            with self._file.using() as db:
                self._last = db.execute(schema.RECORD, row).lastrowid
            return
        with self._file.writing() as db:
            self._names.write(db)
            execution = db.execute(schema.RECORD, row).lastrowid
            if left_out:
                db.executemany(schema.LEAVE_OUT, [(execution, *each) for each in left_out])
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
            # It is what was recorded, but longer than what is read, or another version's.
            logger.warning("%s: cannot read an execution, so it runs again: %s", path, problem)
            return None
        except (ValueError, LookupError, TypeError, RecursionError) as problem:
            raise damaged(path, f"cannot read an execution: {problem}") from problem
        return Recorded(observation, verdict, purpose, extra)


def _ending(observation: Observation, error_text: str) -> tuple[str | None, str | None, str, str]:
    """How an execution ended: signature and text of its error, problems, and what was asked."""
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
