"""Journals: what was recorded is recalled, whoever is killed, writes along, or damaged the file."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.errors import ConfigError, JournalError
from flask_filibuster.journal import schema as journal_schema
from flask_filibuster.journal.journal import KEPT, Journal, JournalRun
from flask_filibuster.results.bug import TestFailedError, signature
from flask_filibuster.results.execution import Observation
from flask_filibuster.sources.digests import Digests, digest_of

PROJECT = Path(__file__).parents[2]
PATIENCE = 60.0

PAGE = ROOT.child("page", 1)
USERS, MOVIES = PAGE.child("users", 1), PAGE.child("movies", 1)
REQUEST = Call(PAGE, "", "page", "GET", "http://page:5000/page", outcome=Outcome(200))
SITE = CallSite("/app/page.py", 12, "show_page")
CALLS = [
    Call(
        USERS,
        "page",
        "users",
        "GET",
        "http://users:5001/chris",
        SITE,
        (1.0, None),
        position=((1,),),
    ),
    Call(MOVIES, "page", "movies", "POST", "http://movies:5002/", SITE, position=((2, 1),)),
]
NO_FAULTS = FaultSet()


def planned(call: int, status: int) -> PlannedFault:
    return PlannedFault(CALLS[call], Fault(status=status))


def under(*ways: tuple[int, int]) -> FaultSet:
    """A fault set, made anew at each call, of calls and the statuses that they end in."""
    return FaultSet(tuple(planned(*way) for way in ways))


def trace_of(number: int) -> Trace:
    users, movies = CALLS
    return Trace.of(
        [
            REQUEST,
            replace(
                users,
                outcome=Outcome(exception="ReadTimeout", variant="lost"),
                fault=Fault("ReadTimeout", abort=False, sleep="@expr(metadata['timeout'])+0.001"),
            ),
            replace(
                movies,
                outcome=Outcome(status=200 + number % 300, digest=f"{number:032x}"),
                fault=Fault("X", library="other", details=(("code", "a"),)) if number % 2 else None,
                api="grpc.call",
            ),
        ],
        [
            Handling(PAGE, "page", "GET", "/page", Outcome(500), Crash("KeyError: 'ü'", SITE)),
            Handling(MOVIES, "movies", "POST", "/"),
        ],
    )


def seen(number: int) -> Observation:
    return Observation(trace_of(number))


def numbered(number: int) -> FaultSet:
    """A fault set of its own for each number below 90,000."""
    return under((0, 200 + number % 300), (1, 200 + number // 300))


def record(run: JournalRun, number: int, **options: Any) -> None:
    run.record(numbered(number), 1, seen(number), **{"verdict": "passed", **options})


def recalled(run: JournalRun, count: int) -> list[int]:
    """Which of the numbered executions are recalled as they were recorded."""
    found = []
    for number in range(count):
        if (recorded := run.recall(numbered(number), 1)) is not None:
            assert recorded.observation == seen(number)
            found.append(number)
    return found


def query(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def locks(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir() if "-run-" in each.name]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "journal.db"


@contextmanager
def process(work: Callable[..., None], *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A function of this module, in a process of its own, which is killed at the end."""
    code = (
        "import sys; from tests.journal import test_journal as t;"
        "getattr(t, sys.argv[1])(*sys.argv[2:])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, work.__name__, *map(str, arguments)],
        cwd=PROJECT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def line_of(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def record_without_end(path: str, name: str) -> None:
    run = Journal(path).begin(name)
    for number in range(90_000):
        record(run, number)
        say(number)


def record_some(path: str, name: str, first: str, count: str) -> None:
    say("ready")
    sys.stdin.readline()
    with Journal(path) as journal:
        run = journal.begin(name)
        for number in range(int(first), int(first) + int(count)):
            record(run, number)
        run.finish("complete")
    say("done")


def open_and_close(path: str) -> None:
    Journal(path).close()
    say("done")


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


def test_fault_sets_have_no_order(
    path: Path,
) -> None:
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


def test_parts_of_traces_are_stored_once(
    path: Path,
) -> None:
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


def test_failed_write_leaves_nothing(
    path: Path,
) -> None:
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


# --- processes and threads ------------------------------------------------------------------------


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


# --- sources --------------------------------------------------------------------------------------


def test_digests_follow_content_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_bytes(b"a = 1\n")
    other.write_bytes(b"a = 1\n")
    assert digest_of(one) == digest_of(str(other)) == hashlib.md5(b"a = 1\n").hexdigest()
    other.write_bytes(b"a = 2\n")
    assert digest_of(one) != digest_of(other)


@pytest.mark.parametrize("name", ["absent.py", "one.py/inside.py", "nul\0.py"])
def test_missing_file_has_empty_digest(tmp_path: Path, name: str) -> None:
    (tmp_path / "one.py").touch()
    assert digest_of(tmp_path / name) == ""


def test_each_source_is_read_once(tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("1")
    before, digests = digest_of(source), Digests()
    assert digests.of(str(source)) == before
    source.write_text("2")
    assert digests.of(str(source)) == before
    assert digests.unchanged(str(source), before)
    assert Digests().of(str(source)) == digest_of(source) != before


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Source files, the digests of which are known."""
    for name in ("same.py", "edited.py", "gone.py"):
        (tmp_path / name).write_text(name)
    names = [str(tmp_path / name) for name in ("same.py", "edited.py", "gone.py", "never.py")]
    return {name: digest_of(name) for name in names}


def only(files: dict[str, str], *names: str) -> dict[str, str]:
    return {file: digest for file, digest in files.items() if Path(file).stem in names}


def edit(files: dict[str, str]) -> None:
    for name in files:
        if name.endswith("edited.py"):
            Path(name).write_text("something else")
        elif name.endswith("gone.py"):
            Path(name).unlink()


def record_with_sources(run: JournalRun, files: dict[str, str]) -> None:
    record(run, 0)
    record(run, 1, sources={})
    record(run, 2, sources=only(files, "same", "never"))
    record(run, 3, sources=only(files, "same", "edited"))
    record(run, 4, sources=only(files, "gone"))
    record(run, 5, sources=only(files, "same"), verdict="failed")
    record(run, 6, sources={str(Path(next(iter(files))).parent): ""})


def test_resuming_needs_unchanged_sources(path: Path, files: dict[str, str]) -> None:
    """Unknown ones count as unchanged."""
    with Journal(path) as journal:
        record_with_sources(journal.begin("a test"), files)
    edit(files)
    with Journal(path) as journal:
        run = journal.begin("a test", resume=True)
        assert run.resumed == 4
        assert recalled(run, 8) == [0, 1, 2, 5]
        record(run, 3, sources={file: digest_of(file) for file in only(files, "edited")})
        assert recalled(run, 8) == [0, 1, 2, 3, 5]


def test_changed_takes_over_what_passed(path: Path, files: dict[str, str]) -> None:
    """Where its sources are known and unchanged."""
    with Journal(path) as journal:
        run = journal.begin("a test")
        record_with_sources(run, files)
        left_out = [(under((0, 599)), "predicted", "passed")]
        record(run, 2, sources=only(files, "same", "never"), pruned=left_out)
    edit(files)
    with Journal(path) as journal:
        run = journal.begin("a test", changed=True)
        assert run.resumed == 2
        assert recalled(run, 8) == [1, 2]
        record(run, 7, sources=only(files, "same"))
    with Journal(path) as journal:
        run = journal.begin("a test", changed=True)
        assert recalled(run, 8) == [1, 2, 7]
    assert query(path, "SELECT COUNT(*) FROM explorations") == [(3,)]
    assert query(path, "SELECT COUNT(*) FROM executions GROUP BY exploration") == [(7,), (3,), (3,)]
    assert query(path, "SELECT DISTINCT reason, answer FROM left_out") == [("predicted", "passed")]
    assert query(path, "SELECT COUNT(*) FROM left_out") == [(3,)]


def test_changed_skips_running_explorations(
    path: Path,
) -> None:
    with Journal(path) as journal:
        for number in (0, 1):
            run = journal.begin("a test")
            record(run, number, sources={})
            run.finish("interrupted")
        live = journal.begin("a test")
        record(live, 2, sources={})
        assert recalled(journal.begin("a test", changed=True), 3) == [1]
        assert journal.begin("another", changed=True).resumed == 0


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
