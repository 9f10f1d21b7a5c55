"""``flask filibuster explore --workers``: the same report, and no process is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from flask_filibuster.exploring.subjects.request import Request, RequestTest
from tests.support.cases import in_earnest
from tests.support.embedded import program
from tests.support.timing import without_times

PROJECT = program("noisy.py")
COMMAND = [sys.executable, "-m", "flask", "--app", "noisy", "filibuster", "explore", "/"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "noisy.py").write_text(PROJECT)
    return tmp_path


@contextmanager
def command(project: Path, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process group of its own, as in a terminal."""
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [*COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        env={**os.environ, "PYTHONPATH": root, **env},
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def output_of(project: Path, *options: str) -> tuple[int, str, str]:
    with command(project, *options) as process:
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def until_it_has_run(project: Path, executions: int) -> None:
    deadline = time.monotonic() + 20
    log = project / "executions"
    while not log.exists() or len(log.read_text().split()) < executions:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_until_nobody_is_left(group: int) -> None:
    """Until no process of the group runs; those that only wait for init to take note are none."""
    deadline = time.monotonic() + 10
    while True:
        listed = subprocess.check_output(["ps", "-eo", "pgid=,stat="], text=True)
        states = [line.split() for line in listed.splitlines()]
        if not [stat for pgid, stat in states if int(pgid) == group and stat[0] != "Z"]:
            return
        assert time.monotonic() < deadline, "a process was left behind"
        time.sleep(0.02)


@in_earnest
@pytest.mark.slow
def test_command_reports_the_same_with_workers(project: Path) -> None:
    """What apps print is not shown."""
    options = ("--json", "--no-journal", "--max-faults", "2")
    code, out, _ = output_of(project, *options)
    alone = json.loads(out)
    shared_code, out, err = output_of(project, *options, "--workers", "2")
    shared = json.loads(out)
    assert alone["superfluous"] == 0
    assert without_times({**shared, "superfluous": 0}) == without_times(alone)
    assert code == shared_code == 1
    assert err.count("printed on import") == err.count("logged on import") == 1
    assert "a view" not in err


def test_threads_leave_output_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(Request, "send", lambda *_: seen.append(sys.stdout))
    test = RequestTest(Request("/"), "http://front:5000")
    test()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(test).result()
    assert seen[0] is not sys.stdout
    assert seen[1] is sys.stdout


@pytest.mark.slow
def test_verbose_shows_prints_of_workers(project: Path) -> None:
    options = ("--json", "--no-journal", "--workers", "1", "--max-executions", "2")
    _, out, err = output_of(project, *options, "--verbose")
    assert json.loads(out)["executed"] == 2
    assert "printed by a view" in err
    assert "logged by a view" in err


@pytest.mark.slow
def test_interrupt_ends_workers_and_resumes(project: Path) -> None:
    with command(project, "--workers", "2", "--max-faults", "1", PAUSE="0.05") as process:
        until_it_has_run(project, 16)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # As a terminal does: to all of them.
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 5
        wait_until_nobody_is_left(process.pid)
    assert process.returncode == 130
    assert out.startswith("GET /: ")
    assert "interrupted after" in err
    assert "Traceback" not in err
    _, out, _ = output_of(project, "--json", "--max-faults", "1", "--resume")
    resumed = json.loads(out)
    assert 0 < resumed["recalled"] < resumed["executed"]
    _, out, _ = output_of(project, "--json", "--max-faults", "1", "--no-journal")
    alone = json.loads(out)
    for key in "executions", "failures", "findings", "classes", "pruned":
        assert without_times(resumed[key]) == without_times(alone[key])


@in_earnest
@pytest.mark.slow
@pytest.mark.parametrize("when", ["on the way up", "in an execution"])
def test_interrupt_does_not_await_workers(project: Path, when: str) -> None:
    with command(project, "--workers", "2", PAUSE="60") as process:
        if when == "in an execution":
            until_it_has_run(project, 1)
        else:
            # The parent has loaded the app, and starts its workers.
            assert process.stderr is not None
            process.stderr.readline()
            time.sleep(0.25)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert time.monotonic() - began < 5
        wait_until_nobody_is_left(process.pid)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.slow
def test_killed_command_leaves_no_workers(project: Path) -> None:
    with command(project, "--workers", "2", PAUSE="60") as process:
        until_it_has_run(project, 1)
        process.kill()
        process.communicate(timeout=20)
        wait_until_nobody_is_left(process.pid)
