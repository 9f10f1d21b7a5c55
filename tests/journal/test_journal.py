"""Journals: what was recorded is recalled, and which exploration is resumed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import ConfigError, JournalError
from flask_filibuster.journal.journal import KEPT, Journal
from flask_filibuster.results.bug import TestFailedError, signature
from flask_filibuster.results.execution import Observation
from tests.support import journals
from tests.support.journals import NO_FAULTS, query, recalled, record, seen, trace_of, under

path = journals.path


# --- there and back -------------------------------------------------------------------------------


def test_a_journal_of_before_is_recalled(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).parent / "recorded" / "journal.sql").read_text("utf-8"))
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert recalled(run, 4) == [0, 1, 2]
        failed = run.recall(under((0, 500), (1, 404)), 1)
    assert failed is not None
    assert (failed.verdict, failed.purpose, failed.extra) == ("failed", "shrink", "more")
    assert failed.observation.trace == trace_of(1)
    assert failed.observation.asked == {None, "users"}


@pytest.mark.parametrize("number", [0, 1], ids=["plain fault", "fault of another library"])
def test_resuming_recalls_what_was_recorded(path: Path, number: int) -> None:
    observation = Observation(
        trace_of(number),
        TestFailedError("no movie\nin: ü", "AssertionError at x:1"),
        ("lost", "späti"),
        frozenset({None, "users", "movies"}),
    )
    with Journal(path) as journal:
        journal.begin("a test").record(
            under((0, 500), (1, 404)),
            1,
            observation,
            verdict="failed",
            purpose="shrink",
            extra='{"a": "\0ü"}',
        )
    with Journal(str(path)) as journal:
        run = journal.begin("a test", resume=True)
        recorded = run.recall(under((0, 500), (1, 404)), 1)
    assert run.resumed == 1
    assert recorded is not None
    assert recorded.observation.trace == observation.trace
    assert recorded.observation.problems == observation.problems
    assert recorded.observation.asked == observation.asked
    assert isinstance(recorded.observation.error, TestFailedError)
    assert str(recorded.observation.error) == "no movie\nin: ü"
    assert recorded.observation.error.kind == "AssertionError at x:1"
    assert (recorded.verdict, recorded.purpose, recorded.extra) == (
        "failed",
        "shrink",
        '{"a": "\0ü"}',
    )


def test_omitted_values_are_recalled_empty(path: Path) -> None:
    with Journal(path) as journal:
        run = journal.begin("a test")
        run.record(NO_FAULTS, 1, Observation(Trace()), verdict="passed")
        recorded = run.recall(NO_FAULTS, 1)
    assert recorded is not None
    assert recorded.observation == Observation(Trace())
    assert (recorded.purpose, recorded.extra) == ("search", "")


@pytest.mark.parametrize("text", ["", "in other words"], ids=["its own words", "other words"])
def test_exceptions_keep_kind_and_words(path: Path, text: str) -> None:
    with pytest.raises(KeyError) as raised:
        _ = dict[str, str]()["movie \udc80"]
    error = raised.value
    with Journal(path) as journal:
        run = journal.begin("a test \udc80")
        observation = Observation(Trace(), error)
        run.record(NO_FAULTS, 1, observation, verdict="failed", error_text=text)
        recorded = run.recall(NO_FAULTS, 1)
    assert recorded is not None
    assert isinstance(recorded.observation.error, TestFailedError)
    assert recorded.observation.error.kind == signature(error)
    assert str(recorded.observation.error) == (text or str(error))


def test_fault_sets_have_no_order(path: Path) -> None:
    """They differ by call, status and occurrence."""
    with Journal(path) as journal:
        run = journal.begin("a test")
        run.record(under((0, 500), (1, 404)), 2, seen(7), verdict="passed")
        recorded = run.recall(under((1, 404), (0, 500)), 2)
        assert recorded is not None
        assert recorded.observation == seen(7)
        assert run.recall(under((0, 500), (1, 404)), 1) is None
        assert run.recall(under((0, 404), (1, 500)), 2) is None
        assert run.recall(under((0, 500)), 2) is None
        assert run.recall(NO_FAULTS, 2) is None


def test_many_faults_have_no_order(path: Path) -> None:
    with Journal(path) as journal:
        run = journal.begin("a test")
        ways = [(call, status) for call in (0, 1) for status in range(500, 540)]
        for way in ways:
            run.record(under(way), 1, seen(1), verdict="passed")
        for first, second in zip(ways, ways[8:], strict=False):
            run.record(under(first, second), 1, seen(1), verdict="passed")
            assert run.recall(under(second, first), 1) is not None


def test_second_record_replaces_the_first(path: Path) -> None:
    """Of the same execution."""
    with Journal(path) as journal:
        run = journal.begin("a test")
        left_out = [(under((0, 500)), "predicted", "passed"), (under((0, 501)), "same", "passed")]
        run.record(NO_FAULTS, 1, seen(1), verdict="failed", pruned=left_out)
        run.record(NO_FAULTS, 1, seen(2), verdict="passed", pruned=left_out[:1])
        recorded = run.recall(NO_FAULTS, 1)
        assert recorded is not None
        assert (recorded.observation, recorded.verdict) == (seen(2), "passed")
    assert query(path, "SELECT verdict FROM executions") == [("passed",)]
    assert query(path, "SELECT reason, answer FROM left_out") == [("predicted", "passed")]


def test_faults_are_stored_once(path: Path) -> None:
    with Journal(path) as journal:
        run = journal.begin("a test")
        for status in (500, 501, 502):
            run.record(
                under((0, 500), (1, status)), 1, seen(1), verdict="passed", sources={"a.py": "1"}
            )
    with Journal(path) as journal:
        journal.begin("a test", resume=True).record(
            under((1, 503), (0, 500)), 1, seen(1), verdict="passed", sources={"a.py": "1"}
        )
    (names,) = query(path, "SELECT group_concat(name, '') FROM names")[0]
    assert (
        names.count('{"execution_index"') - names.count('{"call":{') - names.count('{"handling":{')
        == 5
    )
    assert names.count('["a.py","1"]') == 1
    sets = [set(faults.split()) for (faults,) in query(path, "SELECT faults FROM executions")]
    assert len(set.union(*sets)) == 5
    assert len(set.intersection(*sets)) == 1


def test_parts_of_traces_are_stored_once(path: Path) -> None:
    calls, handlings = len(trace_of(1).requests + trace_of(1).invocations), trace_of(1).handlings
    with Journal(path) as journal:
        run = journal.begin("a test")
        for status in (500, 501, 502):
            run.record(under((0, status)), 1, seen(1), verdict="passed")
        run.record(under((0, 503)), 1, seen(2), verdict="passed")
    (names,) = query(path, "SELECT group_concat(name, '') FROM names")[0]
    assert calls <= names.count('{"call":{') < 2 * calls
    assert len(handlings) <= names.count('{"handling":{') <= 2 * len(handlings)
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        for status, number in ((500, 1), (502, 1), (503, 2)):
            recorded = run.recall(under((0, status)), 1)
            assert recorded is not None
            assert recorded.observation.trace == trace_of(number)


def test_failed_write_leaves_nothing(path: Path) -> None:
    """The execution can be written later."""
    with Journal(path) as journal:
        run = journal.begin("a test")
        with journal._file.using() as db:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match=r"journal\.db cannot be .*full.*disk space"):
            run.record(under((0, 500)), 1, seen(1), verdict="passed", extra="x" * 100_000)
        assert query(path, "SELECT * FROM names") == []
        assert query(path, "SELECT * FROM executions") == []
        with journal._file.using() as db:
            db.execute(f"PRAGMA max_page_count = {pages + 1000}")
        run.record(under((0, 500)), 1, seen(1), verdict="passed", extra="x" * 100_000)
    with Journal(path) as journal:
        assert journal.begin("a test", resume=True).recall(under((0, 500)), 1) is not None


# --- explorations ---------------------------------------------------------------------------------


def test_a_new_exploration_recalls_nothing(path: Path) -> None:
    with Journal(path) as journal:
        record(journal.begin("a test"), 1)
        run = journal.begin("a test")
        assert run.resumed == 0
        assert recalled(run, 3) == []


def test_newest_exploration_is_resumed(path: Path) -> None:
    """Of those with the same name."""
    with Journal(path) as journal:
        for number, name in enumerate(["a test", "a test", "another"]):
            record(journal.begin(name), number)
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert run.resumed == 1
        assert recalled(run, 3) == [1]
        assert journal.begin("a third", resume=True).resumed == 0


@pytest.mark.parametrize("state", ["complete", "interrupted"])
def test_any_end_can_be_resumed(path: Path, state: str) -> None:
    with Journal(path) as journal:
        run = journal.begin("a test")
        record(run, 1)
        run.finish(state)
        run.finish("complete")
        assert query(path, "SELECT state FROM explorations") == [(state,)]
        run = journal.begin("a test", resume=True)
        assert query(path, "SELECT state FROM explorations") == [("running",)]
        record(run, 2)
        assert recalled(run, 4) == [1, 2]


def test_simultaneous_explorations_do_not_mix(path: Path) -> None:
    """Though they have one name."""
    with Journal(path) as first, Journal(path) as second:
        runs = [first.begin("a test"), first.begin("a test"), second.begin("a test")]
        for number in range(9):
            record(runs[number % 3], number)
        for place, run in enumerate(runs):
            assert recalled(run, 9) == [place, place + 3, place + 6]


def test_few_ended_explorations_are_kept(path: Path) -> None:
    """Besides those being run."""
    with Journal(path) as journal:
        record(journal.begin("another"), 0)
        live = journal.begin("a test")
        record(live, 0)
        for number in range(1, KEPT + 3):
            run = journal.begin("a test")
            record(run, number, pruned=[(under((0, 500)), "r", "a")], sources={"a": ""})
            run.finish("complete")
        journal.begin("a test").finish("interrupted")
        explorations = query(path, "SELECT id FROM explorations WHERE name = 'a test'")
        assert explorations == [(2,), *((each,) for each in range(5, 9))]
        owners = "SELECT DISTINCT exploration FROM executions ORDER BY 1"
        assert query(path, owners) == [(1,), (2,), (5,), (6,), (7,)]
        assert query(path, "SELECT DISTINCT exploration FROM names") == [
            (each,) for each in (1, 2, 5, 6, 7)
        ]
        assert query(path, "SELECT COUNT(*) FROM left_out") == [(3,)]
        assert recalled(live, 3) == [0]


def test_what_has_ended_takes_nothing_more(path: Path) -> None:
    journal = Journal(path)
    run = journal.begin("a test")
    run.finish("interrupted")
    with pytest.raises(JournalError, match="ended"):
        record(run, 1)
    assert query(path, "SELECT * FROM executions") == []
    left = journal.begin("another")
    journal.close()
    journal.close()
    left.finish("complete")
    assert query(path, "SELECT state FROM explorations") == [("interrupted",), ("interrupted",)]
    with pytest.raises(JournalError, match=r"journal\.db has been closed"):
        journal.begin("a test")
    with pytest.raises(JournalError, match=r"journal\.db has been closed"):
        left.recall(NO_FAULTS, 1)


def test_senseless_options_are_refused(path: Path) -> None:
    with Journal(path) as journal:
        with pytest.raises(ConfigError, match="changed is True"):
            journal.begin("a test", resume=True, changed=True)
        run = journal.begin("a test")
        with pytest.raises(ConfigError, match="'complete' or 'interrupted'"):
            run.finish("running")
        assert not run.finished
