"""Faults, calls and source files, stored once for an exploration and referred to by number."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.errors import FaultModelError
from flask_filibuster.journal.schema import ADD_NAME, NAMES, checksum, damaged, encode
from flask_filibuster.protocol import records
from flask_filibuster.protocol.codec import Form, Record
from flask_filibuster.protocol.records import OUTAGE, read_fault, write_planned

CALL, HANDLING = "call", "handling"
"""Keys of the parts of traces; faults have other keys, and source files are lists."""

Name = tuple[object, ...] | Call | Handling
Piece = TypeVar("Piece", Call, Handling)


class Names:
    """The recurring parts of an exploration's executions, stored once each, numbered from 1.

    These are planned faults, source files with the digests of their contents, and the parts of
    traces: nearly all of an execution occurs in another one, too. Numbers are local to their
    exploration, so that all its rows can be copied and deleted unchanged, and processes need not
    share numbers.

    :param db: the open journal.
    :param path: its file.
    :param exploration: the exploration.
    :param unchanged: whether a file, by name, still has a digest.
    :raises JournalError: names are damaged.
    :ivar unwritten: rows of the names that are not in the journal yet.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        path: Path,
        exploration: int,
        unchanged: Callable[[str, str], bool],
    ) -> None:
        self._path = path
        self._exploration = exploration
        self._is_unchanged = unchanged
        self._hold: dict[str | None, bool] = {None: True, "": True}
        self._last = 0
        self._numbers: dict[Name, int] = {}
        self._pieces: dict[str, Call | Handling | Record] = {}
        self._files: dict[str, tuple[str, str]] = {}
        self.unwritten: list[tuple[int, int, str, int]] = []
        for number, text, check in db.execute(NAMES, (exploration,)):
            if check != checksum(text):
                raise damaged(path, "the checksum of a name does not match")
            try:
                self._take(number, json.loads(text))
            except (ValueError, LookupError, TypeError, FaultModelError) as error:
                raise damaged(path, f"cannot read a name: {error!r}") from error

    def _take(self, number: int, name: Any) -> None:
        """Register a name of the journal."""
        self._last = max(self._last, number)
        if isinstance(name, list):
            self._know((name[0], name[1]), number)
        elif CALL in name or HANDLING in name:
            self._pieces[str(number)] = name  # Decoded on demand.
        else:
            index, outage = ExecutionIndex(name["execution_index"]), name.get("outage")
            of_calls = () if outage is None else (OUTAGE.read(outage),)
            self._know((index, read_fault(name["fault"]), *of_calls), number)

    def known(self, faults: FaultSet) -> str | None:
        """The numbers of a fault set, if all its faults have one."""
        numbers = {self._numbers.get(each.key, 0) for each in faults}
        return None if 0 in numbers else _joined(numbers)

    def of_faults(self, faults: FaultSet) -> str:
        """The numbers of a fault set: the same text for all sets of the same faults."""
        return _joined(set(self.numbers_of(faults)))

    def numbers_of(self, faults: FaultSet) -> list[int]:
        """The numbers of the faults of a set, in its order."""
        return [
            self._numbers.get(key) or self._new(key, write_planned(planned))
            for planned in faults
            for key in [planned.key]
        ]

    def of_trace(self, trace: Trace) -> str:
        """The numbers of the parts of a trace."""
        made, handled = (*trace.requests, *trace.invocations), trace.handlings.values()
        calls = [self._of_piece(CALL, records.CALL, each) for each in made]
        handlings = [self._of_piece(HANDLING, records.HANDLING, each) for each in handled]
        return f"{' '.join(calls)}|{' '.join(handlings)}"

    def _of_piece(self, key: str, form: Form[Piece], piece: Piece) -> str:
        number = self._numbers.get(piece)
        if number is None:
            number = self._new(piece, {key: form.write(piece)})
            self._pieces[str(number)] = piece
        return str(number)

    def trace(self, numbers: str) -> Trace:
        """The trace with these parts.

        :raises WireError, FaultModelError: it is of another version, or too long to read.
        :raises ValueError, LookupError: it is damaged.
        """
        calls, handlings = numbers.split("|")
        return Trace.of(
            [self._piece(number, CALL, records.CALL) for number in calls.split()],
            [self._piece(number, HANDLING, records.HANDLING) for number in handlings.split()],
        )

    def _piece(self, number: str, key: str, form: Form[Piece]) -> Piece:
        piece: Any = self._pieces[number]
        if isinstance(piece, dict):
            piece = self._pieces[number] = form.read(piece[key])
            self._numbers.setdefault(piece, int(number))
        return cast("Piece", piece)

    def of_sources(self, sources: Mapping[str, str]) -> str:
        """The numbers of source files, given with their digests."""
        return _joined(
            {self._numbers.get(each) or self._new(each, each) for each in sources.items()}
        )

    def hold(self, sources: str | None) -> bool:
        """Whether the files with these numbers are unchanged; ``None`` counts as unchanged."""
        known = self._hold.get(sources)
        if known is None:
            numbers = (sources or "").split()
            if not all(number in self._files for number in numbers):
                raise damaged(self._path, "the name of a source file is missing")
            known = all(self._is_unchanged(*self._files[number]) for number in numbers)
            self._hold[sources] = known
        return known

    def write(self, db: sqlite3.Connection) -> None:
        """Write the unwritten names."""
        if self.unwritten:
            db.executemany(ADD_NAME, self.unwritten)

    def written(self) -> None:
        """Mark the names as written, after the commit; without it they are written again."""
        self.unwritten.clear()

    def _new(self, key: Name, name: object) -> int:
        number, text = self._last + 1, encode(name)
        self._know(key, number)
        self.unwritten.append((self._exploration, number, text, checksum(text)))
        return number

    def _know(self, key: Name, number: int) -> None:
        self._last = max(self._last, number)
        self._numbers[key] = number
        if isinstance(key, tuple) and isinstance(key[1], str):
            self._files[str(number)] = str(key[0]), key[1]


def _joined(numbers: Iterable[int]) -> str:
    return " ".join(map(str, sorted(numbers)))
