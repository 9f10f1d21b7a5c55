"""Journals that processes and threads share, and that processes leave behind."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flask_filibuster.errors import JournalError
from flask_filibuster.journal.journal import Journal
from tests.support import journals
from tests.support.journals import (
    PATIENCE,
    line_of,
    locks,
    numbered,
    open_and_close,
    process,
    query,
    recalled,
    record,
    record_some,
    record_without_end,
)

path = journals.path


@pytest.mark.slow
def test_killed_process_loses_nothing(path: Path) -> None:
    with process(record_without_end, path, "a test") as child:
        while (last := int(line_of(child))) < 200:
            pass
        child.kill()
        # It may have gone on until the signal arrived.
        while word := line_of(child):
            last = int(word)
    assert len(locks(path)) == 1
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert recalled(run, last + 1) == list(range(last + 1))
        assert run.resumed in (last + 1, last + 2)
        record(run, last + 2)
        assert recalled(run, last + 3)[-1] == last + 2
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_running_exploration_is_not_resumed(path: Path) -> None:
    with Journal(path) as journal, process(record_without_end, path, "a test") as child:
        line_of(child)
        with pytest.raises(
            JournalError, match=r"journal\.db .*exploration of 'a test' is still running"
        ):
            journal.begin("a test", resume=True)
        # Neither is it in the way of another one, nor that in its.
        other = journal.begin("a test")
        assert other.resumed == 0
        with pytest.raises(JournalError, match="of 'a test' is still running"):
            journal.begin("a test", resume=True)
        other.finish("interrupted")
        assert journal.begin("a test", resume=True).resumed == 0
        assert int(line_of(child)) > 0


@pytest.mark.slow
def test_leftovers_of_killed_processes_are_deleted(path: Path) -> None:
    """By the next exploration that begins."""
    with process(record_without_end, path, "a test") as child:
        line_of(child)
        with process(record_without_end, path, "another") as other:
            line_of(other)
        assert len(locks(path)) == 2
        path.with_name("journal.db-run-x").touch()
        with Journal(path) as journal:
            run = journal.begin("a third")
            assert sorted(locks(path)) == [f"journal.db-run-{each}" for each in ("1", "3", "x")]
            run.finish("complete")
            assert sorted(locks(path)) == ["journal.db-run-1", "journal.db-run-x"]


@pytest.mark.slow
def test_processes_share_one_journal(path: Path) -> None:
    """They make and write it at once."""
    with (
        process(record_some, path, "a test", 0, 150) as first,
        process(record_some, path, "a test", 150, 150) as second,
        process(record_some, path, "another", 300, 150) as third,
    ):
        children = first, second, third
        assert [line_of(each) for each in children] == ["ready"] * 3
        for each in children:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        assert [line_of(each) for each in children] == ["done"] * 3
        assert [each.wait(PATIENCE) for each in children] == [0] * 3
    counts = "SELECT COUNT(*), COUNT(DISTINCT checksum) FROM executions GROUP BY exploration"
    assert query(path, counts) == [(150, 150)] * 3
    with Journal(path) as journal:
        assert recalled(journal.begin("another", resume=True), 450) == list(range(300, 450))


@pytest.mark.slow
def test_threads_share_one_journal(path: Path) -> None:
    with Journal(path) as journal:
        runs = [journal.begin("a test"), journal.begin("another")]

        def work(place: int) -> None:
            for number in range(place, 200, 4):
                record(runs[place % 2], number, sources={str(number): ""})
                assert runs[place % 2].recall(numbered(number), 1) is not None

        threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for place, run in enumerate(runs):
            assert recalled(run, 200) == list(range(place, 200, 2))


@pytest.mark.slow
def test_second_opening_keeps_the_locks(path: Path) -> None:
    with Journal(path) as journal:
        run = journal.begin("a test")
        record(run, 0)
        Journal(path).close()
        with process(open_and_close, path) as child:
            # Were the locks lost, this process would take itself for the last and delete the log.
            assert line_of(child) == "done"
        record(run, 1)
        assert query(path, "SELECT COUNT(*) FROM executions") == [(2,)]
