"""``flask filibuster test -- COMMAND``: explore a functional test in any language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from flask_filibuster.cli.ending import (
    FOUND,
    MISUSED,
    broken_off,
    interrupted_at_first,
    print_json,
    write_counterexamples,
)
from flask_filibuster.cli.options import options_from
from flask_filibuster.cli.printing import print_broken_findings, print_classes, print_the_rest
from flask_filibuster.cli.setup import coordinator_of, recording_of, token, warn_of_host, workers_of
from flask_filibuster.cli.terminal import Progress, heading, indented, show_line
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.explore import Explored, explore_subject
from flask_filibuster.exploring.options import Settings
from flask_filibuster.exploring.subjects.command import CommandSubject, CommandTest, output_of
from flask_filibuster.report import text
from flask_filibuster.results.result import Result

_LINES = 30


def run(
    *,
    argv: tuple[str, ...],
    start: tuple[str, ...],
    ready: tuple[str, ...],
    timeout: float,
    start_timeout: float,
    host: str,
    port: int,
    as_json: bool,
    classes: bool,
    **given: Any,
) -> None:
    """Explore a command, and print what was found."""
    test = CommandTest(argv, start, ready, host, port, timeout, start_timeout)
    try:
        warn_of_host(host)
        subject, explored = _explore(test, options_from("test", given))
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as error:
        raise SystemExit(interrupted_at_first(error)) from error
    commands = write_counterexamples(explored.result, subject)
    if as_json:
        print_json(explored, commands)
    else:
        _print(explored, test, commands, classes=classes)
    raise SystemExit(broken_off(explored) or _exit_code(explored.result))


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


def _exit_code(result: Result) -> int:
    """How the exploration ended; said on stderr where that is not the result's own doing."""
    if result.failures or not result.ok or any(finding.broken for finding in result.findings):
        return FOUND
    if not _reached(result):
        click.echo(
            "no service asked the server what to do, so nothing could be made to fail: is "
            "FILIBUSTER_SERVER_URL set for the services, and do they have Filibuster(app)? "
            "With FILIBUSTER_TOKEN, does the command send the headers of FILIBUSTER_HEADERS?",
            err=True,
        )
        return MISUSED
    return 0


def _reached(result: Result) -> bool:
    """Whether any service asked the server what to do."""
    return any(each.trace.handlings for each in result.executions)


def _outputs(explored: Explored) -> dict[int, str]:
    """The end of the output of executions that failed, by their numbers."""
    outputs = {each.number: output_of(each.error) for each in explored.result.executions}
    recalled = {execution.number: output for execution, output in explored.recalled}
    return outputs | recalled


def _print(
    explored: Explored, test: CommandTest, commands: Mapping[FaultSet, str], *, classes: bool
) -> None:
    result, outputs = explored.result, _outputs(explored)
    limit = None if explored.interrupted is None else "interrupted"
    click.echo(f"{test.words}: {text.counts_line(result, limit=limit)}")
    for number, failure in enumerate(result.failures, start=1):
        fault_free = not failure.faults
        title = "the test fails without any fault" if fault_free else "the test fails"
        click.echo(heading(f"\n{number}. {title}", bad=True))
        click.echo(indented(text.failure_lines(failure, result, commands.get(failure.faults))))
        _print_output(outputs.get(failure.executions[0].number, ""))
    print_broken_findings(result, commands, after=len(result.failures))
    for execution in result.inconclusive:
        if execution.error is not None:
            click.echo(f"\nin execution {execution.number}, the command ended thus:")
            click.echo(indented([text.error_line(execution.error)]))
    if classes:
        print_classes(result)
    print_the_rest(result)
    complete = _reached(result) and explored.interrupted is None
    if complete or result.failures or not result.ok:
        click.echo(f"\n{text.verdict_line(result)}")


def _print_output(output: str) -> None:
    lines = output.rstrip().splitlines()
    if not lines:
        return
    click.echo(indented(["output of the command:"]))
    if len(lines) > _LINES:
        click.echo(indented([f"  … {len(lines) - _LINES} lines before"]))
    click.echo(indented(f"  {line}" for line in lines[-_LINES:]))
