"""Replays counterexamples of requests, tests and commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import click
from flask.cli import ScriptInfo

from flask_filibuster.cli.setup import token
from flask_filibuster.cli.target import command_prefix, load_target
from flask_filibuster.cli.terminal import show_line
from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.load import Run
from flask_filibuster.exploring.subjects.added import NOTHING_ADDED, Added
from flask_filibuster.exploring.subjects.base import PreparedSubject
from flask_filibuster.exploring.subjects.command import CommandSubject, CommandTest
from flask_filibuster.exploring.subjects.request import (
    Request,
    RequestSubject,
    RequestTest,
)
from flask_filibuster.report import text
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import Execution, judged
from flask_filibuster.results.judging import judge


class Replayer(Protocol):
    """Replays a counterexample any number of times, within its context.

    :ivar survivor: what a passed execution means, in words.
    """

    survivor: str

    def run(self) -> Run:
        """Run it once."""

    def __enter__(self) -> Replayer:  # noqa: PYI034 - Self came with Python 3.11
        """Set up the surroundings."""

    def __exit__(self, *details: object) -> None:
        """Tear the surroundings down."""


def replayer_of(
    info: ScriptInfo, counterexample: Counterexample, file: Path, *, verbose: bool
) -> Replayer:
    """The replayer of a counterexample.

    :param info: Flask's knowledge of ``--app``.
    :param counterexample: the counterexample.
    :param file: its file.
    :param verbose: whether to show what apps log.
    :raises click.UsageError: the file is damaged.
    """
    details = counterexample.details
    try:
        if "command" in details:
            subject: PreparedSubject = _command(details, verbose=verbose)
            return SubjectReplayer(subject, "the command succeeds", counterexample.fault_set)
        if "request" in details:
            subject = _request(info, details, verbose=verbose)
            return SubjectReplayer(subject, "the app handles the faults", counterexample.fault_set)
    except (KeyError, TypeError, ValueError) as error:
        raise click.UsageError(f"{file} is damaged: {error!r}") from error
    if details.keys() <= {"rootdir", "assertions"}:
        return PytestReplayer(counterexample, file)
    raise click.UsageError(f"{file} is damaged: no test, command or request in it")


def _command(details: Mapping[str, Any], *, verbose: bool) -> CommandSubject:
    return CommandSubject(
        CommandTest.from_json(details),
        Coordinator(),
        Config(),
        token=token(),
        show=show_line if verbose else None,
    )


def _request(info: ScriptInfo, details: Mapping[str, Any], *, verbose: bool) -> RequestSubject:
    request = Request.from_json(details["request"])
    services_from = details["services"]
    added = Added.from_json(details["added"]) if "added" in details else NOTHING_ADDED
    target = load_target(info, None if services_from is None else str(services_from), added)
    return RequestSubject(
        RequestTest(request, target.base_url, verbose),
        target.services,
        target.services_from,
        command_prefix(info),
    )


class SubjectReplayer:
    """Replays a subject among its services, any number of times, also concurrently.

    :param subject: the subject.
    :param survivor: what a passed execution means, in words.
    :param faults: the faults to inject.
    """

    def __init__(self, subject: PreparedSubject, survivor: str, faults: FaultSet) -> None:
        self.survivor = survivor
        self._subject = subject
        self._faults = faults
        self._stack = ExitStack()

    def __enter__(self) -> SubjectReplayer:  # noqa: PYI034 - Self came with Python 3.11
        with ExitStack() as stack:
            stack.enter_context(Interruption(*self._subject.ending))
            stack.enter_context(self._subject.ready())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def run(self) -> Run:
        """Run it once."""
        seconds, observation = self._subject.timed(self._faults)
        return run_of(seconds, judged(self._faults, observation))


class PytestReplayer:
    """Replays a marked test in a pytest process; latencies include pytest's start."""

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
        """Nothing to tear down."""

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
    found = judge([nothing, execution]).findings
    broken = [finding for finding in found if finding.broken]
    why = [] if execution.error is None else [text.error_line(execution.error)]
    for finding in broken:
        why.append(finding.message)
        if finding.site is not None:
            why.append(f"at {text.site_text(finding.site)}")
    return Run(seconds, "failed" if why else "passed", "\n".join(why))
