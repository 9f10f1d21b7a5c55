"""``flask filibuster test``: what all explorations can do, for commands among processes."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import in_earnest
from tests.support.embedded import PROGRAMS
from tests.support.ports import ports
from tests.support.processes import Project, is_alive, running, wait_until
from tests.support.timing import without_times


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with ports(Project.PORTS) as first:
        made = Project(tmp_path, first)
        for name in ("slow.py", "headless.py"):
            shutil.copy(PROGRAMS / name, tmp_path)
        yield made


def times(project: Project) -> list[list[str]]:
    """What commands have noted: what, execution, time, process."""
    file = project.path / "times"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def most_at_once(project: Project) -> int:
    """How many commands ran at the same time."""
    running = most = 0
    for what, *_ in sorted(times(project), key=lambda each: float(each[2])):
        running += 1 if what == "began" else -1
        most = max(most, running)
    return most


def told(output: str) -> dict[str, Any]:
    data: dict[str, Any] = without_times(json.loads(output))
    data.pop("superfluous")
    return data


@in_earnest
@pytest.mark.slow
def test_workers_run_commands_at_once(project: Project) -> None:
    alone = project.test("--json", "--no-journal", *project.command("/careless", "slow.py"))
    assert alone.returncode == 1, alone.stderr
    assert most_at_once(project) == 1
    (project.path / "times").unlink()
    options = ("--workers", "3", "--json", "--no-journal")
    shared = project.test(*options, *project.command("/careless", "slow.py"))
    assert shared.returncode == 1, shared.stderr
    assert most_at_once(project) >= 2
    assert told(shared.stdout) == told(alone.stdout)


@in_earnest
@pytest.mark.slow
def test_workers_need_request_ids(project: Project) -> None:
    done = project.test("--workers", "2", *project.command("/careful", "headless.py"))
    assert done.returncode == 2, done.stdout
    assert "a request arrived without X-Filibuster-Request-Id" in done.stderr
    assert "FILIBUSTER_HEADERS" in done.stderr
    alone = project.test(*project.command("/careful", "headless.py"))
    assert alone.returncode == 0, alone.stdout + alone.stderr


@in_earnest
@pytest.mark.slow
def test_interrupted_workers_end_their_commands(project: Project) -> None:
    options = ("test", "--port", "0", *project.started, "--workers", "2")
    command = project.filibuster(*options, *project.command("/careful", "slow.py"), "hang")
    with running(command, project.path, project.environ) as run:
        wait_until(lambda: len(times(project)) == 6, run.output)  # Two ended, two hang.
        began = time.monotonic()
        run.signal(signal.SIGINT)
        assert run.ends() == 130, run.output
        assert time.monotonic() - began < 15
        assert "interrupted after 1 execution" in run.output
        assert "Traceback" not in run.output
    wait_until(lambda: not any(is_alive(int(each[3])) for each in times(project)), "the end", 5)
    project.nothing_is_left()


@in_earnest
@pytest.mark.slow
def test_workers_resume_from_the_journal(project: Project) -> None:
    command = project.command("/careless", "slow.py")
    first = project.test("--workers", "2", "--json", "--max-executions", "2", *command)
    assert json.loads(first.stdout)["executed"] == 2
    second = project.test("--workers", "2", "--json", "--resume", *command)
    data = json.loads(second.stdout)
    assert data["recalled"] == 2
    assert data["failures"]
    shown = project.test("--resume", *command)
    assert "answered 500" in shown.stdout
    assert "output of the command:" in shown.stdout


@pytest.mark.slow
def test_changed_says_why_not(project: Project) -> None:
    done = project.test("--changed", *project.command())
    assert done.returncode == 2
    assert "can't detect changes in services that run as separate processes" in done.stderr
    assert "Traceback" not in done.stderr


@in_earnest
@pytest.mark.slow
def test_verbose_shows_what_services_write(project: Project) -> None:
    limits = ("--max-executions", "1", "--no-check-determinism")
    done = project.test("--verbose", *limits, *project.command())
    services = shlex.join(project.served())
    shown = [line for line in done.stderr.splitlines() if line.startswith(f"{services}| ")]
    assert any('"GET /careful HTTP/1.1" 200' in line for line in shown), done.stderr
    assert f"{sys.executable}| data" in done.stderr
    silent = project.test(*limits, *project.command())
    assert "GET /careful HTTP" not in silent.stderr + silent.stdout
