"""Explorations that are killed and resumed, and what is recalled of them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, explore, was_fault_injected_on
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import JournalError, SetupError
from flask_filibuster.journal.journal import Journal
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.report.text import error_line
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support import shapes
from tests.support.applications import never
from tests.support.cases import cases, sample
from tests.support.driving import run_all
from tests.support.killed_exploration import EXECUTIONS, explored, named
from tests.support.simulation import FunctionalTest, Orderly, Service, Simulation, Step

KILLS = cases(25, part=12)


def told(result: Result) -> list[object]:
    """Everything in a result that does not depend on who ran what, and when."""
    return [
        [
            (each.number, named(each.faults), each.trace, each.verdict, each.purpose, each.problems)
            for each in result.executions
        ],
        [(named(each.faults), each.answer) for each in result.pruned],
        [
            (named(each.faults), [number.number for number in each.executions])
            for each in result.failures
        ],
        [None if each.error is None else error_line(each.error) for each in result.executions],
        replace(result, executions=(), pruned=(), recalled=0),
        [(each.kind, each.message, each.executions) for each in result.findings],
    ]


def kill_after(executions: int, journal: Path, log: Path) -> list[str]:
    """Kill an exploration once it has begun that many executions; what it had begun by then."""
    command = [sys.executable, "-m", "tests.support.killed_exploration", str(journal), str(log)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        seen = 0
        while seen < executions:
            told = process.stdout.read(executions - seen)
            assert told, "it ended by itself"
            seen += len(told)
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
        assert process.wait() == -signal.SIGKILL
    return log.read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
@pytest.mark.in_earnest
def test_killed_exploration_finds_the_same(tmp_path: Path) -> None:
    """It goes on where it was."""
    uninterrupted: list[str] = []
    expected = told(explored(None, lambda faults: uninterrupted.append(named(faults))))
    assert len(uninterrupted) == EXECUTIONS + 1
    points = random.Random(25).sample(range(2, EXECUTIONS), KILLS)

    def killed(point: int) -> list[str]:
        return kill_after(point, tmp_path / f"{point}.sqlite3", tmp_path / f"{point}.log")

    with ThreadPoolExecutor(4) as several:
        before = dict(zip(points, several.map(killed, points), strict=True))
    for point in points:
        assert len(before[point]) >= point
        rest: list[str] = []
        result = explored(
            tmp_path / f"{point}.sqlite3",
            lambda faults, rest=rest: rest.append(named(faults)),  # type: ignore[misc]
            resume=True,
        )
        assert told(result) == expected
        # The one that was under way, at the most, is run for a second time.
        assert uninterrupted[: len(before[point])] == before[point]
        assert rest in (uninterrupted[len(before[point]) - extra :] for extra in (0, 1))


@pytest.mark.slow
def test_what_is_complete_is_recalled_whole(tmp_path: Path) -> None:
    first = explored(tmp_path / "journal", lambda faults: None)
    again: list[object] = []
    second = explored(tmp_path / "journal", again.append, resume=True)
    assert again == []
    assert told(second) == told(first)
    assert (first.recalled, second.recalled) == (0, EXECUTIONS)


def test_retried_execution_is_recalled(tmp_path: Path) -> None:
    services: dict[str, Service] = {"page": Orderly(((Step("a"),),)), "a": Orderly()}
    simulation = Simulation(services, FunctionalTest(("page",), never))
    model = FaultModel(("ConnectionError",), default_statuses=(503,))
    ran: list[FaultSet] = []

    def run(faults: FaultSet) -> Observation:
        ran.append(faults)
        seen = simulation.run(faults)
        return Observation(Trace(), problems=("lost",)) if len(ran) == lost else seen

    def found() -> Result:
        with Journal(tmp_path / "journal") as journal:
            part = journal.begin("a test", resume=True)
            result = run_all(Explorer(model, recorder=Recorder(part), retries=1), run)
            part.finish("complete")
        return result

    lost = 2
    first = found()
    assert first.ok
    assert (len(ran), len(first.notes)) == (4, 1)
    again = found()
    assert len(ran) == 4
    assert told(again) == told(first)
    # What was lost for good is run again, in case it can be had now.
    ran, lost = [], 0
    (tmp_path / "journal").unlink()
    simulation_run = simulation.run
    with Journal(tmp_path / "journal") as journal:
        part = journal.begin("a test", resume=True)

        def losing(faults: FaultSet) -> Observation:
            seen = simulation_run(faults)
            return replace(seen, problems=("lost",)) if len(faults) else seen

        run_all(Explorer(model, recorder=Recorder(part), retries=1), losing)
        part.finish("complete")
    assert found().ok
    assert len(ran) == 2


def careless_services() -> dict[str, Flask]:
    """A front that has nobody catch a slow answer."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def index() -> str:
        try:
            return requests.get("http://back:5001/", timeout=1).text
        except requests.ConnectionError:
            return "default"

    @back.get("/")
    def data() -> str:
        return "data"

    return {"http://front:5000": front, "http://back:5001": back}


class Asking:
    """A test that counts how often it is run."""

    def __init__(self, url: str = "http://front:5000/") -> None:
        self.url = url
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        assert requests.get(self.url, timeout=30).status_code == 200


@pytest.mark.slow
def test_explore_resumes_from_its_journal(tmp_path: Path) -> None:
    test, services = Asking(), careless_services()
    faults = FaultModel(default_statuses=(500,))
    journal = tmp_path / "journal.sqlite3"
    stopped = explore(test, services, faults, journal=journal, name="page", max_executions=2)
    assert (test.runs, len(stopped.executions), stopped.remaining) == (3, 2, 2)
    result = explore(test, services, faults, journal=journal, name="page", resume=True)
    assert test.runs == 3 + 2
    assert (len(result.executions), result.recalled) == (4, 2)
    (failure,) = result.failures
    assert error_line(failure.error).startswith("AssertionError: assert 500 == 200")
    explore(test, services, faults, journal=journal, name="another", resume=True)
    assert test.runs == 5 + 5, "what is kept is kept by name"


@pytest.mark.slow
def test_other_options_recall_too(tmp_path: Path) -> None:
    answers = Asking("http://page:5000/page")
    services, faults = shapes.default_data(), shapes.FAULTS["default_data"]
    journal = tmp_path / "journal.sqlite3"
    reduced = explore(answers, services, faults, journal=journal, name="page", audit=0)
    runs = answers.runs
    everything = explore(
        answers, services, faults, journal=journal, name="page", resume=True, reduction="none"
    )
    assert len(everything.executions) == 25
    assert answers.runs - runs == 25 - len(reduced.executions) > 0


def get_front() -> None:
    assert requests.get("http://front:5000/", timeout=30).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "test",
    sample([partial(get_front), lambda: get_front(), Asking()]),
    ids=["partial", "lambda", "object"],
)
@pytest.mark.parametrize("again", ["resume", "changed"])
def test_nameless_test_needs_a_name(tmp_path: Path, test: Callable[[], None], again: str) -> None:
    journal = tmp_path / "journal.sqlite3"
    explore(test, careless_services(), journal=journal)
    options: dict[str, Any] = {again: True}
    with pytest.raises(SetupError, match="give it one"):
        explore(test, careless_services(), journal=journal, **options)
    explore(get_front, careless_services(), journal=journal, **options)


def test_resume_contradicts_changed(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="changed"):
        explore(get_front, careless_services(), journal=tmp_path / "j", resume=True, changed=True)


@pytest.mark.slow
def test_inconclusive_executions_run_again(tmp_path: Path) -> None:
    journal, services = tmp_path / "journal.sqlite3", careless_services()
    asked = []
    whims = [False, False, True, True]  # Inconclusive, and once more.

    @services["http://front:5000"].before_request
    def whim() -> str | None:
        asked.append(1)
        return "not today" if whims and whims.pop(0) else None

    first = explore(get_front, services, journal=journal)
    assert len(first.inconclusive) == 1
    runs = len(asked)
    second = explore(get_front, services, journal=journal, resume=True)
    assert not second.inconclusive
    assert len(asked) == runs + 1
    assert second.recalled == len(second.executions) - 1


def test_lost_reports_prevent_resuming(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        run = journal.begin("a test")
        run.record(FaultSet(), 1, Observation(Trace()), verdict="passed")
        run.finish("lost")
        assert journal.begin("a test", resume=True).recall(FaultSet(), 1) is None


def asking() -> None:
    requests.get("http://front:5000/", timeout=30)
    was_fault_injected_on("nowhere")


def test_recalled_executions_have_their_notes(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    first = explore(asking, careless_services(), journal=journal)
    second = explore(asking, careless_services(), journal=journal, resume=True)
    assert second.recalled == len(second.executions)
    assert first.notes == second.notes
    assert "was_fault_injected_on('nowhere') names a service" in first.notes[0]


@pytest.mark.parametrize("content", [b"not a database at all" * 400, b"SQLite format 3\0 cut"])
def test_damaged_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    journal = tmp_path / "journal.sqlite3"
    journal.write_bytes(content)
    with pytest.raises(JournalError, match=str(journal)):
        explore(get_front, careless_services(), journal=journal)
    assert journal.read_bytes() == content
