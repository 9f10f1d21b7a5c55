"""Files that are no sound journals, and places where no journal can be."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.errors import JournalError
from flask_filibuster.journal import schema as journal_schema
from flask_filibuster.journal.journal import Journal
from flask_filibuster.results.execution import Observation
from tests.support import journals
from tests.support.journals import (
    NO_FAULTS,
    PAGE,
    PATIENCE,
    line_of,
    numbered,
    process,
    recalled,
    record,
    record_without_end,
)

path = journals.path


# --- files that are no sound journals -------------------------------------------------------------


def fill(path: Path) -> None:
    with Journal(path) as journal:
        run = journal.begin("a test")
        for number in range(60):
            record(run, number, sources={f"{number}.py": ""})


def truncate(path: Path, size: int) -> None:
    fill(path)
    os.truncate(path, size)


def overwrite(path: Path, place: int, content: bytes) -> None:
    fill(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def flip_in_all_pages(path: Path) -> None:
    fill(path)
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        for place in range(page, page + 100):
            content[place] ^= 0xFF
    path.write_bytes(content)


def fill_garbage(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(random.Random(1).randbytes(20_000))


def fill_text(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("#")


def fill_foreign(path: Path, mode: str = "DELETE") -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("CREATE TABLE important (thing TEXT)")


def fill_foreign_log(path: Path) -> None:
    """A database of another program that was killed: some of it is in its log only."""
    fill_foreign(path, "WAL")
    elsewhere = path.with_name("elsewhere.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO important VALUES ('kept')")
        for end in ("", "-wal"):
            content = path.with_name(path.name + end).read_bytes()
            elsewhere.with_name(elsewhere.name + end).write_bytes(content)
    for end in ("", "-wal"):
        elsewhere.with_name(elsewhere.name + end).replace(path.with_name(path.name + end))


def damage_beside_log(path: Path) -> None:
    """A damaged journal of a killed process: who closes it must not bring the log into it."""
    fill(path)
    with process(record_without_end, path, "another") as child:
        while int(line_of(child)) < 50:
            pass
    assert path.with_name("journal.db-wal").stat().st_size
    content = bytearray(path.read_bytes())
    content[4096 * 8 : 4096 * 12] = bytes(4096 * 4)
    path.write_bytes(content)


UNSOUND: dict[str, tuple[Callable[[Path], None], str]] = {
    "garbage": (fill_garbage, "is not a journal, or its header is damaged"),
    "a single character": (fill_text, "belongs to another program, or"),
    "another program's": (fill_foreign, "belongs to another program"),
    "another program's with a log": (fill_foreign_log, "belongs to another program"),
    "newer": (lambda path: overwrite(path, 60, b"\0\0\0\2"), "newer version.* upgrade"),
    "of no version": (
        lambda path: overwrite(path, 60, b"\0\0\0\0"),
        "belongs to another program, or",
    ),
    "cut within the header": (lambda path: truncate(path, 50), "header is damaged"),
    "cut after the header": (lambda path: truncate(path, 100), "is damaged"),
    "cut within a page": (lambda path: truncate(path, 4096 * 9 + 17), "is damaged"),
    "cut after a page": (lambda path: truncate(path, 4096 * 7), "is damaged"),
    "no magic": (
        lambda path: overwrite(path, 3, b"x"),
        "is not a journal, or its header is damaged",
    ),
    "a page of zeros": (lambda path: overwrite(path, 4096 * 4, bytes(4096)), "is damaged"),
    "flipped in all pages": (flip_in_all_pages, "is damaged"),
    "schema overwritten": (lambda path: overwrite(path, 100, b"\xff" * 3000), "is damaged"),
    "damaged beside its log": (damage_beside_log, "is damaged"),
}


@pytest.mark.parametrize(("make", "problem"), UNSOUND.values(), ids=UNSOUND)
def test_unsound_journal_is_left_alone(
    path: Path, make: Callable[[Path], None], problem: str
) -> None:
    make(path)
    files = [path, path.with_name("journal.db-wal")]
    before = [each.read_bytes() for each in files if each.exists()]
    with pytest.raises(JournalError, match=problem) as raised:
        Journal(path)
    assert str(path) in str(raised.value)
    assert "move it away, or use another journal" in str(raised.value)
    assert raised.value.journal == str(path)
    assert [each.read_bytes() for each in files[: len(before)]] == before


def test_altered_trace_is_noticed(path: Path) -> None:
    fill(path)
    content = path.read_bytes()
    # Within the text of a trace, SQLite itself sees no damage.
    assert content.count(b"0000003b") == 1
    path.write_bytes(content.replace(b"0000003b", b"0000003c"))
    with (
        Journal(path) as journal,
        pytest.raises(JournalError, match=r"journal\.db is damaged .*move it away"),
    ):
        journal.begin("a test", resume=True)


def test_altered_verdict_is_noticed(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE executions SET verdict = 'failed' WHERE id = 60")
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert recalled(run, 59) == list(range(59))
        with pytest.raises(JournalError, match=r"journal\.db is damaged .*move it away"):
            run.recall(numbered(59), 1)


def test_altered_fault_is_noticed(path: Path) -> None:
    fill(path)
    content = path.read_bytes()
    fault = b'"fault":{"exception":null,"status":2'
    assert fault in content
    path.write_bytes(content.replace(fault, fault[:-1] + b"3"))
    with Journal(path) as journal:
        with pytest.raises(JournalError, match=r"journal\.db is damaged .*move it away"):
            journal.begin("a test", resume=True)
        # What was begun is given up: others are told of the damage, too, not of somebody at work.
        with pytest.raises(JournalError, match="is damaged"):
            journal.begin("a test", resume=True)
        record(journal.begin("a test"), 1)


def rewrite_trace(path: Path, trace: str) -> None:
    """Put another trace into the first record, as if it had been recorded like this."""
    columns = """faults, occurrence, verdict, purpose, decision, kind, error, problems, asked,
        trace, sources, extra"""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        fields = list(db.execute(f"SELECT {columns} FROM executions WHERE id = 1").fetchone())
        fields[9] = trace
        check = journal_schema.checksum(*fields)
        db.execute("UPDATE executions SET trace = ?, checksum = ? WHERE id = 1", (trace, check))


def test_unreadable_record_names_the_file(path: Path) -> None:
    fill(path)
    rewrite_trace(path, "1 2 3")
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        with pytest.raises(JournalError, match=r"journal\.db is damaged .*cannot read"):
            run.recall(numbered(0), 1)


def test_overlong_execution_runs_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    handling = Handling(PAGE, "page", "GET", "/" + "x" * 20_000)
    with Journal(path) as journal:
        run = journal.begin("a test")
        run.record(NO_FAULTS, 1, Observation(Trace.of([], [handling])), verdict="passed")
    with Journal(path) as journal:
        assert journal.begin("a test", resume=True).recall(NO_FAULTS, 1) is None
    assert "so it runs again: path is longer than" in caplog.text


# --- where a journal can be -----------------------------------------------------------------------


def test_empty_file_is_a_new_journal(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Journal(path) as journal:
        record(journal.begin("a test"), 1)
    with Journal(path) as journal:
        assert recalled(journal.begin("a test", resume=True), 2) == [1]


def test_file_header_says_what_it_is(path: Path) -> None:
    """As soon as the file is open."""
    with Journal(path) as journal:
        header = path.read_bytes()[:100]
        assert header[60:64] == b"\0\0\0\1"
        assert header[68:72] == b"Filb"
        with journal._file.using() as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA synchronous").fetchone() == (1,)


def test_half_made_file_is_made_anew(path: Path) -> None:
    """Its process was killed while it made the file."""
    fill(path)
    os.truncate(path, 4096 * 2)
    # The head of a rollback journal: no pages, for a file that had none, of pages of 4096 bytes.
    numbers = (0, 0, 0, 512, 4096)
    head = bytes.fromhex("d9d505f920a163d7") + b"".join(each.to_bytes(4, "big") for each in numbers)
    path.with_name("journal.db-journal").write_bytes(head.ljust(512, b"\0"))
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert run.resumed == 0
        record(run, 1)
    with Journal(path) as journal:
        assert recalled(journal.begin("a test", resume=True), 60) == [1]


@pytest.mark.parametrize("name", ["journal ü #1%20?.db", ":memory:", "file:x?mode=memory"])
def test_special_names_are_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with Journal(name) as journal:
        record(journal.begin("a test"), 1)
    with Journal(name) as journal:
        assert recalled(journal.begin("a test", resume=True), 2) == [1]
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("place", ["file/journal.db", "file/below/journal.db", "nul\0.db"])
def test_impossible_place_is_an_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=r"cannot be .*use another journal"):
        Journal(tmp_path / place)


def test_a_directory_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is not a regular file; use another journal"):
        Journal(tmp_path)


def test_read_only_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    connect = sqlite3.connect

    def read_only(database: Any, **options: Any) -> object:
        # What SQLite makes of a file without permission to write; some may write everywhere.
        address = database if "uri" in options else f"{path.as_uri()}?mode=ro"
        return connect(address, **{**options, "uri": True})

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(JournalError, match=r"cannot be .*readonly.*use another journal"):
        Journal(path)


@pytest.mark.slow
@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"], ids=["reads", "writes"])
def test_switching_to_wal_waits(path: Path, begin: str) -> None:
    """For others that open the file."""
    fill(path)
    with (
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other,
        closing(sqlite3.connect(path, isolation_level=None)) as db,
    ):
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute(begin)
        other.execute("SELECT * FROM explorations").fetchall()
        end = threading.Timer(0.2, other.execute, ("COMMIT",))
        end.start()
        assert journal_schema._write_ahead(db) == "wal"
        end.join()


def test_busy_journal_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    fill(path)
    monkeypatch.setattr(journal_schema, "PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(JournalError, match=r"has been locked .* try again"):
            Journal(path)
        assert time.monotonic() - begun < PATIENCE / 2
