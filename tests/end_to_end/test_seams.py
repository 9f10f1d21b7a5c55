"""Where processes meet: servers that go away or talk nonsense, services and commands that die.

In every case the application goes on answering, the run says what happened and does not pass, and
no process and no port is left behind.
"""

from __future__ import annotations

import functools
import http.client
import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from flask_filibuster import FaultModel, __version__
from flask_filibuster.core.messages import ReportsLost
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.driven.remote import RemoteSearch, RemoteSession
from flask_filibuster.exploring.session import surroundings
from flask_filibuster.exploring.subjects.function import run_once
from flask_filibuster.results.result import Result
from flask_filibuster.server.client.driver import RemoteDriver
from flask_filibuster.server.client.remote import RemoteServer
from flask_filibuster.server.conductor import Verdict
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from tests.support import processes
from tests.support.cases import in_earnest, only_in_earnest, sample
from tests.support.embedded import program
from tests.support.ports import ports
from tests.support.processes import (
    Project,
    Running,
    is_alive,
    listens,
    running,
    wait_until,
)

ONE_FAULT = FaultModel(["ConnectionError"], default_statuses=())


project = processes.project


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Services that run all the time, told of a server that is there from time to time."""
    with ports(Project.PORTS) as first:
        project = Project(tmp_path_factory.mktemp("standing"), first)
        project.write("troubled.py", TROUBLED)
        project.write("test_it.py", KILLING_TEST)
        with project.services():
            yield project


@pytest.fixture(autouse=True)
def answers_to_the_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does, the services that run all the time answer after it."""
    yield
    if "standing" in request.fixturenames:
        project: Project = request.getfixturevalue("standing")
        assert project.answer() == "data"
        assert not listens(project.server)


# --- a server that talks nonsense, to services ----------------------------------------------------


class Proxy:
    """Stands between services and their server, and can be told to misbehave.

    :ivar mode: what it does with each call.
    :ivar target: where the server is.
    """

    def __init__(self) -> None:
        self.mode = "forward"
        self.target = ""
        self.over = threading.Event()
        self.calls = 0

    def forwarded(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.target)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


NONSENSE = {
    "status 500": (500, b'{"error": "out of order"}'),
    "HTML": (200, b"<html><p>Welcome to nginx!</html>"),
    "truncated JSON": (200, b'{"generated_id": 0, "execution_ind'),
    "JSON of another kind": (200, b"[1, 2]"),
}
MODES = [*NONSENSE, "nothing", "too late"]


@contextmanager
def proxying() -> Iterator[tuple[Proxy, str]]:
    """A proxy on a socket, and its URL."""
    proxy = Proxy()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.calls += 1
            mode = proxy.mode
            if mode == "too late":
                proxy.over.wait(30)
            if mode in ("nothing", "too late"):
                self.close_connection = True
                return
            if mode == "forward":
                status, answer = proxy.forwarded(self.command, self.path, self.headers, body)
            else:
                status, answer = NONSENSE[mode]
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of http.server

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}"
    finally:
        proxy.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Between:
    """Services whose server is behind a proxy; tests ask the server itself."""

    def __init__(self, project: Project, proxy: Proxy) -> None:
        self.project = project
        self.proxy = proxy
        self.answers: list[str] = []

    @contextmanager
    def server(self) -> Iterator[str]:
        """A new server behind the proxy."""
        app = create_app(Coordinator(), version=__version__)
        with Serving(app, port=0) as serving:
            self.proxy.target = serving.url
            yield serving.url

    def ask(self) -> None:
        """What a test does: front answers, whether back can be called or not."""
        self.answers.append(self.project.answer())
        assert self.answers[-1] in ("data", "default")

    def whole(self, url: str) -> bool:
        """Whether an exploration finds everything in order."""
        return self.explored(url, lambda _: self.ask()).ok

    def explored(self, url: str, test: Callable[[int], None]) -> Result:
        """Explore a test, which is given the number of its execution."""
        server = RemoteServer(url)
        driver = RemoteDriver(server)
        session: Any = RemoteSession(driver, timeout=5, seal=None)
        analysis = ONE_FAULT.to_analysis()
        options = {"name": "a test", "analysis": analysis, "check_determinism": False}
        try:
            search = RemoteSearch(driver, options)
            with surroundings({}) as around:
                while (faults := search.next()) is not None:
                    run = functools.partial(test, search.executed + 1)
                    search.learn(faults, run_once(run, session, faults, around))
            return search.result()
        finally:
            server.close()


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with ports(Project.PORTS) as first, proxying() as (proxy, url):
        project = Project(tmp_path_factory.mktemp("between"), first)
        with project.services(FILIBUSTER_SERVER_URL=url, SERVER_TIMEOUT="0.3"):
            yield Between(project, proxy)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_confused_server_stops_no_service(between: Between, mode: str) -> None:
    """And nothing passes."""

    def test(number: int) -> None:
        between.proxy.mode = mode if number == 2 else "forward"
        try:
            between.ask()
        finally:
            between.proxy.mode = "forward"

    with between.server() as url:
        wait_until(lambda: between.whole(url), "an exploration without any trouble")
    with between.server() as url:
        between.answers.clear()
        result = between.explored(url, test)
    assert [each.verdict for each in result.executions] == ["passed", "inconclusive"]
    assert any("the call was not made" in each for each in result.executions[1].problems)
    assert not result.ok
    assert between.answers == ["data", "data", "data"], "what is inconclusive is run once more"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["status 500", "nothing", "too late"])
def test_confused_server_stops_no_traffic(between: Between, mode: str) -> None:
    between.proxy.mode = mode
    try:
        calls = between.proxy.calls
        assert between.project.answer() == "data"
        assert between.proxy.calls > calls
    finally:
        between.proxy.mode = "forward"


@pytest.mark.slow
def test_lost_reports_prove_nothing(between: Between) -> None:
    def test(number: int) -> None:
        if number == 1:
            between.proxy.mode = "nothing"
            between.ask()
            between.proxy.mode = "forward"
        between.ask()

    with between.server() as url:
        wait_until(lambda: between.whole(url), "an exploration without any trouble")
    with between.server() as url:
        result = between.explored(url, test)
    assert not result.ok
    first = result.executions[0]
    assert first.verdict == "inconclusive"
    assert any("a report of a service was lost" in each for each in first.problems)


@pytest.mark.slow
def test_final_lost_reports_are_told_later(between: Between) -> None:
    """In the next execution."""

    def test(number: int) -> None:
        if number == 1:
            between.ask()
            between.proxy.mode = "nothing"
            assert requests.get(f"{front}/careful", timeout=30).text == "data"
            between.proxy.mode = "forward"
        else:
            between.ask()

    front = f"http://127.0.0.1:{between.project.front}"
    with between.server() as url:
        wait_until(lambda: between.whole(url), "an exploration without any trouble")
    with between.server() as url:
        result = between.explored(url, test)
    assert not result.ok
    problems = [*result.problems, *(one for each in result.executions for one in each.problems)]
    assert any("a report of a service was lost" in each for each in problems)


# --- a server that is away, or talks nonsense, to pytest ------------------------------------------

KILLING_TEST = program("marked_killing.py")


@pytest.mark.slow
def test_pytest_fails_without_server(standing: Project) -> None:
    """The services answer."""
    assert standing.answer() == "data"
    done = standing.pytest("--filibuster-server", standing.server_url)
    assert done.returncode == 1
    assert f"the Filibuster server at {standing.server_url} cannot be reached" in done.stdout
    assert " passed" not in done.stdout
    assert "INTERNALERROR" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "when",
    sample(["in the middle", "after the answer", "after the body"]),
)
def test_killed_server_fails_pytest(standing: Project, when: str) -> None:
    notes = standing.path / when
    with standing.serving() as server:
        done = standing.pytest(
            *("--filibuster-server", standing.server_url),
            KILL=when,
            NOTES=notes,
            SERVER_PROCESS=server.process.pid,
        )
        assert server.ends() == -signal.SIGKILL
    assert done.returncode == 1, done.stdout
    assert "the exploration stopped after 1 execution" in done.stdout
    assert f"the Filibuster server at {standing.server_url} cannot be reached" in done.stdout
    assert " passed" not in done.stdout
    assert notes.read_text().splitlines() == ["answered"] * 2


@in_earnest
@pytest.mark.slow
def test_pytest_names_what_answers_instead(standing: Project) -> None:
    def ran(mode: str) -> Any:
        with proxying() as (proxy, url):
            proxy.mode = mode
            return standing.pytest("--filibuster-server", url, NOTES=standing.path / "none")

    standing.pytest_command()
    modes = [mode for mode in MODES if mode != "too late"]
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(modes, pool.map(ran, modes), strict=True))
    for mode, done in results.items():
        assert done.returncode == 1, mode
        assert "Filibuster server" in done.stdout, mode
        assert " passed" not in done.stdout, mode
        assert "INTERNALERROR" not in done.stdout, mode
        assert "Traceback" not in done.stdout, mode
    assert "with status 500: out of order" in results["status 500"].stdout
    assert "without JSON: b'<html>" in results["HTML"].stdout
    assert "is not a Filibuster server" in results["JSON of another kind"].stdout
    assert "cannot be reached" in results["nothing"].stdout


# --- commands in trouble --------------------------------------------------------------------------

TROUBLED = program("troubled.py")


def troubled(
    project: Project,
    trouble: str,
    *options: str,
    when: str = "after it asked",
    runs: tuple[int, ...] = (3,),
) -> Any:
    """Explore a command that is in trouble in some of its runs; the second is a repeat."""
    (project.path / "pids").unlink(missing_ok=True)
    command = ["--", sys.executable, str(project.path / "troubled.py"), trouble, when]
    command += map(str, runs)
    limits = ["--max-executions", "3", "--port", str(project.server)]
    return project.flask("test", *limits, *options, *command)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "how"),
    [
        pytest.param("hangs", "timed out after 1 s: in trouble", id="hangs"),
        pytest.param("crashes", "killed by SIGSEGV: in trouble", id="crashes"),
        pytest.param(
            "is killed", "killed by SIGKILL: in trouble", id="is killed", marks=only_in_earnest
        ),
    ],
)
def test_endless_or_crashing_command_fails(standing: Project, trouble: str, how: str) -> None:
    options = ["--timeout", "1"] if trouble == "hangs" else []
    done = troubled(standing, trouble, *options)
    assert done.returncode == 1
    assert how in done.stdout
    assert "raises ConnectionError" in done.stdout
    assert "shown by 1 of 3 executions" in done.stdout
    assert len(standing.processes) == 4
    assert not any(is_alive(each) for each in standing.processes)


@pytest.mark.slow
def test_early_killed_command_proves_nothing(standing: Project) -> None:
    """It is killed before its faults came about."""
    done = troubled(standing, "is killed", when="before it asks", runs=(3, 4))
    assert done.returncode == 2
    assert (
        "execution 2:\n    fault not injected, the call was not made: front -> back" in done.stdout
    )
    assert "test outcome: killed by SIGKILL" in done.stdout
    assert "1 inconclusive execution" in done.stdout


@pytest.mark.slow
def test_leftover_processes_are_ended(standing: Project) -> None:
    done = troubled(standing, "has children")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing found" in done.stdout
    assert len(standing.processes) == 2 * 4
    wait_until(lambda: not any(map(is_alive, standing.processes)), "the end of the children", 5)


@pytest.mark.slow
def test_missing_command_exits_with_2(standing: Project) -> None:
    done = standing.flask("test", "--port", str(standing.server), "--", "no-such-command", "-x")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cannot run no-such-command -x: " in done.stderr
    assert "no such program" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


# --- services in trouble --------------------------------------------------------------------------

WAITING = program("waiting.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "complaint"),
    [
        pytest.param(
            "{python} waiting.py dies",
            "waiting.py dies' ended with exit code 1; its output:\nno database",
            id="dies at once",
        ),
        pytest.param(
            "{python} waiting.py listens-not",
            "waiting.py listens-not' did not answer on a port within 0.5 s",
            id="never listens",
        ),
        pytest.param("no-such-service --port 1", "cannot run no-such-service", id="not found"),
        pytest.param("'unbalanced", "No closing quotation", id="no command line"),
    ],
)
def test_failed_start_ends_other_services(project: Project, start: str, complaint: str) -> None:
    project.write("waiting.py", WAITING)
    python = shlex.quote(sys.executable)
    other = f"{python} waiting.py is-there"
    done = project.flask(
        *("test", "--port", str(project.server), "--start-timeout", "0.5"),
        *("--start", start.format(python=python), "--start", other),
        *project.command(),
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not any(map(is_alive, project.processes))
    assert not listens(project.server)


KILLING = program("killing.py")

LINGERING = program("lingering.py")


def lingering_front(project: Project) -> list[str]:
    project.write("lingering.py", LINGERING)
    project.write("killing.py", KILLING)
    flask = [sys.executable, "-m", "flask", "--app", "lingering"]
    return [*flask, "run", "-p", str(project.front)]


@pytest.mark.slow
def test_killed_service_ends_the_exploration(project: Project) -> None:
    front, back = lingering_front(project), project.service("back")
    done = project.flask(
        *("test", "--port", "0", "--start", shlex.join(front), "--start", shlex.join(back)),
        *("--", sys.executable, "killing.py"),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the exploration stopped early: the service " in done.stderr
    assert "ended with exit code -9" in done.stderr
    assert "2 executions" in done.stdout
    project.nothing_is_left()


@in_earnest
@pytest.mark.slow
def test_restarted_service_makes_no_pass(project: Project) -> None:
    front = lingering_front(project)
    told = project.environ | {"FILIBUSTER_SERVER_URL": project.server_url}
    with (
        ExitStack() as stack,
        running(front, project.path, told),
        project.services("back"),
    ):
        stack.callback(kill_front, project)
        wait_until(lambda: listens(project.front), "front")
        done = project.flask(
            *("test", "--port", str(project.server), "--settle", "0.5"),
            *("--", sys.executable, "killing.py", *front),
            FILIBUSTER_SERVER_URL=project.server_url,
        )
        assert project.answer() == "data"
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 inconclusive execution" in done.stdout
    assert "execution 3:\n" in done.stdout
    assert "the call did not end in time" in done.stdout
    wait_until(lambda: not listens(project.front), "the end of front")


def kill_front(project: Project) -> None:
    Running.end_group(int((project.path / "front").read_text()))


# --- interruptions --------------------------------------------------------------------------------

SIGNALS = [signal.SIGINT, signal.SIGTERM]

PAUSING = program("pausing.py")


@contextmanager
def interrupted(path: Path, when: str) -> Iterator[list[tuple[Project, int, str]]]:
    """``flask filibuster test`` for each signal, which it gets at that time."""
    runs = []
    with ExitStack() as stack:
        for number in SIGNALS:
            below = path / number.name
            below.mkdir()
            project = Project(below, stack.enter_context(ports(Project.PORTS)))
            project.write("pausing.py", PAUSING)
            project.write("waiting.py", WAITING)
            services = [lingering_front(project), project.service("back")]
            if when == "starting":
                services.append([sys.executable, "waiting.py", "listens-not"])
            started = [each for one in services for each in ("--start", shlex.join(one))]
            command = project.filibuster("test", "--port", str(project.server), *started)
            command += ["--settle", "60", "--", sys.executable, "pausing.py", when]
            runs.append((project, stack.enter_context(running(command, below, project.environ))))
        for (project, run), number in zip(runs, SIGNALS, strict=True):
            marks = functools.partial(is_at, project, when)
            wait_until(marks, f"{when}: {run.output}")
            run.signal(number)
        yield [(project, run.ends(), run.output) for project, run in runs]


def is_at(project: Project, when: str) -> bool:
    if when == "starting":
        return len(project.processes) == 3
    if when == "between":
        last = project.processes[-1:]
        return (project.path / "paused").exists() and not is_alive(last[0])
    return (project.path / "paused").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("when", "said"),
    [
        pytest.param(
            "starting",
            "interrupted before the first execution",
            id="starting",
            marks=only_in_earnest,
        ),
        pytest.param("amid", "interrupted after 1 execution", id="in the middle of a command"),
        pytest.param(
            "between",
            "interrupted after 1 execution",
            id="between executions",
            marks=only_in_earnest,
        ),
    ],
)
def test_interrupted_exploration_leaves_nothing(tmp_path: Path, when: str, said: str) -> None:
    with interrupted(tmp_path, when) as runs:
        for project, code, output in runs:
            assert code == 130, output
            assert said in output
            assert "Traceback" not in output
            assert "nothing found\n" not in output
            project.nothing_is_left()
            assert not listens(project.server)
        assert "terminated by SIGTERM" in output


@pytest.mark.slow
@pytest.mark.parametrize("number", sample(SIGNALS), ids=lambda each: str(each.name))
def test_interrupted_server_frees_its_port(standing: Project, number: signal.Signals) -> None:
    with standing.serving() as server:
        options = {"name": "a test"}
        url = f"{standing.server_url}/filibuster/explorations"
        name = requests.post(url, json=options, timeout=30).json()["exploration"]
        server.signal(number)
        assert server.ends() == 0
        assert f"{name}: 0 executed, 0 failed" in server.output
        assert "Traceback" not in server.output
    assert not listens(standing.server)
    assert json.loads(json.dumps(name)).startswith("a test")


@pytest.mark.slow
def test_lost_reports_spoil_one_exploration() -> None:
    coordinator = Coordinator()
    before = coordinator.open("before")
    before.has_next(1)
    assert before.under_way is not None
    request_id = before.under_way.execution.new_request_id()
    before.complete(1, Verdict(failed=False))
    coordinator.embedded.reports_lost(ReportsLost(request_id, "the server was away", 0.0))
    assert coordinator.result(before.name).problems
    later = coordinator.open("later")
    later.has_next(1)
    later.complete(1, Verdict(failed=False))
    assert not coordinator.result(later.name).problems
