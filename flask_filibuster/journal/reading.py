"""Reads the explorations of a journal, to explain them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.errors import FaultModelError, JournalError, WireError
from flask_filibuster.journal import schema
from flask_filibuster.journal.journal import Recorded
from flask_filibuster.journal.names import Names
from flask_filibuster.journal.schema import JournalFile, checksum, damaged
from flask_filibuster.protocol.records import read_planned
from flask_filibuster.results.bug import TestFailedError
from flask_filibuster.results.execution import Observation


@dataclass(frozen=True, slots=True)
class RecordedExecution:
    """One execution of an exploration.

    :ivar faults: its fault set.
    :ivar occurrence: its number among the executions of these faults, from 1.
    :ivar recorded: what was observed.
    """

    faults: FaultSet
    occurrence: int
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class RecordedExploration:
    """One exploration.

    :ivar name: its name.
    :ivar state: its final state, or ``"running"``.
    :ivar settings: how it searched; empty if that was not recorded.
    :ivar faults: the faults that it planned or knew, in the order of the search for each call.
    :ivar executions: its executions, in order.
    """

    name: str
    state: str
    settings: Mapping[str, Any]
    faults: tuple[PlannedFault, ...]
    executions: tuple[RecordedExecution, ...]


def read_exploration(path: str | os.PathLike[str], like: str | None = None) -> RecordedExploration:
    """Read the newest exploration of a journal.

    :param path: the journal.
    :param like: part of its name; ``None``: any name.
    :raises JournalError: there is no such exploration, or the journal cannot be read.
    """
    if not Path(path).exists():
        raise JournalError(str(path), "does not exist: nothing was explored here, or not recorded")
    file = JournalFile(path)
    with closing(file), file.using() as db:
        listed = db.execute(schema.EXPLORATIONS).fetchall()
        for number, name, state in listed:
            if like is None or like in name:
                return _read(db, file.path, number, name, state)
        names = list(dict.fromkeys(name for _, name, _ in listed))[:10]
    found = f"; it has: {', '.join(names)}" if names else ""
    wanted = "no exploration" if like is None else f"no exploration whose name contains {like!r}"
    raise JournalError(str(path), f"has {wanted}{found}")


def _read(
    db: sqlite3.Connection, path: Path, number: int, name: str, state: str
) -> RecordedExploration:
    names = Names(db, path, number, lambda _file, _digest: True)
    settings = db.execute(schema.SETTINGS, (number,)).fetchone()
    try:
        faults = dict(_faults(db, number))
        executions = tuple(
            _execution(row, names, faults, path)
            for row in db.execute(schema.EXECUTIONS, (number,)).fetchall()
        )
        content = {} if settings is None else dict(json.loads(settings[0]))
        # Other numbers are in the order of their first use: in that of the search, nearly always.
        ordered = [faults[str(each)] for each in content.pop("faults", ())]
    except (WireError, FaultModelError, ValueError, LookupError, TypeError) as problem:
        raise damaged(path, f"cannot read an execution: {problem!r}") from problem
    known = tuple(ordered or faults.values())
    return RecordedExploration(name, state, content, known, executions)


def _faults(db: sqlite3.Connection, number: int) -> Iterator[tuple[str, PlannedFault]]:
    for each, text, _ in db.execute(schema.NAMES, (number,)):
        name = json.loads(text)
        if isinstance(name, dict) and "execution_index" in name:
            yield str(each), read_planned(name)


def _execution(
    row: tuple[Any, ...], names: Names, faults: Mapping[str, PlannedFault], path: Path
) -> RecordedExecution:
    *told, check = row
    if check != checksum(*told):
        raise damaged(path, "the checksum of an execution does not match")
    key, occurrence, verdict, purpose, _, kind, error, problems, asked, trace, _, extra = told
    observation = Observation(
        names.trace(trace),
        None if kind is None else TestFailedError(error, kind),
        tuple(json.loads(problems)),
        frozenset(json.loads(asked)),
    )
    # Numbers are in the order of first use, which is that of the calls nearly always.
    return RecordedExecution(
        FaultSet(tuple(faults[each] for each in key.split())),
        occurrence,
        Recorded(observation, verdict, purpose, extra),
    )
