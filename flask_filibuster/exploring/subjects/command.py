"""Explore a functional test that is a command, in any language, among running services."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask_filibuster._version import __version__
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError, SetupError
from flask_filibuster.exploring.driven.conducted import Exploration
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.keeping import Keeping
from flask_filibuster.exploring.processes import CommandRun, Services, run_command
from flask_filibuster.instrumentation.asking import HEADERS
from flask_filibuster.journal.memory import Memory
from flask_filibuster.protocol.headers import REQUEST_ID, SIGNATURE, signed_parts
from flask_filibuster.report.text import error_line
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result
from flask_filibuster.server.conductor import Verdict
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import seal_of

SERVER_URL = "FILIBUSTER_SERVER_URL"
TOKEN = "FILIBUSTER_TOKEN"  # noqa: S105 - the name of the variable
EXECUTION = "FILIBUSTER_EXECUTION"


@dataclass(frozen=True, slots=True)
class CommandTest:
    """A functional test that is a command, and what it needs around it.

    :ivar command: program and arguments; exit code 0 is a pass.
    :ivar start: command lines of services to start before, and to end after.
    :ivar ready: URLs that have to answer before the first execution.
    :ivar host: where the server listens.
    :ivar port: its port; 0 for any that is free.
    :ivar timeout: how long the command may take, in seconds.
    :ivar start_timeout: how long the services may take to answer, in seconds.
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
        """The command, as one would type it."""
        return shlex.join(self.command)


@dataclass(slots=True)
class CommandResult:
    """What came of exploring a command.

    :ivar result: what was found.
    :ivar outputs: the end of the output of executions that failed, by their numbers.
    :ivar interrupted: why it did not come to its end; ``None`` if it did.
    :ivar kept: whether its executions are in a journal, from which it can go on.
    """

    result: Result
    outputs: dict[int, str] = field(default_factory=dict)
    interrupted: BaseException | None = None
    kept: bool = False

    @property
    def reached(self) -> bool:
        """Whether any service asked the server what to do."""
        return any(each.trace.handlings for each in self.result.executions)


class CommandRunner:
    """Runs a command under one fault set after the other.

    :param test: the command.
    :param coordinator: what it is explored by.
    :param token: the shared secret, or ``None``.
    """

    def __init__(self, test: CommandTest, coordinator: Coordinator, token: str | None) -> None:
        self._test = test
        self._coordinator = coordinator
        self._token = token
        self._interruption = Interruption(signal.SIGTERM, signal.SIGHUP)

    def run(
        self,
        exploration: Exploration,
        progress: Callable[[Any, Execution], None] | None = None,
    ) -> CommandResult:
        """Run all executions of an exploration, with server and services around them.

        :raises SetupError: the server or a service cannot be started.
        """
        found = CommandResult(Result())
        with self.surroundings() as (url, services):
            try:
                self._run_all(exploration, url, services, found, progress)
            except (KeyboardInterrupt, Exception) as error:
                if isinstance(error, FilibusterError) and not exploration.search.executed:
                    raise  # Nothing has come of it yet: it was set up wrongly.
                found.interrupted = error
                exploration.abandon()
        found.result = self._coordinator.result(exploration.name)
        return found

    @contextmanager
    def surroundings(self) -> Iterator[tuple[str, Services]]:
        """The server and the services, for the time of the block, however it ends.

        :raises SetupError: the command, the server or a service cannot be started.
        """
        test = self._test
        if shutil.which(test.command[0]) is None:
            # Said before anything is started, and not in the middle of the first execution.
            raise SetupError(f"cannot run {test.words}: there is no such program")
        app = create_app(self._coordinator, version=__version__, seal=seal_of(self._token))
        with self._interruption, Serving(app, test.host, test.port) as serving:
            environment = {SERVER_URL: serving.url}
            services = Services(test.start, test.ready, environment, test.start_timeout)
            with services:
                yield serving.url, services

    def _run_all(
        self,
        exploration: Exploration,
        url: str,
        services: Services,
        found: CommandResult,
        progress: Callable[[Any, Execution], None] | None,
    ) -> None:
        number = 1
        while exploration.has_next(number) is not None:
            with self._interruption.noticed():
                run = self.run_once(exploration, url)
                services.check()
            verdict = verdict_of(run, self._test.timeout)
            kept = run.output if verdict.failed else ""
            execution = exploration.complete(number, verdict, kept)
            if execution.verdict != "passed":
                found.outputs[execution.number] = run.output
            if progress is not None:
                progress(exploration.search, execution)
            number += 1

    def run_once(self, exploration: Exploration, url: str) -> CommandRun:
        """Run the command in the execution that is under way."""
        current = exploration.under_way
        headers: dict[str, str] = {}
        if current is not None:
            headers[REQUEST_ID] = current.execution.new_request_id()
        seal = seal_of(self._token)
        if seal is not None:
            headers[SIGNATURE] = seal.sign(*signed_parts(headers))
        environment = {
            SERVER_URL: url,
            HEADERS: json.dumps(headers),
            EXECUTION: str(current.number if current is not None else 0),
        }
        return run_command(self._test.command, environment, self._test.timeout)

    def replay_once(self, faults: FaultSet, url: str) -> tuple[float, Execution]:
        """Run the command once more under these faults, beside others that do the same.

        :returns: how many seconds the command took, and the execution.
        """
        exploration = self._coordinator.open(self._test.words, faults)
        exploration.has_next(1)
        began = time.perf_counter()
        run = self.run_once(exploration, url)
        seconds = time.perf_counter() - began
        execution = exploration.complete(1, verdict_of(run, self._test.timeout))
        exploration.abandon()  # There is no second execution.
        return seconds, execution


def verdict_of(run: CommandRun, timeout: float) -> Verdict:
    """The verdict that a command's end means."""
    if run.code == 0:
        return Verdict(failed=False)
    if run.code is None:
        how = f"it did not end within {timeout:g} s"
    elif run.code < 0:
        how = f"it was killed by {_signal_name(-run.code)}"
    else:
        how = f"exit code {run.code}"
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    return Verdict(failed=True, error=f"{how}: {lines[-1]}" if lines else how, signature=how)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def explore_command(
    test: CommandTest,
    coordinator: Coordinator,
    *,
    faults: FaultSet | None = None,
    token: str | None = None,
    progress: Callable[[Any, Execution], None] | None = None,
    keeping: Keeping | None = None,
) -> CommandResult:
    """Explore a command, or run it once under the faults of a counterexample.

    :param test: the command.
    :param coordinator: decides on the faults.
    :param faults: the only fault set to run; ``None``: all that can show something new.
    :param token: the shared secret, or ``None``.
    :param progress: called after each execution, with the search and the execution.
    :param keeping: what is kept of it, and taken from there.
    :raises SetupError: the server or a service cannot be started.
    :raises JournalError: the journal cannot be used.
    """
    runner = CommandRunner(test, coordinator, token)
    if keeping is None or faults is not None:
        return runner.run(coordinator.open(test.words, faults), progress)
    with keeping.run() as kept:
        memory = None if kept is None else Memory(kept, error_line=error_line)
        found = runner.run(coordinator.open(test.words, memory=memory), progress)
        if memory is not None:
            found.kept = True
            for execution, output in memory.recalled:
                if execution.verdict != "passed":
                    found.outputs[execution.number] = output
        if kept is not None and found.result.problems:
            kept.finish("lost")
        elif kept is not None and found.interrupted is not None:
            kept.finish("interrupted")
    return found
