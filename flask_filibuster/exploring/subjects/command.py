"""The subject for a test command, in any language, with services in processes of their own."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from flask_filibuster._version import __version__
from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import EXECUTION
from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.following import Show
from flask_filibuster.exploring.processes import CommandRun, Commands, Services
from flask_filibuster.exploring.session import Session
from flask_filibuster.exploring.subjects.base import InThreads, Setting
from flask_filibuster.exploring.subjects.names import journal_name
from flask_filibuster.instrumentation.asking import HEADERS
from flask_filibuster.journal.recorder import SourcesOf, unknown_sources
from flask_filibuster.protocol.headers import REQUEST_ID, SIGNATURE, signed_parts
from flask_filibuster.results.bug import TestFailedError
from flask_filibuster.results.execution import Observation
from flask_filibuster.server.conductor import Conductor
from flask_filibuster.server.execution import TestExecution
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import seal_of

SERVER_URL = "FILIBUSTER_SERVER_URL"
TOKEN = "FILIBUSTER_TOKEN"  # noqa: S105 - the name of the variable


@dataclass(frozen=True, slots=True)
class CommandTest:
    """A test command, and its services.

    :ivar command: program and arguments; exit code 0 is a pass.
    :ivar start: command lines of services to start before the command and to end after it.
    :ivar ready: URLs that must answer before the first execution.
    :ivar host: host that the server listens on.
    :ivar port: its port; 0 for any free port.
    :ivar timeout: maximum duration of the command, in seconds.
    :ivar start_timeout: time for the services to answer, in seconds.
    """

    command: tuple[str, ...]
    start: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 5005
    timeout: float = 120.0
    start_timeout: float = 60.0

    @property
    def words(self) -> str:
        """The command as typed in a shell."""
        return shlex.join(self.command)

    def to_json(self) -> dict[str, Any]:
        """Plain data for :meth:`from_json`."""
        return {
            "command": list(self.command),
            "start": list(self.start),
            "ready": list(self.ready),
            "host": self.host,
            "port": self.port,
            "timeout": self.timeout,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CommandTest:
        """Read the data of :meth:`to_json`.

        :raises KeyError, TypeError, ValueError: the data is invalid.
        """
        command = tuple(map(str, content["command"]))
        if not command:
            raise ValueError("the command is empty")
        return cls(
            command,
            tuple(map(str, content.get("start", ()))),
            tuple(map(str, content.get("ready", ()))),
            str(content.get("host", "127.0.0.1")),
            int(content.get("port", 5005)),
            float(content.get("timeout", 120.0)),
        )


class CommandFailedError(TestFailedError):
    """A command has failed.

    :param text: the failure, in one line.
    :param kind: equal for executions with the same failure.
    :param output: the end of the command's output.
    """

    def __init__(self, text: str, kind: str, output: str = "") -> None:
        super().__init__(text, kind)
        self.output = output


@dataclass(slots=True)
class _Running:
    """The server and the services around a command during its exploration."""

    url: str
    services: Services
    commands: Commands
    session: Session


class CommandSubject:
    """A command, with services in processes of their own.

    :param test: the command.
    :param conductor: the server of the services, over HTTP.
    :param config: gives the time to wait for threads and calls after an execution.
    :param token: the shared secret, or ``None``.
    :param show: shows the output of the services and the command; ``None``: it is not shown.
    """

    ending = (signal.SIGTERM, signal.SIGHUP)

    def __init__(
        self,
        test: CommandTest,
        conductor: Conductor,
        config: Config,
        *,
        token: str | None = None,
        show: Show | None = None,
    ) -> None:
        self._test = test
        self._conductor = conductor
        self._config = config
        self._seal = seal_of(token)
        self._show = show
        self._numbers = count(1)
        self._several = False
        self._open: _Running | None = None

    def __repr__(self) -> str:
        return f"<CommandSubject {self.words!r}>"

    @property
    def words(self) -> str:
        """The command as typed in a shell."""
        return self._test.words

    @property
    def details(self) -> Mapping[str, Any]:
        """The command, its services and the address of the server."""
        return self._test.to_json()

    def replay_command(self, path: Path) -> str:
        """The command that replays a counterexample."""
        return f"flask filibuster replay {path}"

    def identity(self, *, unique: bool) -> str:  # noqa: ARG002 - it always is
        """The command, with a digest of its details."""
        return journal_name(self.words, self.details)

    @contextmanager
    def ready(self, settle: float | None = None) -> Iterator[Setting]:
        """Run the server and the services while the block runs.

        :param settle: time to wait for threads and calls after each execution, in seconds.
        :raises SetupError: the command, the server or a service cannot be started.
        """
        test = self._test
        if shutil.which(test.command[0]) is None:
            # Before the services start, rather than in the middle of the first execution.
            raise SetupError(f"cannot run {test.words}: no such program")
        app = create_app(self._conductor, version=__version__, seal=self._seal)
        with (
            Serving(app, test.host, test.port) as serving,
            Services(
                test.start, test.ready, {SERVER_URL: serving.url}, test.start_timeout, self._show
            ) as services,
        ):
            timeout = self._config.timeout if settle is None else settle
            session = Session(timeout=timeout, server=self._conductor.embedded)
            self._open = _Running(serving.url, services, Commands(self._show), session)
            try:
                yield Setting({}, self._config, session)
            finally:
                self._open = None

    @property
    def _running(self) -> _Running:
        if self._open is None:
            raise RuntimeError("the services exist only inside ready()")
        return self._open

    def run(self, faults: FaultSet) -> Observation:
        """Run the command once.

        :raises SetupError: a service has ended, or the executions cannot be distinguished.
        """
        return self.timed(faults)[1]

    def timed(self, faults: FaultSet) -> tuple[float, Observation]:
        """Run the command once, and return its own duration, in seconds.

        :raises SetupError: a service has ended, or the executions cannot be distinguished.
        """
        running = self._running
        execution = running.session.begin(faults)
        try:
            environment = self._environment(running, execution)
            began = time.perf_counter()
            run = running.commands.run(self._test.command, environment, self._test.timeout)
            seconds = time.perf_counter() - began
            running.services.check()
            self._check_distinct(execution)
        except BaseException:
            running.session.abandon(execution)
            raise
        return seconds, running.session.observe(execution, error_of(run, self._test.timeout))

    def _check_distinct(self, execution: TestExecution) -> None:
        """Check that parallel executions can be distinguished.

        :raises SetupError: they cannot.
        """
        about = execution.unidentified
        if not self._several or about is None:
            return
        how = f"with {REQUEST_ID} {about!r}" if about else f"without {REQUEST_ID}"
        raise SetupError(
            f"workers run several executions at once, which only {REQUEST_ID} distinguishes, but "
            f"a request arrived {how}; send the headers in {HEADERS} with each request of the "
            "command, or use --workers 0"
        )

    def _environment(self, running: _Running, execution: TestExecution) -> dict[str, str]:
        headers = {REQUEST_ID: execution.new_request_id()}
        if self._seal is not None:
            headers[SIGNATURE] = self._seal.sign(*signed_parts(headers))
        return {
            SERVER_URL: running.url,
            HEADERS: json.dumps(headers),
            EXECUTION: str(next(self._numbers)),
        }

    def kept(self, observation: Observation) -> str:
        """The output of a failed command."""
        return output_of(observation.error)

    def sources(self, *, needed: bool) -> SourcesOf:
        """Unknown, because the services are separate processes.

        :raises SetupError: the source files are needed.
        """
        if needed:
            raise SetupError(
                "Filibuster can't detect changes in services that run as separate processes, so "
                "--changed doesn't apply to commands; --resume continues an interrupted exploration"
            )
        return unknown_sources

    def beside(self) -> InThreads:
        """Several commands in parallel, with the same services: request ids distinguish them."""
        self._several = True
        return InThreads(self._running.commands.stop)


def output_of(error: BaseException | None) -> str:
    """The end of a failed command's output; empty for any other error."""
    return error.output if isinstance(error, CommandFailedError) else ""


def error_of(run: CommandRun, timeout: float) -> CommandFailedError | None:
    """The failure of a command; ``None`` if its exit code is 0."""
    if run.code == 0:
        return None
    if run.code is None:
        how = f"timed out after {timeout:g} s"
    elif run.code < 0:
        how = f"killed by {_signal_name(-run.code)}"
    else:
        how = f"exit code {run.code}"
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    return CommandFailedError(f"{how}: {lines[-1]}" if lines else how, how, run.output)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
