"""``flask filibuster test -- COMMAND``: explore a functional test in any language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from flask_filibuster.cli.counterexamples import write_counterexamples
from flask_filibuster.cli.options import options_from
from flask_filibuster.cli.printing import print_broken_findings, print_classes, print_the_rest
from flask_filibuster.cli.setup import (
    INTERRUPTED,
    MISUSED,
    coordinator_of,
    journal_name,
    keeping_of,
    token,
    warn_of_host,
)
from flask_filibuster.cli.terminal import Progress, heading, indented
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.subjects.command import CommandResult, CommandTest, explore_command
from flask_filibuster.report import text
from flask_filibuster.report.data import result_data

FOUND = 1
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
    progress = Progress()
    try:
        warn_of_host(host)
        options = options_from("test", given)
        coordinator = coordinator_of(options)
        keeping = keeping_of(journal_name(test.words, _details(test)), options)
        found = explore_command(
            test, coordinator, token=token(), progress=progress, keeping=keeping
        )
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as error:
        click.echo(f"interrupted before the first execution {error}".rstrip(), err=True)
        raise SystemExit(INTERRUPTED) from error
    finally:
        progress.close()
    commands = write_counterexamples(found.result, test.words, _details(test), "flask")
    if as_json:
        data = result_data(found.result, commands)
        # What was broken off has not been found to be well.
        data["ok"] = data["ok"] and found.interrupted is None
        click.echo(json.dumps(data, indent=2))
    else:
        _print(found, test, commands, classes=classes)
    raise SystemExit(_exit_code(found))


def _exit_code(found: CommandResult) -> int:
    """How the run ended; said on stderr where that is not the result's own doing."""
    result, why = found.result, found.interrupted
    if isinstance(why, KeyboardInterrupt):
        said = f"interrupted after {text.counted(len(result.executions), 'execution')} {why}"
        click.echo(said.rstrip(), err=True)
        if found.kept:
            click.echo("go on with the same command and --resume", err=True)
        return INTERRUPTED
    if why is not None:
        click.echo(f"the exploration broke off: {why}", err=True)
        return FOUND
    if result.failures or not result.ok or any(finding.broken for finding in result.findings):
        return FOUND
    if not found.reached:
        click.echo(
            "no service asked the server what to do, so nothing could be made to fail: is "
            "FILIBUSTER_SERVER_URL set for the services, and do they have Filibuster(app)? "
            "With FILIBUSTER_TOKEN, does the command send the headers of FILIBUSTER_HEADERS?",
            err=True,
        )
        return MISUSED
    return 0


def _details(test: CommandTest) -> dict[str, Any]:
    """What is needed to run the command again, as plain data."""
    return {
        "command": list(test.command),
        "start": list(test.start),
        "ready": list(test.ready),
        "host": test.host,
        "port": test.port,
        "timeout": test.timeout,
    }


def _print(
    found: CommandResult, test: CommandTest, commands: Mapping[FaultSet, str], *, classes: bool
) -> None:
    result = found.result
    limit = None if found.interrupted is None else "interrupted"
    click.echo(f"{test.words}: {text.counts_line(result, limit=limit)}")
    for number, failure in enumerate(result.failures, start=1):
        fault_free = not failure.faults
        title = "the test fails without any fault" if fault_free else "the test fails"
        click.echo(heading(f"\n{number}. {title}", bad=True))
        click.echo(indented(text.failure_lines(failure, result, commands.get(failure.faults))))
        _print_output(found.outputs.get(failure.executions[0].number, ""))
    print_broken_findings(result, commands, after=len(result.failures))
    for execution in result.inconclusive:
        if execution.error is not None:
            click.echo(f"\nin execution {execution.number}, the command ended thus:")
            click.echo(indented([text.error_line(execution.error)]))
    if classes:
        print_classes(result)
    print_the_rest(result)
    complete = found.reached and found.interrupted is None
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
