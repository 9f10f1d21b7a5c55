"""Executions in threads, in processes, in any executor: the same as one after the other."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.exploring.explore import explore
from flask_filibuster.exploring.workers.pool import Pool, WorkerLostError
from flask_filibuster.exploring.workers.sending import RemoteTask
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.report.text import error_line
from flask_filibuster.results.bug import TestFailedError, signature
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support import distributed_app as app
from tests.support.applications import Application, applications, in_order, models, tried
from tests.support.cases import in_earnest, only_in_earnest
from tests.support.driving import run_all
from tests.support.simulation import PASSED, FunctionalTest, Orderly, Simulation, Step

SERVICES = "tests.support.distributed_app:services"
FORK = multiprocessing.get_context("fork")
SPAWN = multiprocessing.get_context("spawn")


class Inline(Executor):
    """Does what it is given at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as executors do
            future.set_exception(error)
        return future


class Shuffled(Executor):
    """Does what it is given one after the other, in an order of its own.

    :ivar ran: how much it has done.
    """

    def __init__(self, order: random.Random) -> None:
        self.ran = 0
        self._order = order
        self._jobs: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                self.ran += 1
                future.set_result(fn(*args, **kwargs))

        with self._changed:
            self._jobs.append(job)
            self._changed.notify()
        return future

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._over)
                if not self._jobs:
                    return
                job = self._jobs.pop(self._order.randrange(len(self._jobs)))
            job()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()


def same(one: Result, other: Result) -> bool:
    return list(app.story(one)) == list(app.story(other))


@pytest.fixture(scope="module")
def alone() -> Result:
    """What is found by one execution after the other."""
    result = explore(app.test, SERVICES)
    assert len(result.executions) > 25
    assert result.pruned
    assert len(result.failures) == 3
    return result


# --- whoever runs them ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "services"),
    [
        pytest.param(lambda: ThreadPoolExecutor(8), app.services(), id="threads"),
        pytest.param(
            lambda: ProcessPoolExecutor(2, FORK), app.services, id="forked", marks=only_in_earnest
        ),
        pytest.param(
            lambda: ProcessPoolExecutor(2, SPAWN), SERVICES, id="spawned", marks=only_in_earnest
        ),
        pytest.param(Inline, app.services, id="inline", marks=only_in_earnest),
    ],
)
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_any_executor_gives_the_same(
    alone: Result, executor: Callable[[], Executor], services: Any
) -> None:
    """And is left open."""
    with executor() as given:
        assert same(explore(app.test, services, executor=given), alone)
        assert given.submit(int, "7").result() == 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "services"),
    [pytest.param(1, app.services, marks=only_in_earnest), (2, SERVICES)],
)
def test_own_processes_give_the_same(alone: Result, workers: int, services: Any) -> None:
    """And are gone afterwards."""
    before = multiprocessing.active_children()
    result = explore(app.test, services, workers=workers)
    assert same(result, alone)
    assert result.superfluous <= 4 * workers
    for there, here in zip(result.failures, alone.failures, strict=True):
        assert isinstance(there.error, TestFailedError)  # In the same words, without a traceback.
        assert not isinstance(here.error, TestFailedError)
    assert multiprocessing.active_children() == before
    assert not [each for each in threading.enumerate() if each.name == "filibuster-worker"]


@pytest.mark.slow
def test_broken_test_keeps_its_exception() -> None:
    """A test that fails without faults."""
    result = explore(app.fails_without_faults, SERVICES, workers=1)
    (failure,) = result.failures
    assert isinstance(failure.error, ValueError)
    assert failure.error.__traceback__ is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"exhaustive": True, "max_faults": 2}, marks=only_in_earnest),
        {"audit": 9, "audit_seed": 3},
    ],
)
def test_workers_run_pruned_sets(alone: Result, options: dict[str, Any]) -> None:
    expected = explore(app.test, SERVICES, **options)
    assert {each.purpose for each in expected.executions} >= {"search", next(iter(options))}
    with ThreadPoolExecutor(2) as executor:
        assert same(explore(app.test, SERVICES, executor=executor, **options), expected)


@pytest.mark.slow
def test_limits_are_those_of_workers(alone: Result) -> None:
    expected = explore(app.test, SERVICES, max_executions=9)
    with ThreadPoolExecutor(2) as executor:
        result = explore(app.test, SERVICES, executor=executor, max_executions=9)
    assert same(result, expected)
    assert len(result.executions) == 9
    assert result.remaining


@in_earnest
@pytest.mark.slow
def test_workers_executions_are_resumed(alone: Result, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    explore(app.test, SERVICES, workers=2, journal=journal, max_executions=11)
    with ThreadPoolExecutor(2) as executor:
        result = explore(app.test, SERVICES, executor=executor, journal=journal, resume=True)
    assert result.recalled == 11
    assert same(result, alone)


@in_earnest
@pytest.mark.slow
def test_processes_share_the_hash_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    result = explore(app.test, app.unordered_services, workers=2, max_executions=16)
    outcomes = [
        call.outcome
        for each in result.executions
        for call in each.trace.invocations
        if call.target == "texts" and call.fault is None
    ]
    assert len(outcomes) > 5
    assert len({outcome.digest for outcome in outcomes if outcome is not None}) == 1
    assert "PYTHONHASHSEED" not in os.environ


@pytest.mark.slow
def test_services_are_made_once(tmp_path: Path) -> None:
    # Kept by the file system: it is the same one in all processes.
    """In each process and exploration."""
    log = tmp_path / "made"
    script = tmp_path / "counted.py"
    script.write_text(
        textwrap.dedent(f"""
            import os
            from tests.support import distributed_app as app

            def services():
                with open({str(log)!r}, "a") as file:
                    file.write(f"{{os.getpid()}}\\n")
                return app.services()
        """)
    )
    sys.path.insert(0, str(tmp_path))
    try:
        with ProcessPoolExecutor(1, SPAWN) as executor:
            for _ in range(2):
                explore(app.test, "counted:services", executor=executor, max_executions=4)
    finally:
        sys.path.remove(str(tmp_path))
    made = log.read_text().split()
    assert made.count(str(os.getpid())) == 2
    assert len(made) == 4


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.slow
def test_dying_process_costs_one_execution() -> None:
    faults = FaultModel(["ConnectionError"], default_statuses=[])
    result = explore(app.front_page, app.deadly_services, faults, workers=2, max_faults=1)
    assert {each.verdict for each in result.executions} == {"passed", "inconclusive"}
    assert not result.ok
    for each in result.executions:
        deadly = any(planned.service == "ratings" for planned in each.faults)
        assert (each.verdict == "inconclusive") == deadly
        if deadly:
            assert each.problems[0] == "the worker process of this execution died (exit code 3)"


@pytest.mark.slow
def test_killed_process_is_replaced(alone: Result) -> None:
    """Its execution is run again."""

    def kill_one(_search: Any, execution: Any) -> None:
        if execution.number == 5:
            (child,) = multiprocessing.active_children()
            os.kill(child.pid or 0, signal.SIGKILL)

    result = explore(app.test, app.slow_services, workers=1, max_executions=12, progress=kill_one)
    assert [each.verdict for each in result.executions] == [
        each.verdict for each in alone.executions[:12]
    ]
    (note,) = result.notes
    assert "was inconclusive on the first attempt" in note


@pytest.mark.slow
def test_killer_test_stays_in_workers() -> None:
    result = explore(app.lost, SERVICES, workers=1)
    (execution,) = result.executions
    assert "exit code 9" in execution.problems[0]


@pytest.mark.slow
def test_broken_executor_is_named() -> None:
    with (
        ProcessPoolExecutor(1, SPAWN) as executor,
        pytest.raises(SetupError, match=r"ProcessPoolExecutor has stopped working .*workers="),
    ):
        explore(app.front_page, app.deadly_services, executor=executor)


def test_stopped_executor_is_named() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(SetupError, match="ThreadPoolExecutor could not run an execution"):
        explore(app.test, SERVICES, executor=executor)


@pytest.mark.parametrize(
    ("test", "services"),
    [
        pytest.param(app.test, app.services(), id="apps"),
        pytest.param(app.test, lambda: app.services(), id="services are a lambda"),
        pytest.param(app.cannot_be_sent(), SERVICES, id="test is a lambda"),
    ],
)
def test_unsendable_things_are_refused(test: Any, services: Any) -> None:
    """The message says what can be sent."""
    with pytest.raises(SetupError, match="test must be a function of a module, and services a"):
        explore(test, services, workers=1)
    with (
        ProcessPoolExecutor(1, SPAWN) as executor,
        pytest.raises(SetupError, match="test must be a function of a module, and services a"),
    ):
        explore(test, services, executor=executor)
    with ThreadPoolExecutor(1) as executor:
        assert explore(test, services, executor=executor, max_executions=2).executions


@pytest.mark.slow
def test_services_failing_in_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORES", str(os.getpid()))
    with pytest.raises(SetupError, match=r"cannot create the services .*: BadPlaceError: 7 in"):
        explore(app.test, app.elsewhere_broken, workers=1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [None, pytest.param(1, marks=only_in_earnest)])
def test_exiting_test_has_failed(workers: int | None) -> None:
    """So pytest takes it, too; a report that is not written would be taken for a good one."""
    result = explore(app.ends_the_process, SERVICES, workers=workers)
    assert "SystemExit: 7" in [error_line(each.error) for each in result.failures]
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_exiting_test_spares_foreign_workers() -> None:
    # One that lets SystemExit through ends: so do Dask's.
    task = RemoteTask(app.ends_the_process, app.services, 1.0, "an exploration")
    explorer = Explorer(FaultModel([], default_statuses=[503]))
    pool = Pool(Inline(), task, 1)
    result = run_all(explorer, lambda faults: pool.observe(faults, explorer))
    assert "SystemExit: 7" in [str(failure.error) for failure in result.failures]


@pytest.mark.parametrize("workers", [-1, True, 2.0, "2"])
def test_bad_worker_count_is_refused(workers: Any) -> None:
    with pytest.raises(ConfigError, match=r"workers is .*; it must be a whole number from 0"):
        explore(app.test, SERVICES, workers=workers)


def test_bad_executor_is_refused() -> None:
    executor: Any = "threads"
    with pytest.raises(
        SetupError, match=r"executor is 'threads'; it must be a concurrent\.futures"
    ):
        explore(app.test, SERVICES, executor=executor)


def test_threads_end_before_the_services() -> None:
    class StopError(Exception):
        pass

    began, ended = [], []

    def test() -> None:
        began.append(1)
        app.front_page()
        ended.append(1)

    def stop(_search: Any, execution: Any) -> None:
        if execution.number == 4:
            raise StopError

    with ThreadPoolExecutor(4) as executor:
        with pytest.raises(StopError):
            explore(test, app.slow_services, executor=executor, workers=4, progress=stop)
        assert len(began) == len(ended) > 4


@in_earnest
@pytest.mark.slow
def test_script_without_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from tests.support import distributed_app as app\n"
        "from flask_filibuster import explore\n"
        "explore(app.test, app.services, workers=1)\n"
    )
    ended = run_python(tmp_path, script)
    assert ended.returncode == 1
    assert 'do so under if __name__ == "__main__"' in ended.stderr


@in_earnest
@pytest.mark.slow
def test_script_has_the_same_indexes(tmp_path: Path) -> None:
    """With workers and without."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import requests
            from flask import Flask
            from flask_filibuster import explore
            from tests.support.distributed_app import story

            front, back = Flask("front"), Flask("back")

            @front.get("/")
            def page():
                try:
                    return requests.get("http://back:1/", timeout=1).text
                except requests.RequestException:
                    return "sorry", 500

            @back.get("/")
            def text():
                return "text"

            def services():
                return {"http://front:1": front, "http://back:1": back}

            class BrokenError(Exception):
                pass

            def check():
                if requests.get("http://front:1/", timeout=1).status_code != 200:
                    raise BrokenError

            if __name__ == "__main__":
                alone, shared = (explore(check, services, workers=count) for count in (0, 1))
                assert len(alone.executions) > 2 and not alone.ok
                assert list(story(alone)) == list(story(shared))
        """)
    )
    ended = run_python(tmp_path, script)
    assert ended.returncode == 0, ended.stderr


def run_python(path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=30,
        check=False,
    )


# --- any application: simulated ones --------------------------------------------------------------


def explored_by(
    workers: int, application: Application, model: FaultModel, seed: int, **options: Any
) -> Result:
    """Explore, with what is run ahead being done in some order."""
    simulation = Simulation(*application)

    def run(faults: FaultSet) -> Observation:
        # Which of a service's parallel calls is first depends on the faults here, and not on what
        # else was run: this is about workers, not about threads.
        simulation.order.seed(repr(faults))
        return simulation.run(faults)

    explorer = Explorer(model, **options)
    executor = Shuffled(random.Random(seed))
    pool = Pool(executor, run, workers)
    observed = 0
    while (faults := explorer.next()) is not None:
        if workers:
            explorer.learn(faults, pool.observe(faults, explorer))
        else:
            explorer.learn(faults, run(faults))
        observed += 1
    pool.end(waiting=True)
    executor.shutdown()
    if workers:
        assert executor.ran == observed + pool.dropped
        event(f"{pool.dropped // 5 * 5} or more dropped by {workers}")
    return explorer.result()


@pytest.mark.slow
@tried(25)
@given(
    applications(),
    models,
    st.sampled_from(["equivalence", "equivalence", "exact", "none"]),
    st.sampled_from([{}, {"exhaustive": True}, {"audit": 5}, {"check_determinism": True}]),
    st.integers(0, 1000),
)
def test_results_do_not_depend_on_workers(
    application: Application, model: FaultModel, reduction: str, extra: dict[str, Any], seed: int
) -> None:
    """Neither on their number nor on who is first."""
    options = {"reduction": reduction, "max_executions": 60, **extra}
    alone = explored_by(0, application, model, seed, **options)
    for workers in 1, 2, 8:
        result = explored_by(workers, application, model, seed, **options)
        assert in_order(result) == in_order(alone)
        for one, other in zip(result.executions, alone.executions, strict=True):
            assert (one.verdict, one.purpose) == (other.verdict, other.purpose)
        assert failures_of(result) == failures_of(alone)
        assert result.findings == alone.findings
        assert classes_of(result) == classes_of(alone)
        assert [each.answer for each in result.pruned] == [each.answer for each in alone.pruned]
        assert (result.remaining, result.cut_by_size) == (alone.remaining, alone.cut_by_size)


def failures_of(result: Result) -> list[Any]:
    return [
        (each.faults, signature(each.error), [execution.number for execution in each.executions])
        for each in result.failures
    ]


def classes_of(result: Result) -> list[str]:
    # Without the digests: some bodies are other ones each time.
    return [
        f"{each.call.index} {each.faults} {each.representative} {each.context}"
        for each in result.classes
    ]


class Holding(Executor):
    """Begins nothing but the first.

    :ivar futures: what it was given.
    """

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = Inline().submit(fn, *args, **kwargs) if not self.futures else Future()
        self.futures.append(future)
        return future


def test_unwanted_executions_make_room() -> None:
    explorer = Explorer(FaultModel(["ConnectionError", "SSLError"], default_statuses=[]))
    simulation = Simulation({"s0": Orderly(((Step("s1"),),)), "s1": Orderly()}, one_request())
    executor = Holding()
    pool = Pool(executor, simulation.run, 2)
    (first,) = [explorer.next()]
    assert first is not None
    explorer.learn(first, pool.observe(first, explorer))
    ahead = [*explorer.upcoming()]
    assert len(ahead) == 2
    executor.futures.clear()
    explorer.learn(ahead[0], pool.observe(ahead[0], explorer))
    (second,) = executor.futures[1:]
    assert not second.cancelled()
    explorer.learn(ahead[1], simulation.run(ahead[1]))  # By somebody else: nothing is left.
    executor.futures.clear()
    pool.observe(FaultSet(), explorer)
    assert second.cancelled()
    assert pool.dropped == 0


def one_request() -> FunctionalTest:
    return FunctionalTest(("s0",), lambda seen: PASSED)


class Losing(Inline):
    """Loses the worker that runs a set for the first time."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error
        self._seen: set[FaultSet] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if args[0] in self._seen:
            return super().submit(fn, *args, **kwargs)
        self._seen.add(args[0])
        future: Future[Any] = Future()
        future.set_exception(self._error("gone"))
        return future


class ForeignError(Exception):
    """What an executor of somebody else's says when it has lost a worker."""


def two_runs(executor: Executor, run: Callable[[FaultSet], Observation], **options: Any) -> Result:
    explorer = Explorer(FaultModel(), retries=1, max_executions=1)
    pool = Pool(executor, run, 1, **options)
    return run_all(explorer, lambda faults: pool.observe(faults, explorer))


@pytest.mark.parametrize("error", [WorkerLostError, ForeignError])
def test_executions_of_lost_workers_run_again(error: type[Exception]) -> None:
    result = explore(app.test, SERVICES, executor=Inline(), max_executions=1)
    observed = Observation(result.executions[0].trace)
    lost = {"lost": (ForeignError,)}
    result = two_runs(Losing(error), lambda faults: observed, **lost)
    assert {each.verdict for each in result.executions} == {"passed"}
    with pytest.raises(SetupError, match=r"Losing could not run .*ValueError\('gone'\)"):
        two_runs(Losing(ValueError), lambda faults: observed, **lost)
