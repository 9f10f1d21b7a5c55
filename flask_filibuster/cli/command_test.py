"""``flask filibuster test -- COMMAND``: explore a functional test in any language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from flask_filibuster.cli.ending import end, interrupted_at_first
from flask_filibuster.cli.options import options_from
from flask_filibuster.cli.setup import coordinator_of, recording_of, token, warn_of_host, workers_of
from flask_filibuster.cli.terminal import Progress, show_line
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.explore import Explored, explore_subject
from flask_filibuster.exploring.options import Settings
from flask_filibuster.exploring.subjects.command import CommandSubject, CommandTest, output_of
from flask_filibuster.report.document import About
from flask_filibuster.results.result import Result


def run(
    *,
    argv: tuple[str, ...],
    start: tuple[str, ...],
    ready: tuple[str, ...],
    timeout: float,
    start_timeout: float,
    host: str,
    port: int,
    rendering: str,
    classes: bool,
    **given: Any,
) -> None:
    """Explore a command, and print the report."""
    test = CommandTest(argv, start, ready, host, port, timeout, start_timeout)
    try:
        warn_of_host(host)
        subject, explored = _explore(test, options_from("test", given))
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as error:
        raise SystemExit(interrupted_at_first(error)) from error
    explored = replace(explored, result=_reached(explored.result))
    outputs = _outputs(explored)
    about = About(test.words)
    raise SystemExit(
        end(explored, subject, about, rendering=rendering, classes=classes, outputs=outputs)
    )


def _explore(test: CommandTest, options: Settings) -> tuple[CommandSubject, Explored]:
    coordinator = coordinator_of(options)
    subject = CommandSubject(
        test,
        coordinator,
        coordinator.config,
        token=token(),
        show=show_line if options.verbose else None,
    )
    recording = recording_of(subject, options)
    with Progress() as progress, workers_of(options) as workers:
        explored = explore_subject(
            subject,
            coordinator.options,
            recording=recording,
            workers=workers,
            progress=progress,
            begun=coordinator.watch,
        )
    return subject, explored


def _reached(result: Result) -> Result:
    """The result, marked as incomplete if no service contacted the server."""
    if result.failures or any(each.trace.handlings for each in result.executions):
        return result
    return result.incomplete(
        "No fault injected: no service contacted the server. Set FILIBUSTER_SERVER_URL for the "
        "services, and check that they have Filibuster(app). With FILIBUSTER_TOKEN, the command "
        "must send the headers in FILIBUSTER_HEADERS."
    )


def _outputs(explored: Explored) -> dict[int, str]:
    """The end of the output of executions that failed, by their numbers."""
    outputs = {each.number: output_of(each.error) for each in explored.result.executions}
    recalled = {execution.number: output for execution, output in explored.recalled}
    return outputs | recalled
