"""Many requests, threads, processes and explorations at once, over sockets."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import urllib3
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, Filibuster, was_fault_injected
from flask_filibuster.config import Config
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.driven.exploration import DrivenExploration
from flask_filibuster.exploring.driven.remote import RemoteSearch, RemoteSession
from flask_filibuster.exploring.processes import Service
from flask_filibuster.exploring.session import surroundings
from flask_filibuster.exploring.subjects.command import CommandSubject, CommandTest
from flask_filibuster.protocol.headers import EXECUTION_INDEX, REQUEST_ID
from flask_filibuster.results.execution import Execution, judged
from flask_filibuster.results.result import Result
from flask_filibuster.server.client.driver import RemoteDriver
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.conductor import Verdict
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import seal_of
from tests.support.callers import serving
from tests.support.cases import cases, in_earnest, sample
from tests.support.embedded import program
from tests.support.ports import ports
from tests.support.served_fan_out import ASYNCHRONOUS, THREADED, WIDTH
from tests.support.shapes import FIRST_PORT
from tests.support.suites import OURS_ONLY

pytest.importorskip("gunicorn")

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
TOKEN = "known to all of them"
GUNICORN = (
    *("gunicorn", "--bind", "127.0.0.1:0"),
    *("--worker-class", "gthread", "--workers", "2", "--threads", "4"),
)
# In a file, where settings that this version does not know are passed over.
SETTINGS = "control_socket_disable = True\n"


# How often a request is made whose calls have the same indexes each time.
RUNS = max(2, cases(5))
# How many threads each of four tests has.
THREADS = cases(50, part=6)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, and return what it is then."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.02)
    return value


class Processes:
    """Services in processes of their own, until the block ends."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Processes:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def start(self, *arguments: str, **environment: str) -> Service:
        """Start a module of Python's, with arguments."""
        command = shlex.join([sys.executable, "-m", *arguments])
        service = Service(command, {"PYTHONPATH": str(ROOT), **environment})
        self._stack.callback(service.end)
        return service


def url_of(service: Service) -> str:
    """Where the service is, once it answers."""

    def answering() -> str | None:
        service.check()
        for port in service.ports() or ():
            url = f"http://127.0.0.1:{port}"
            try:
                with urllib3.PoolManager() as pool:
                    pool.request(
                        "GET",
                        url,
                        headers={"X-Filibuster-Instrumentation": "true"},
                        retries=False,
                        timeout=5,
                    )
            except (urllib3.exceptions.HTTPError, OSError):
                return None
            return url
        return None

    return str(until(answering, f"{service.command} answers"))


@dataclass(frozen=True)
class Said:
    """A call to the Filibuster server."""

    connection: str
    call: str
    body: str


class Listened:
    """The server's app, and what everybody says to it, over which connection."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.said: list[Said] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        # The server has a thread for each connection, and no two threads have the same name.
        connection = threading.current_thread().name
        call = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        self.said.append(Said(connection, call, body.decode()))
        return self._app(environ, start_response)


def leaf() -> Flask:
    """A service without the extension, which answers with what it was sent."""
    app = Flask("leaf")

    @app.get("/<path:path>")
    def echo(path: str) -> ResponseReturnValue:
        ours = {name: value for name, value in request.headers if "Filibuster" in name}
        return jsonify(path=path, headers=ours)

    return app


@dataclass(frozen=True)
class Served:
    """The server in this process, and the services that use it in others."""

    coordinator: Coordinator
    listened: Listened
    server: str
    front: str
    middle: str

    def begin(self, faults: FaultSet | None = None) -> DrivenExploration:
        """An exploration whose only execution is under way."""
        exploration = self.coordinator.open("by hand", faults or FaultSet())
        exploration.has_next(1)
        return exploration


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Front under gunicorn, forked after it had talked to the server, and middle by Flask."""
    coordinator = Coordinator(config=Config(timeout=PATIENCE))
    listened = Listened(create_app(coordinator, version="x"))
    with Serving(listened, port=0) as server, serving(leaf()) as leaf_url, Processes() as processes:
        urls = {"FILIBUSTER_SERVER_URL": server.url, "LEAF_URL": leaf_url}
        name = "tests.support.served_fan_out:create_app"
        middle = processes.start("flask", "--app", f"{name}('middle')", "run", "-p", "0", **urls)
        urls["MIDDLE_URL"] = url_of(middle)
        settings = tmp_path_factory.mktemp("gunicorn") / "settings.py"
        settings.write_text(SETTINGS)
        front = processes.start(
            *GUNICORN, "--preload", "--config", f"file:{settings}", f"{name}()", **urls
        )
        yield Served(coordinator, listened, server.url, url_of(front), url_of(middle))


def new_id(exploration: DrivenExploration) -> dict[str, str]:
    """The headers of one more request of the execution that is under way."""
    assert exploration.under_way is not None
    return {REQUEST_ID: exploration.under_way.execution.new_request_id()}


def passed(exploration: DrivenExploration) -> Execution:
    """The execution that was under way, which proves something."""
    execution = exploration.complete(1, Verdict(failed=False))
    assert execution.verdict == "passed", execution.problems
    exploration.abandon()
    return execution


FAN_OUTS = [
    *(f"threaded/{kind}" for kind in THREADED),
    *(f"asynchronous/{kind}" for kind in ASYNCHRONOUS),
]


@pytest.mark.slow
@pytest.mark.in_earnest
@pytest.mark.parametrize("urls", ["same", "own"])
@pytest.mark.parametrize("server", ["front", "middle"], ids=["gunicorn", "flask-run"])
@pytest.mark.parametrize("kind", sample(FAN_OUTS))
def test_parallel_calls_keep_their_indexes(
    served: Served, kind: str, server: str, urls: str
) -> None:
    runs = set()
    for _ in range(RUNS):
        exploration = served.begin()
        base = getattr(served, server)
        answer = requests.get(
            f"{base}/{kind}/{urls}", headers=new_id(exploration), timeout=PATIENCE
        )
        said = answer.json()
        calls = passed(exploration).trace.invocations
        # The trace has the calls in the order of the program, whichever came first.
        assert [call.index for call in calls] == [each["headers"][EXECUTION_INDEX] for each in said]
        paths = [urlsplit(call.url).path for call in calls]
        assert paths == [f"/{'same' if urls == 'same' else f'own-{n}'}" for n in range(WIDTH)]
        runs.add(tuple(call.index for call in calls))
    (indexes,) = runs
    assert len(set(indexes)) == WIDTH


def paths_of(calls: Sequence[Call]) -> list[str]:
    """The paths that were called."""
    return [urlsplit(call.url).path for call in calls]


def drive(
    server: str, test: Callable[[], object], *, token: str | None = None, **options: Any
) -> Result:
    """Explore a test of this process with a server elsewhere."""
    remote = RemoteServer(server, token=token)
    driver = RemoteDriver(remote)
    try:
        search = RemoteSearch(driver, options)
        session = RemoteSession(driver, timeout=PATIENCE, seal=seal_of(token))
        with surroundings({}) as around:
            while (faults := search.next()) is not None:
                error: BaseException | None = None
                with session.execution(faults, around) as watcher:
                    try:
                        test()
                    except AssertionError as failure:
                        error = failure
                search.learn(faults, session.observe(watcher, error))
        return search.result()
    finally:
        remote.close()


@pytest.mark.slow
@pytest.mark.in_earnest
def test_simultaneous_requests_do_not_mix(served: Served) -> None:
    """Four tests of many threads each: no call is lost, doubled, or another request's."""
    answers: dict[str, list[Any]] = {}
    at_once = threading.Barrier(4 * THREADS)

    def explored(name: str) -> Execution:
        def ask(n: int) -> None:
            at_once.wait(PATIENCE)
            number = f"{name}-{n}"
            answer = requests.get(f"{served.front}/numbered/{number}", timeout=2 * PATIENCE)
            answers[number] = answer.json()

        def test() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(ask, range(THREADS)))

        result = drive(served.server, test, name=name, faults=[])
        (execution,) = result.executions
        assert execution.verdict == "passed", (execution.problems, execution.error)
        return execution

    with ThreadPoolExecutor(4) as pool:
        executions = dict(zip("abcd", pool.map(explored, "abcd"), strict=True))
    for name, execution in executions.items():
        by_handler = execution.trace.calls()
        assert len(execution.trace.requests) == THREADS
        assert len(execution.trace.invocations) == 4 * THREADS
        numbers = [urlsplit(call.url).path.rpartition("/")[2] for call in execution.trace.requests]
        assert numbers == [f"{name}-{n}" for n in range(THREADS)]
        for number, asked in zip(numbers, execution.trace.requests, strict=True):
            calls = by_handler[asked.index]
            below = by_handler[calls[0].index]
            assert paths_of(calls) == [f"/hop/{number}", f"/{number}/thread", f"/{number}/last"]
            assert paths_of(below) == [f"/{number}/below"]
            said = [each["headers"] for each in answers[number]]
            indexes = [call.index for call in (*below, *calls[1:])]
            assert [each[EXECUTION_INDEX] for each in said] == indexes
            assert len({each[REQUEST_ID] for each in said}) == 1
    ids = {answers[number][0]["headers"][REQUEST_ID] for number in answers}
    assert len(ids) == len(answers) == 4 * THREADS


@pytest.mark.slow
def test_ordinary_traffic_disturbs_two_explorations(served: Served) -> None:
    """Where there is no token."""
    both = [served.begin(), served.begin()]
    assert requests.get(f"{served.front}/mixed/plain", timeout=PATIENCE).ok
    for exploration in both:
        execution = exploration.complete(1, Verdict(failed=False))
        assert execution.verdict == "inconclusive"
        assert "send the header X-Filibuster-Request-Id" in execution.problems[0]
        exploration.abandon()


@pytest.mark.slow
def test_forked_workers_have_own_connections(served: Served) -> None:
    before = {each.connection for each in served.listened.said if "before-fork" in each.call}
    assert len(before) == 2  # front's and middle's
    exploration = served.begin()

    def ask(_: int) -> int:
        answer = requests.get(
            f"{served.front}/whoami", headers=new_id(exploration), timeout=PATIENCE
        )
        said, process = answer.json()
        assert said["path"] == f"pid-{process}"
        return int(process)

    processes: Counter[int] = Counter()

    def both() -> bool:
        with ThreadPoolExecutor(16) as pool:
            processes.update(pool.map(ask, range(16)))
        return len(processes) == 2

    until(both, "both workers have answered")
    trace = passed(exploration).trace
    called = Counter(int(call.url.rpartition("-")[2]) for call in trace.invocations)
    assert called == processes
    connections: dict[str, set[str]] = {}
    for each in served.listened.said:
        for process in set(re.findall(r"pid-(\d+)", each.body)):
            connections.setdefault(process, set()).add(each.connection)
    one, other = connections.values()
    assert not one & other
    assert not (one | other) & before


MIXED = [
    "plain",
    "crash",
    "abort",
    "pool",
    "task",
    "stream",
    "broken-stream",
    "endless",
    "teardown-request",
    "teardown-appcontext",
    "teardown-both",
]


def send(url: str, headers: Mapping[str, str], *, hang_up: bool) -> None:
    """Send a request, and read what comes to its end, or hang up in the middle of it."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or 0
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        lines = [f"GET {parts.path} HTTP/1.1", "Host: front", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 ")
        while not hang_up and connection.recv(65_536):
            pass


@in_earnest
@pytest.mark.slow
@pytest.mark.in_earnest
def test_no_request_leaves_a_frame(served: Served) -> None:
    """To the threads of a worker."""
    exploration = served.begin()
    stale = {REQUEST_ID: "of-an-execution-long-over", EXECUTION_INDEX: '[["GET /", 1]]'}

    def send_one(n: int) -> None:
        kind = MIXED[n % len(MIXED)]
        headers = (new_id(exploration), {}, stale)[n % 3]
        send(f"{served.front}/mixed/{kind}", headers, hang_up=kind == "endless")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send_one, range(cases(600))))
    exploration.abandon()

    def ask(_: int) -> Any:
        return requests.get(f"{served.front}/left-behind", timeout=PATIENCE).json()

    def ask_all() -> list[Any]:
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(ask, range(16)))

    # What clients have hung up on ends a little later.
    until(lambda: not any(each["frames"] for each in ask_all()), "no frame is left")
    before = len(served.listened.said)
    found: list[Any] = []

    def all_asked() -> bool:
        found.extend(ask_all())
        return len({tuple(each["thread"]) for each in found}) == 8

    until(all_asked, "every thread of both workers has answered")
    for each in found:
        assert each["frames"] == 0
        assert [said["headers"] for said in each["said"]] == [{}, {}, {}]
    said = [each.call.partition("?")[0] for each in served.listened.said[before:]]
    assert said == ["GET /filibuster/new-test-execution/front"] * len(found)


@pytest.mark.slow
def test_commands_can_be_replayed_repeatedly() -> None:
    coordinator = Coordinator()
    subject = CommandSubject(CommandTest(("true",), port=0), coordinator, Config())
    with subject.ready():
        for _ in range(20):
            _, observation = subject.timed(FaultSet())
            assert judged(FaultSet(), observation).verdict == "passed"
    assert not coordinator.embedded._open


def test_first_two_requests_at_once() -> None:
    coordinator = Coordinator(config=Config(timeout=1))
    exploration = coordinator.open("two at once", FaultSet())
    exploration.has_next(1)
    app = Flask("svc")
    both = threading.Barrier(2, timeout=5)

    @app.get("/")
    def view() -> str:
        both.wait()
        return "fine"

    def ask() -> None:
        assert app.test_client().get("/", headers=new_id(exploration)).text == "fine"

    with Serving(create_app(coordinator, version="x"), port=0) as server:
        Filibuster(app, server_url=server.url)
        other = threading.Thread(target=ask)
        other.start()
        ask()
        other.join()
        assert len(passed(exploration).trace.requests) == 2
        app.extensions["filibuster"].disconnect()


# Small enough for many runs, with failures of every kind.
MODEL = FaultModel(
    exceptions=("ConnectionError",),
    statuses={"bookings": (404,), "movies": (500,)},
    default_statuses=(),
)


@dataclass(frozen=True)
class Chain:
    """users -> bookings -> movies, and their server, which share a token."""

    server: str
    users: str


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    """Four processes."""
    with ports(1 + max(CHAIN.values())) as first, Processes() as processes:
        server = processes.start(
            "flask", "filibuster", "serve", "--port", "0", FILIBUSTER_TOKEN=TOKEN
        )
        urls = {
            "FILIBUSTER_SERVER_URL": url_of(server),
            "FILIBUSTER_TOKEN": TOKEN,
            FIRST_PORT: str(first),
        }
        services = [
            processes.start(
                "flask",
                "--app",
                f"tests.support.served_shapes:create_app('chain_with_retry','{name}')",
                "run",
                "--port",
                str(first + offset),
                **urls,
            )
            for name, offset in CHAIN.items()
        ]
        users, *_ = [url_of(service) for service in services]
        yield Chain(urls["FILIBUSTER_SERVER_URL"], users)


CHAIN = {"users": 0, "bookings": 3, "movies": 2}


@contextmanager
def ordinary_traffic(url: str) -> Iterator[Counter[int]]:
    """Requests without any header until the block ends; counts statuses.

    A pause after each leaves the processor to what is tested beside them.
    """
    statuses: Counter[int] = Counter()
    ended = threading.Event()

    def ask() -> None:
        with urllib3.PoolManager() as pool:
            while not ended.wait(0.03):
                statuses[pool.request("GET", url, retries=False, timeout=PATIENCE).status] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        thread.join()


def story(result: Result) -> list[Any]:
    """All that an exploration has shown, but for ids."""
    executions = [
        (
            [str(planned) for planned in each.faults],
            each.verdict,
            repr(each.error),
            [(call.index, call.target, str(call.outcome)) for call in each.trace.invocations],
        )
        for each in result.executions
    ]
    failures = [(str(each.faults), len(each.executions)) for each in result.failures]
    pruned = [(str(each.faults), each.answer) for each in result.pruned]
    return [executions, failures, pruned, result.notes, result.problems, len(result.findings)]


@pytest.mark.slow
def test_simultaneous_explorations_do_not_mix(chain: Chain) -> None:
    url = f"{chain.users}/users/chris"

    def careful() -> None:
        answer = requests.get(url, timeout=PATIENCE)
        assert answer.ok or was_fault_injected()

    def careless() -> None:
        assert requests.get(url, timeout=PATIENCE).status_code == 200

    def explored(test: Callable[[], object]) -> Result:
        return drive(chain.server, test, token=TOKEN, name="t", analysis=MODEL.to_analysis())

    met = threading.Barrier(2)

    def meeting(test: Callable[[], None], waits: bool) -> Callable[[], None]:
        """The test, which may wait for the other one to be in the same execution now and then."""
        runs = iter(range(1000))

        def test_with_other() -> None:
            if next(runs) in (0, 4, 8) and waits:
                met.wait(PATIENCE)
            test()

        return test_with_other

    def one(test: Callable[[], None], waits: bool) -> list[Any]:
        return story(explored(meeting(test, waits)))

    tests = (careful, careless)
    alone = [one(test, False) for test in tests]
    assert len(alone[0][0]) > 8
    assert [bool(failures) for _, failures, *_ in alone] == [False, True]
    with ordinary_traffic(url) as statuses, ThreadPoolExecutor(2) as pool:
        at_once = list(pool.map(one, tests, (True, True)))
    assert at_once == alone
    assert set(statuses) == {200}
    assert statuses.total() > 10


TEST = program("marked_users.py")


@in_earnest
@pytest.mark.slow
def test_simultaneous_pytest_runs_do_not_mix(chain: Chain, tmp_path: Path) -> None:
    sources = {"careful": TEST, "careless": TEST.replace(" or was_fault_injected()", "")}
    for name, source in sources.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_users.py").write_text(source)

    told = {"FILIBUSTER_TOKEN": TOKEN, "USERS": chain.users}

    def run(name: str, **environment: str) -> tuple[int, str]:
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "-pno:cacheprovider"),
                *("--filibuster-server", chain.server),
            ],
            cwd=tmp_path / name,
            env={**os.environ, **OURS_ONLY, **told, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=PATIENCE)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        return process.returncode, re.sub(r"[0-9.]+s", "…s", said)

    alone = [run(name) for name in sources]
    for name in sources:
        (tmp_path / name / "started").unlink()
    with ordinary_traffic(f"{chain.users}/users/chris") as statuses, ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(run, name, BESIDE=f"../{other}")
            for name, other in zip(sources, reversed(sources), strict=True)
        ]
        at_once = [each.result() for each in running]
    assert at_once == alone
    assert [code for code, _ in alone] == [0, 1], alone
    assert set(statuses) == {200}
