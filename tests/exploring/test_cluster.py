"""Executions on a Dask cluster: a real one, of a scheduler and workers on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from flask.cli import cli

from flask_filibuster.cli.terminal import Progress
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.explore import explore, explore_subject
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.subjects.function import FunctionSubject
from flask_filibuster.exploring.workers import cluster as cluster_module
from flask_filibuster.exploring.workers import pool
from flask_filibuster.exploring.workers.cluster import cluster
from tests.support import distributed_app as app
from tests.support.cases import in_earnest
from tests.support.timing import without_times

ROOT = Path(__file__).parents[2]
SLOW = "tests.support.distributed_app:slow_services"


@contextmanager
def started(path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dask's commands, with its log in a file."""
    with (path / f"{arguments[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{arguments[0]}", *arguments[1:]],
            stdout=log,
            stderr=log,
            cwd=path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


class Dask:
    """A scheduler on this machine, to which workers can be added.

    :ivar address: of the scheduler.
    """

    def __init__(self, path: Path, address: str) -> None:
        self.address = address
        self._path = path

    def worker(self, threads: int = 1) -> Any:
        """A worker, for the time of the block; without Dask's nanny, which would start it anew."""
        where = ("--host", "127.0.0.1", "--local-directory", str(self._path))
        size = ("--nthreads", str(threads), "--memory-limit", "0")
        return started(
            self._path, "dask_worker", self.address, "--no-nanny", "--no-dashboard", *where, *size
        )


@contextmanager
def scheduler(path: Path) -> Iterator[tuple[Dask, subprocess.Popen[bytes]]]:
    told = path / "scheduler.json"
    where = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
    with started(path, "dask_scheduler", "--no-dashboard", *where) as process:
        deadline = time.monotonic() + 30
        while not told.exists() or not told.read_text():
            assert process.poll() is None, (path / "dask_scheduler.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Dask(path, json.loads(told.read_text())["address"]), process


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    with scheduler(tmp_path_factory.mktemp("dask")) as (dask, _process):
        yield dask


def explored_on(address: str, progress: Callable[[Any, Any], None]) -> Any:
    with cluster(address) as workers:
        subject, options = FunctionSubject(app.test, SLOW), Options(max_executions=30)
        explored = explore_subject(subject, options, workers=workers, progress=progress)
    if explored.interrupted is not None:
        raise explored.interrupted
    return explored.result


@in_earnest
@pytest.mark.slow
def test_lost_worker_changes_nothing(dask: Dask) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(dask.worker()) for _ in range(2))

        def kill_one(search: Any, execution: Any) -> None:
            if execution.number == 12:
                first.send_signal(signal.SIGKILL)

        with cluster(dask.address) as workers:
            client: Any = workers.executor
            client._client.wait_for_workers(2, timeout=20)
        result = explored_on(dask.address, kill_one)
        assert first.wait(10) == -signal.SIGKILL
        assert second.poll() is None
    alone = explore(app.test, app.services, max_executions=30)
    assert list(app.story(result)) == list(app.story(alone))


@in_earnest
@pytest.mark.slow
def test_command_uses_a_clusters_threads(
    dask: Dask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not disturb one another."""
    monkeypatch.chdir(tmp_path)
    arguments = ["--app", f"{ROOT / 'example_app.py'}", "filibuster", "explore", "/products/tea"]
    alone = CliRunner().invoke(cli, [*arguments, "--json", "--no-journal"])
    with dask.worker(threads=3):
        shared = CliRunner().invoke(
            cli, [*arguments, "--json", "--no-journal", "--dask", dask.address]
        )
    assert shared.exit_code == alone.exit_code == 1, shared.output
    expected = without_times(json.loads(alone.stdout))
    assert without_times({**json.loads(shared.stdout), "superfluous": 0}) == expected


@in_earnest
@pytest.mark.slow
def test_lost_scheduler_keeps_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pool, "PATIENCE", 0.2)
    with scheduler(tmp_path) as (own, process), own.worker():

        class Killing(Progress):
            def __call__(self, search: Any, execution: Any) -> None:
                super().__call__(search, execution)
                if execution.number == 5:
                    process.kill()
                    process.wait()

        monkeypatch.setattr("flask_filibuster.cli.explore.Progress", Killing)
        arguments = ["filibuster", "explore", "/products/tea", "--dask", own.address]
        ran = CliRunner().invoke(cli, ["--app", f"{ROOT / 'example_app.py'}", *arguments])
    assert ran.exit_code == (1 if "\n1. " in ran.stdout else 2), ran.output
    assert re.match(r"GET /products/tea: \d+ executions, ", ran.stdout)
    assert "the exploration stopped early: " in ran.stderr


@in_earnest
@pytest.mark.slow
def test_losing_all_workers_is_an_error(dask: Dask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 0.2)
    with dask.worker() as only:

        def kill_it(search: Any, execution: Any) -> None:
            if execution.number == 5:
                only.send_signal(signal.SIGKILL)

        with pytest.raises(SetupError, match="has lost all its workers"):
            explored_on(dask.address, kill_it)


@pytest.mark.slow
def test_task_that_kills_workers_is_lost(dask: Dask) -> None:
    with dask.worker(), cluster(dask.address) as workers:
        client: Any = workers.executor
        usual = client._client.run_on_scheduler(app.tolerate, 0)
        try:
            assert workers.executor is not None
            future = workers.executor.submit(os._exit, 3)
            with pytest.raises(workers.lost):
                future.result(20)
        finally:
            client._client.run_on_scheduler(app.tolerate, usual)


@in_earnest
@pytest.mark.slow
def test_worker_survives_tests_that_exit(dask: Dask) -> None:
    """And apps that cannot be sent."""
    with dask.worker() as only, cluster(dask.address) as workers:
        ended = explore(app.ends_the_process, app.services, executor=workers.executor)
        assert "SystemExit: 7" in [str(failure.error) for failure in ended.failures]
        with pytest.raises(SetupError, match="services is a mapping of apps, which cannot be sent"):
            explore(app.test, app.services(), executor=workers.executor)
        assert only.poll() is None


@pytest.mark.slow
def test_cluster_without_workers_is_refused(dask: Dask) -> None:
    with (
        pytest.raises(SetupError, match=f"the Dask scheduler at {dask.address} has no workers"),
        cluster(dask.address, patience=0.3),
    ):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x", "127.0.0.1:9"])
def test_missing_scheduler_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT", 0.3)
    arguments = ["--app", f"{ROOT / 'example_app.py'}", "filibuster", "explore", "/products/tea"]
    result = CliRunner().invoke(cli, [*arguments, "--no-journal", "--dask", address])
    assert result.exit_code == 2
    # On a slow machine the time to connect is over before Dask has given up.
    assert re.search(f"(no|the) Dask scheduler at {re.escape(address)}", result.output)


class Hanging:
    """A client of Dask, one call of which never returns."""

    def __init__(self, which: str, ended: threading.Event) -> None:
        self._which = which
        self._ended = ended
        self("connect")

    def __call__(self, name: str) -> None:
        if name == self._which:
            assert self._ended.wait(20)

    def wait_for_workers(self, count: int, timeout: float) -> None:
        self("wait")

    def ncores(self) -> dict[str, int]:
        self("ncores")
        return {"worker": 2}

    def get_executor(self, *, pure: bool) -> None:
        assert not pure

    def close(self) -> None:
        self("close")


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Have Dask hang in a call of this name."""
    ended = threading.Event()

    def hang(which: str) -> None:
        dask = SimpleNamespace(
            Client=lambda *_, **__: Hanging(which, ended), TimeoutError=TimeoutError
        )
        monkeypatch.setattr(cluster_module, "_dask", lambda: (dask, LookupError))

    yield hang
    ended.set()


@pytest.mark.parametrize("which", ["connect", "wait", "ncores"])
def test_dask_that_hangs_is_an_error(which: str, hanging: Callable[[str], None]) -> None:
    hanging(which)
    with (
        pytest.raises(SetupError, match=r"tcp://x:1 does not answer within 0\.03 s"),
        cluster("tcp://x:1", patience=0.01),
    ):
        pass


def test_client_that_cannot_be_closed(
    hanging: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    hanging("close")
    with cluster("tcp://x:1", patience=0.01) as workers:
        assert workers.count == 2
    assert "the Dask client was not closed: the Dask scheduler at tcp://x:1" in caplog.text


def test_missing_dask_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    arguments = ["--app", f"{ROOT / 'example_app.py'}", "filibuster", "explore", "/products/tea"]
    result = CliRunner().invoke(cli, [*arguments, "--no-journal", "--dask", "tcp://127.0.0.1:9"])
    assert result.exit_code == 2
    assert "pip install 'flask-filibuster[distributed]'" in result.output


@in_earnest
@pytest.mark.slow
def test_dask_is_imported_when_used() -> None:
    code = """
import sys
import flask_filibuster, flask_filibuster.cli.explore, flask_filibuster.pytest_plugin.plugin
assert not {"dask", "distributed", "tornado"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
