"""What a counterexample is about, and how that is run again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import click
from flask.cli import ScriptInfo

from flask_filibuster.cli.setup import token
from flask_filibuster.cli.target import Target, load_target
from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.load import Run
from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.exploring.subjects.command import CommandRunner, CommandTest
from flask_filibuster.exploring.subjects.function import run_once
from flask_filibuster.exploring.subjects.request import Request
from flask_filibuster.report import text
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import Execution, judged
from flask_filibuster.results.findings import find


class Replayer(Protocol):
    """Runs a counterexample again, any number of times, while it is entered.

    :ivar survivor: who is well if it does not fail, in words.
    """

    survivor: str

    def run(self) -> Run:
        """Run it once."""

    def __enter__(self) -> Replayer:  # noqa: PYI034 - Self came with Python 3.11
        """Set up what it needs around it."""

    def __exit__(self, *details: object) -> None:
        """Take that down again."""


def replayer_of(
    info: ScriptInfo, counterexample: Counterexample, file: Path, *, verbose: bool
) -> Replayer:
    """What runs a counterexample again.

    :param info: Flask's knowledge of ``--app``.
    :param counterexample: the counterexample.
    :param file: where it is from.
    :param verbose: whether to show what apps log.
    :raises click.UsageError: the file is damaged.
    """
    details = counterexample.details
    try:
        if "command" in details:
            return CommandReplayer(_command(details), counterexample)
        if "request" in details:
            request = Request.from_json(details["request"])
            services_from = details["services"]
            services_from = None if services_from is None else str(services_from)
            target = load_target(info, services_from)
            return RequestReplayer(request, target, counterexample, verbose=verbose)
    except (KeyError, TypeError, ValueError) as error:
        raise click.UsageError(f"{file} is damaged: {error!r}") from error
    if details.keys() <= {"rootdir"}:
        return PytestReplayer(counterexample, file)
    raise click.UsageError(f"{file} is damaged: it is about no test, command or request")


def _command(details: Mapping[str, Any]) -> CommandTest:
    command = tuple(map(str, details["command"]))
    if not command:
        raise ValueError("the command is empty")
    return CommandTest(
        command,
        tuple(map(str, details.get("start", ()))),
        tuple(map(str, details.get("ready", ()))),
        str(details.get("host", "127.0.0.1")),
        int(details.get("port", 5005)),
        float(details.get("timeout", 120.0)),
    )


class RequestReplayer:
    """Runs a request to an app among services in this process."""

    survivor = "the app survives"

    def __init__(
        self, request: Request, target: Target, counterexample: Counterexample, *, verbose: bool
    ) -> None:
        self._request = request
        self._target = target
        self._faults = counterexample.fault_set
        self._verbose = verbose
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._runs = 0
        self._hush = ExitStack()

    def __enter__(self) -> RequestReplayer:  # noqa: PYI034 - Self came with Python 3.11
        self._around = self._stack.enter_context(surroundings(self._target.services))
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def run(self) -> Run:
        """Make the request once."""
        session = Session(timeout=self._around.config.timeout)
        took: list[float] = []

        def test() -> None:
            began = time.perf_counter()
            try:
                self._request.send(self._target.base_url)
            finally:
                took.append(time.perf_counter() - began)

        with self._quiet():
            observation = run_once(test, session, self._faults, self._around)
        return run_of(took[0], judged(self._faults, observation))

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Keep the apps quiet from the first to the last of the runs that overlap.

        All threads have one stdout, which no run may give back while another goes on.
        """
        with self._lock:
            if not self._runs:
                self._hush.enter_context(quiet(unless=self._verbose))
            self._runs += 1
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                if not self._runs:
                    self._hush.close()


class CommandReplayer:
    """Runs a command among services of their own."""

    survivor = "the command succeeds"

    def __init__(self, test: CommandTest, counterexample: Counterexample) -> None:
        self._faults = counterexample.fault_set
        secret = token()
        self._runner = CommandRunner(test, Coordinator(config=Config()), secret)
        self._stack = ExitStack()
        self._url = ""

    def __enter__(self) -> CommandReplayer:  # noqa: PYI034
        self._url, self._services = self._stack.enter_context(self._runner.surroundings())
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def run(self) -> Run:
        """Run the command once."""
        seconds, execution = self._runner.replay_once(self._faults, self._url)
        self._services.check()
        return run_of(seconds, execution)


class PytestReplayer:
    """Runs a marked test, by a pytest of its own; its time includes that of pytest."""

    survivor = "the test passes"

    def __init__(self, counterexample: Counterexample, file: Path) -> None:
        root = counterexample.details.get("rootdir")
        self._root = str(root) if root is not None and os.path.isdir(str(root)) else None
        self._command = [
            *(sys.executable, "-m", "pytest", "-q", "--no-header", "--color=no"),
            *(counterexample.test, "--filibuster-replay", str(file.absolute())),
        ]

    def __enter__(self) -> PytestReplayer:  # noqa: PYI034
        return self

    def __exit__(self, *details: object) -> None:
        """Nothing is left."""

    def run(self) -> Run:
        """Run pytest once."""
        began = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - the command is ours, but for the test's name
            self._command, cwd=self._root, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        verdict = {0: "passed", 1: "failed"}.get(done.returncode, "inconclusive")
        if verdict == "passed":
            return Run(seconds, verdict)
        words = ": reproduced: "
        lines = done.stdout.splitlines() + done.stderr.splitlines()
        said = next((line.partition(words)[2] for line in lines if words in line), "")
        return Run(seconds, verdict, "\n".join(filter(None, (said, *lines))))


def run_of(seconds: float, execution: Execution) -> Run:
    """An execution as a run of the counterexample."""
    if execution.verdict == "inconclusive":
        return Run(seconds, "inconclusive", "\n".join(execution.problems))
    nothing = Execution(0, FaultSet(), Trace(), "passed")
    broken = [finding for finding in find([nothing, execution]) if finding.broken]
    why = [] if execution.error is None else [text.error_line(execution.error)]
    for finding in broken:
        why.append(finding.message)
        if finding.site is not None:
            why.append(f"at {text.site_text(finding.site)}")
    return Run(seconds, "failed" if why else "passed", "\n".join(why))
