"""What explorations cost whose server, services and tests are processes of their own.

Everything talks over sockets of this machine. The server is ``flask filibuster serve``, except
where the command ``flask filibuster test`` is measured, which serves by itself.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask, request
from flask.typing import ResponseReturnValue

from benchmarks.measure import Case, arguments, rows_of, show
from flask_filibuster import Filibuster
from flask_filibuster.config import Config
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.exploration import Exploration
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.subjects.base import Setting
from flask_filibuster.exploring.subjects.command import SERVER_URL, CommandSubject, CommandTest
from flask_filibuster.server.client.connection import ServerClient
from flask_filibuster.server.http.serving import Serving
from tests.support import shapes

MOST_MS_CALL = 3.0
MOST_MS_COMMAND = 10.0
CALLS_WANTED = {"uninstrumented": 2, "instrumented": 3}
PROTOTYPE_PER_SECOND = 6
"""Executions a second that are published for the prototype, of two required calls."""

SHAPE = "two_required_calls"
SHAPE_PORTS = {"page": 0, "users": 1, "movies": 2}
START_TIMEOUT = 30.0
TIMEOUT = 10
Work = Callable[[], float]


# Processes.


@contextmanager
def process(command: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process for the time of the block, ended with all that it has started.

    What this process was told of a server is not passed on.
    """
    inherited = {name: text for name, text in os.environ.items() if "FILIBUSTER" not in name}
    with subprocess.Popen(
        command,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


@contextmanager
def announced(command: Sequence[str], **environment: str) -> Iterator[str]:
    """The URL that a process, run for the time of the block, names in its first line."""
    with process(command, **environment) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        found = re.search(r"http://[\w.:]+", line)
        if found is None:
            raise RuntimeError(f"{shlex.join(command)} did not start, but wrote {line!r}")
        yield found[0]


def filibuster_server(stack: ExitStack) -> ServerClient:
    """A server in a process of its own."""
    command = [sys.executable, "-m", "flask", "filibuster", "serve", "--port", "0"]
    command += ["--faults", "quick"]  # As many executions as those of the prototype.
    client = ServerClient(stack.enter_context(announced(command)))
    stack.callback(client.close)
    return client


def free_ports(count: int) -> int:
    """The first of some ports in a row that nobody listens on."""
    while True:
        first = random.randrange(20_000, 30_000)
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
        return first


# Services.


def caller() -> Flask:
    """Calls what it is told to call, over a kept connection, and tells how long that took."""
    app = Flask("caller")
    session = requests.Session()

    @app.get("/calls/<int:count>")
    def calls(count: int) -> ResponseReturnValue:
        url = request.args["url"]
        seconds = []
        for _ in range(count):
            began = time.perf_counter()
            response = session.get(url, timeout=TIMEOUT)
            seconds.append(time.perf_counter() - began)
            assert response.status_code == 200
        return seconds

    return app


def callee() -> Flask:
    """Answers."""
    app = Flask("callee")

    @app.get("/")
    def index() -> ResponseReturnValue:
        return {"hello": "world"}

    return app


def serve(app: Flask, extension: bool) -> None:
    """Serve an app until the process is killed, on connections that are kept."""
    if extension:
        Filibuster(app)
    with Serving(app.wsgi_app, port=0) as serving:
        print(serving.url, flush=True)
        threading.Event().wait()


def service(stack: ExitStack, name: str, server: str | None = None) -> str:
    """The URL of the caller or the callee, with the extension if there is a server for it."""
    code = f"from benchmarks import remote as r; r.serve(r.{name}(), {server is not None})"
    environment = {} if server is None else {SERVER_URL: server}
    return stack.enter_context(announced([sys.executable, "-c", code], **environment))


def without_extension(name: str) -> Flask:
    """One service of the shape as its author would write it."""
    services: dict[str, Flask] = getattr(shapes, SHAPE)()
    return next(app for app in services.values() if app.name == name)


def shape_commands(first: int, *, extension: bool) -> dict[str, list[str]]:
    """By the URLs under which they answer, the commands that serve the shape."""
    commands = {}
    for name, offset in SHAPE_PORTS.items():
        factory = f"benchmarks.remote:without_extension({name!r})"
        if extension:
            factory = f"tests.support.served_shapes:create_app({SHAPE!r}, {name!r})"
        port = first + offset
        words = ["env", f"{shapes.FIRST_PORT}={first}", sys.executable, "-m", "flask"]
        words += ["--app", factory, "run", "-p", str(port)]
        commands[f"http://127.0.0.1:{port}/"] = words
    return commands


def shape(stack: ExitStack, server: str | None = None) -> str:
    """The page's URL, with the services of the shape behind it."""
    first = free_ports(len(SHAPE_PORTS))
    environment = {} if server is None else {SERVER_URL: server}
    commands = shape_commands(first, extension=server is not None)
    for command in commands.values():
        stack.enter_context(process(command, **environment))
    for url in commands:
        wait_for(url)
    return page_of(first)


def page_of(first: int) -> str:
    return f"http://127.0.0.1:{first}/page"


def wait_for(url: str) -> None:
    """Wait until a service answers, whatever it says."""
    deadline = time.monotonic() + START_TIMEOUT
    while not answers(url):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        requests.get(url, timeout=TIMEOUT)
    except requests.ConnectionError:
        return False
    return True


# Measuring.


@dataclass(frozen=True, slots=True)
class Added:
    """A case of which the time it adds to the baseline is what matters.

    :ivar name: what to call it.
    :ivar work: does it, and tells how many seconds one took.
    :ivar most_ms: target, the most that it may add, in milliseconds.
    """

    name: str
    work: Work
    most_ms: float | None = None


def compare_added(title: str, cases: Sequence[Added], rounds: int) -> list[float]:
    """Measure cases against the first, print them, and return what each takes, in seconds."""
    for case in cases:
        case.work()
    times: list[list[float]] = [[] for _ in cases]
    order = list(range(len(cases)))
    for _ in range(rounds):
        random.shuffle(order)
        for place in order:
            times[place].append(cases[place].work())
    shown = [Case(case.name, lambda: None) for case in cases]
    show(f"{title}  ({rounds} rounds)", rows_of(shown, times))
    width = max(len(case.name) for case in cases)
    for case, own in zip(cases[1:], times[1:], strict=True):
        pairs = zip(own, times[0], strict=True)
        added = sorted((time - base) * 1000 for time, base in pairs)
        first, _, third = statistics.quantiles(added, n=4, method="inclusive")
        middle = statistics.median(added)
        line = f"  {case.name:{width}}  adds {middle:6.2f} ms  ({first:.2f} to {third:.2f})"
        if case.most_ms is not None:
            line += f"  <= {case.most_ms:g} ms {met(middle <= case.most_ms)}"
        print(line)
    return [statistics.median(own) for own in times]


def met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


# What a call asks of the server.


class Counting(ThreadingHTTPServer):
    """Passes all it receives on to a server, and counts it.

    :param upstream: URL of the server.
    :ivar connections: how many connections there were.
    :ivar received: how many requests there were, by method and first parts of the path.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.upstream = urlsplit(upstream).netloc
        self.connections = 0
        self.received: Counter[str] = Counter()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Counting

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(self.server.upstream, timeout=TIMEOUT)
        with self.server.lock:
            self.server.connections += 1

    def _pass_on(self) -> None:
        what = "/".join(self.path.partition("?")[0].split("/")[:3])
        with self.server.lock:
            self.server.received[f"{self.command} {what}"] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._upstream.request(self.command, self.path, body, dict(self.headers))
        answer = self._upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = _pass_on  # noqa: N815 - names that http.server makes of methods

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
        """What is passed on is counted, not logged."""


@contextmanager
def counting(upstream: str) -> Iterator[Counting]:
    with Counting(upstream) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()


def calls_to_server(*, quick: bool) -> None:
    """How often the server is called, and on how many connections."""
    count = 20 if quick else 200
    print(f"\nCalls to the server that one call makes while explored  ({count} calls)")
    for kind, wanted in CALLS_WANTED.items():
        with ExitStack() as stack:
            server = filibuster_server(stack)
            counted = stack.enter_context(counting(server.url))
            front = service(stack, "caller", counted.url)
            url = service(stack, "callee", counted.url if kind == "instrumented" else None)
            begin(server)
            measured_calls(front, url, count)
            end(server)
            told = {what: many for what, many in counted.received.items() if many >= count}
            connections = counted.connections
            others = sum(counted.received.values()) - sum(told.values())
        a_call = sum(told.values()) / count
        processes = "2 processes" if kind == "instrumented" else "1 process"
        print(f"  {kind} callee: {a_call:g}, wanted {wanted} {met(a_call == wanted)}")
        print(
            f"    on {connections} connections of {processes}; besides, {others} for the request "
            "around the calls"
        )
        for what, many in sorted(told.items()):
            print(f"    {what}: {many / count:g}")


# What a call takes longer.


def begin(server: ServerClient) -> None:
    """Let the first execution of an exploration begin, which injects nothing."""
    assert server.call("GET", "/filibuster/has-next-iteration/1")["has-next-iteration"]


def end(server: ServerClient) -> None:
    server.call("POST", "/filibuster/complete-iteration/1")


def measured_calls(front: str, url: str, count: int) -> list[float]:
    """How long each of some calls took that the caller made in one request."""
    response = requests.get(f"{front}/calls/{count}", {"url": url}, timeout=6 * TIMEOUT)
    response.raise_for_status()
    return [float(seconds) for seconds in response.json()]


def added_to_calls(*, quick: bool) -> None:
    """Time of a call, bare, with nothing explored, and explored."""
    count = 10 if quick else 40

    def calls(front: str, url: str, explored: ServerClient | None = None) -> Work:
        def work() -> float:
            if explored is not None:
                begin(explored)
            seconds = measured_calls(front, url, count)
            if explored is not None:
                end(explored)
            return statistics.median(seconds)

        return work

    with ExitStack() as stack:
        server, idle = filibuster_server(stack), filibuster_server(stack)
        bare, configured = service(stack, "caller"), service(stack, "caller", idle.url)
        front = service(stack, "caller", server.url)
        plain, instrumented = service(stack, "callee"), service(stack, "callee", server.url)
        compare_added(
            f"Call over a kept connection  (medians of {count} calls)",
            [
                Added("bare", calls(bare, plain)),
                Added("bare again", calls(bare, plain)),
                Added("server configured, nothing explored", calls(configured, plain)),
                Added(
                    "explored, uninstrumented callee",
                    calls(front, plain, server),
                    MOST_MS_CALL,
                ),
                Added(
                    "explored, instrumented callee",
                    calls(front, instrumented, server),
                    MOST_MS_CALL,
                ),
            ],
            rounds=3 if quick else 60,
        )


# Executions of a test in the driver's process.


def requested(page: str) -> None:
    """The functional test: the page is there, or says that it is not."""
    assert requests.get(page, timeout=TIMEOUT).status_code in (200, 503)


def driven(server: ServerClient, page: str) -> int:
    """Explore the test with the protocol's own calls, and return how many executions it took."""
    number = 1
    while server.call("GET", f"/filibuster/has-next-iteration/{number}")["has-next-iteration"]:
        requested(page)
        server.call("POST", f"/filibuster/complete-iteration/{number}")
        number += 1
    return number - 1


def executions_per_second(*, quick: bool) -> None:
    with ExitStack() as stack:
        server = filibuster_server(stack)
        bare, page = shape(stack), shape(stack, server.url)
        executions = driven(server, page)

        def requesting(url: str) -> Work:
            def work() -> float:
                began = time.perf_counter()
                for _ in range(executions):
                    requested(url)
                return (time.perf_counter() - began) / executions

            return work

        def exploring() -> float:
            began = time.perf_counter()
            assert driven(server, page) == executions
            return (time.perf_counter() - began) / executions

        *_, seconds = compare_added(
            f"One of the {executions} executions of two required calls, driven from this process",
            [
                Added("bare request", requesting(bare)),
                Added("request, nothing explored", requesting(page)),
                Added("execution", exploring),
            ],
            rounds=2 if quick else 60,
        )
    speed = 1 / seconds
    print(
        f"  {speed:,.0f} executions a second, {speed / PROTOTYPE_PER_SECOND:.1f} times the "
        f"prototype's {PROTOTYPE_PER_SECOND}  {met(speed > PROTOTYPE_PER_SECOND)}"
    )


# Executions of a test that is a command.


def commands_for(first: int, bare: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Commands that request the page; each for the services with the extension, and without."""
    # Both are content with any answer, as the test in this process is.
    code = (
        "from http.client import HTTPConnection as C; from urllib.parse import urlsplit as s; "
        "u = s({!r}); c = C(u.netloc); c.request('GET', u.path); c.getresponse().read()"
    )
    commands: dict[str, tuple[str, ...]] = {"python": (sys.executable, "-c", code)}
    if shutil.which("curl") is not None:
        commands["curl"] = ("curl", "--silent", "--output", os.devnull, "{}")

    def on(url: str, words: Sequence[str]) -> tuple[str, ...]:
        return tuple(word.format(url) for word in words)

    return {name: (on(page_of(first), words), on(bare, words)) for name, words in commands.items()}


def run_bare(command: Sequence[str], count: int) -> float:
    """How long a command takes by itself, in seconds."""
    began = time.perf_counter()
    for _ in range(count):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) / count


def run_explored(subject: CommandSubject, setting: Setting, most: int | None) -> int:
    """Run all executions of an exploration as ``flask filibuster test`` does."""
    search = Options(max_executions=most).explorer({}, setting.config)
    exploration = Exploration(subject.words, search, setting.session)
    exploration.run(subject)
    result = exploration.result()
    assert {each.verdict for each in result.executions} == {"passed"}, result
    return len(result.executions)


def added_to_commands(*, quick: bool) -> None:
    """Time of a command, by itself and as the test of an exploration."""
    with ExitStack() as stack:
        bare = shape(stack)
        first = free_ports(len(SHAPE_PORTS))
        served = shape_commands(first, extension=True)
        start = tuple(shlex.join(command) for command in served.values())
        for name, (command, other) in commands_for(first, bare).items():
            test = CommandTest(command, start, tuple(served), port=0, timeout=TIMEOUT)
            added_to_command(name, test, other, quick=quick)


def added_to_command(name: str, test: CommandTest, other: Sequence[str], *, quick: bool) -> None:
    """The same for one command.

    :param name: what to call it.
    :param test: the command, and the services that it needs.
    :param other: the same command, for services without the extension.
    :param quick: only see whether it works.
    """
    subject = CommandSubject(test, Coordinator(), Config())
    with subject.ready() as setting:

        def explored(most: int | None = 3 if quick else None) -> int:
            return run_explored(subject, setting, most)

        executions = explored()

        def exploring() -> float:
            began = time.perf_counter()
            assert explored() == executions
            return (time.perf_counter() - began) / executions

        def fault_free() -> float:
            began = time.perf_counter()
            for _ in range(executions):
                assert explored(1) == 1
            return (time.perf_counter() - began) / executions

        compare_added(
            f"Execution of a command of {name}, {executions} in an exploration",
            [
                Added("the command by itself", lambda: run_bare(other, executions)),
                Added("nothing explored", lambda: run_bare(test.command, executions)),
                Added("execution without faults", fault_free, MOST_MS_COMMAND),
                Added("execution", exploring, MOST_MS_COMMAND),
            ],
            rounds=2 if quick else 12,
        )


def main() -> None:
    quick = arguments(__doc__).quick
    # So that what is started is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    # A proxy that the environment names must not come between.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    calls_to_server(quick=quick)
    added_to_calls(quick=quick)
    executions_per_second(quick=quick)
    added_to_commands(quick=quick)


if __name__ == "__main__":
    main()
