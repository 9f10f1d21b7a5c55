"""What the tests of journals record, and processes that record it, too."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
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
from flask_filibuster.journal.journal import Journal, JournalRun
from flask_filibuster.results.execution import Observation

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
        "import sys; from tests.support import journals as t;getattr(t, sys.argv[1])(*sys.argv[2:])"
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
