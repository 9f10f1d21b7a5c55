"""Services, servers and commands as processes of their own, below a directory."""

from __future__ import annotations

import functools
import importlib.util
import os
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from flask.cli import cli

from tests.support.embedded import program
from tests.support.ports import ports
from tests.support.suites import OURS_ONLY

ROOT = Path(__file__).parents[2]
Done = subprocess.CompletedProcess[str]
PATIENCE = 60.0


def needs_installed(*modules: str) -> None:
    """Skip the test if one is missing, without an import: some patch the process at once."""
    for module in modules:
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            pytest.skip(f"{module} is not installed")


SERVICES = program("services.py")
COMMAND = program("check.py")
SERVING = program("serving.py")


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in vain, for {seconds:g} s: {what}"
        time.sleep(0.01)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def is_alive(process: int) -> bool:
    """Whether a process runs; one that is only waiting for its parent to look at it does not."""
    try:
        os.kill(process, 0)
        status = Path(f"/proc/{process}/stat").read_text()
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def environment(**more: object) -> dict[str, str]:
    """Variables for a process that is to know nothing of the one that runs these tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FILIBUSTER_", "FLASK_", "PYTEST_", "SHAPES_", "COV_"))
    }
    own = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return kept | own | OURS_ONLY | {name: str(value) for name, value in more.items()}


class Running:
    """A process that was started, with all that it starts in its group.

    :ivar process: the process.
    """

    def __init__(self, command: list[str], path: Path, environ: Mapping[str, str]) -> None:
        self._output = path / f"output-{time.monotonic_ns()}.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=path,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str) -> None:
        """Wait until it has written something."""

        def ended_or_said() -> bool:
            ended = self.process.poll() is not None
            return words in self.output or ended

        wait_until(ended_or_said, f"{words!r} of {self.process.args!r}")
        assert words in self.output

    def ends(self, seconds: float = PATIENCE) -> int:
        """Wait for its end, and return its exit code."""
        return self.process.wait(seconds)

    def signal(self, number: int) -> None:
        """Send a signal to this process alone."""
        self.process.send_signal(number)

    def end(self) -> None:
        """End it and its group."""
        self.end_group(self.process.pid)
        self.process.wait()

    @staticmethod
    def end_group(process: int) -> None:
        """End the group that a process leads."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process, signal.SIGKILL)


@contextmanager
def running(command: list[str], path: Path, environ: Mapping[str, str]) -> Iterator[Running]:
    """A process, until the end of the block."""
    started = Running(command, path, environ)
    try:
        yield started
    finally:
        started.end()


def forget(path: Path) -> None:
    """Forget the modules of a directory, which may change."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(path)):
            del sys.modules[name]


class Project:
    """A directory with two services, front and back, and with tests of front.

    :ivar path: the directory.
    :ivar front: the port of front.
    :ivar back: the port of back.
    :ivar server: a port for a Filibuster server.
    """

    PORTS = 3
    """How many ports it needs, in a row."""

    def __init__(self, path: Path, first_port: int) -> None:
        self.path = path
        self.front, self.back, self.server = range(first_port, first_port + 3)
        self.write("services.py", SERVICES)
        self.write("check.py", COMMAND)
        self.write("serving.py", SERVING)

    @property
    def server_url(self) -> str:
        return f"http://127.0.0.1:{self.server}"

    @property
    def environ(self) -> dict[str, str]:
        return environment(FRONT_PORT=self.front, BACK_PORT=self.back)

    @property
    def processes(self) -> list[int]:
        """The processes that have said that they are there."""
        file = self.path / "pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def write(self, name: str, source: str) -> None:
        (self.path / name).write_text(textwrap.dedent(source), encoding="utf-8")

    def service(self, name: str) -> list[str]:
        """The command that runs a service."""
        port = {"front": self.front, "back": self.back}[name]
        flask = [sys.executable, "-m", "flask", "--app", f"services:create_{name}()"]
        return [*flask, "run", "-p", str(port)]

    def served(self, *names: str) -> list[str]:
        """The command that runs services, both unless some are named."""
        return [sys.executable, "serving.py", *(names or ("front", "back"))]

    @property
    def started(self) -> list[str]:
        """Options that have ``flask filibuster test`` start both."""
        return ["--start", shlex.join(self.served())]

    def command(
        self, path: str = "/careful", script: str = "check.py", *, packages: bool = False
    ) -> list[str]:
        """The end of the arguments of ``flask filibuster test``.

        Python starts sooner without packages, which few scripts need.
        """
        options = [] if packages else ["-S"]
        return ["--", sys.executable, *options, str(self.path / script), path]

    def filibuster(self, *arguments: str) -> list[str]:
        """The command ``flask filibuster …``."""
        return [sys.executable, "-m", "flask", "filibuster", *arguments]

    def run(self, command: list[str], **environ: object) -> Done:
        """Run a command to its end."""
        more = {name: str(value) for name, value in environ.items()}
        return subprocess.run(
            command,
            cwd=self.path,
            env=self.environ | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def flask(self, *arguments: str, **environ: object) -> Done:
        """Run ``flask filibuster …`` to its end, in this process: a new one takes its time."""
        more = {name: str(value) for name, value in environ.items()}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.path)
            patch.setattr(sys, "path", list(sys.path))
            patch.setattr(sys, "dont_write_bytecode", True)
            for name in set(os.environ) - set(self.environ):
                patch.delenv(name)
            for name, value in (self.environ | more | {"FLASK_RUN_FROM_CLI": "true"}).items():
                patch.setenv(name, value)
            try:
                told = ["filibuster", *arguments]
                result = CliRunner().invoke(cli, told, catch_exceptions=False)
            finally:
                forget(self.path)
        return Done(told, result.exit_code, result.stdout, result.stderr)

    def test(self, *arguments: str, **environ: object) -> Done:
        """Run ``flask filibuster test …`` among services that it starts."""
        return self.flask("test", "--port", "0", *self.started, *arguments, **environ)

    def pytest(self, *arguments: str, **environ: object) -> Done:
        """Run pytest in the directory."""
        return self.run(self.pytest_command(*arguments), **environ)

    def pytest_command(self, *arguments: str) -> list[str]:
        if not (self.path / "pytest.ini").exists():
            self.write("pytest.ini", "[pytest]\naddopts = --strict-markers\n")
            if not (self.path / "test_it.py").exists():
                self.write("test_it.py", program("marked.py"))
        return [sys.executable, "-m", "pytest", "--color=no", "-pno:cacheprovider", *arguments]

    @contextmanager
    def services(self, *names: str, **environ: object) -> Iterator[None]:
        """The services as processes, told of the server."""
        more = {"FILIBUSTER_SERVER_URL": self.server_url}
        more.update({name: str(value) for name, value in environ.items()})
        with running(self.served(*names), self.path, self.environ | more):
            for name in names or ("front", "back"):
                port = {"front": self.front, "back": self.back}[name]
                wait_until(functools.partial(listens, port), name)
            yield

    @contextmanager
    def serving(self, *options: str) -> Iterator[Running]:
        """``flask filibuster serve``, until the end of the block."""
        command = self.filibuster("serve", "--port", str(self.server), *options)
        with running(command, self.path, self.environ) as server:
            server.says("Filibuster server at")
            yield server

    def answer(self, path: str = "careful") -> str:
        """What front answers."""
        return requests.get(f"http://127.0.0.1:{self.front}/{path}", timeout=30).text

    def counterexamples(self) -> list[Path]:
        return sorted((self.path / ".filibuster").glob("*.json"))

    def nothing_is_left(self) -> None:
        """No process that said that it is there is there still, and no port is taken."""
        assert self.processes
        wait_until(
            lambda: not any(is_alive(each) for each in self.processes),
            "the end of all processes",
            seconds=2,
        )
        assert not listens(self.front)
        assert not listens(self.back)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with ports(Project.PORTS) as first:
        yield Project(tmp_path, first)
