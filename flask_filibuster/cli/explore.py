"""``flask filibuster explore PATH``: find bugs without writing a test."""

from __future__ import annotations

import json
from typing import Any

import click
from flask.cli import ScriptInfo, pass_script_info

from flask_filibuster.cli.target import (
    FaultFreeFailure,
    Request,
    Target,
    command_prefix,
    load_target,
)
from flask_filibuster.cli.terminal import Progress, heading, indented, quiet
from flask_filibuster.config import REDUCTIONS
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploration.counterexample import Counterexample
from flask_filibuster.exploration.findings import Finding
from flask_filibuster.exploration.result import Result
from flask_filibuster.report import text
from flask_filibuster.report.data import result_data
from flask_filibuster.testing.explore import explore

FOUND, MISUSED = 1, 2


def _headers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    headers = []
    for value in values:
        name, colon, content = value.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{value!r}; write it as 'Name: value'")
        headers.append((name.strip(), content.strip()))
    return tuple(headers)


def _path(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.startswith("/"):
        raise click.BadParameter(f"{value!r}; it must begin with a slash, like /orders/7")
    return value


def _json_text(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    if value is not None:
        try:
            json.loads(value)
        except ValueError as error:
            raise click.BadParameter(f"not JSON: {error}") from error
    return value


@click.command("explore")
@click.argument("path", callback=_path)
@click.option("--method", default="GET", show_default=True, help="HTTP method of the request.")
@click.option("--json-body", callback=_json_text, metavar="JSON", help="Body of the request.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=_headers,
    metavar="'NAME: VALUE'",
    help="Header of the request; may be repeated.",
)
@click.option("--max-faults", type=click.IntRange(min=1), help="Inject at most N at a time.")
@click.option("--max-executions", type=click.IntRange(min=1), help="Request PATH at most N times.")
@click.option("--reduction", type=click.Choice(REDUCTIONS), help="Which fault sets to leave out.")
@click.option(
    "--services",
    metavar="MODULE:MAPPING",
    help="The services that the app calls: a mapping of Flask apps by base URL, or a function "
    "that returns one.  [default: filibuster_services in the app's module]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbose", is_flag=True, help="Show what the apps log meanwhile.")
@pass_script_info
def explore_command(
    info: ScriptInfo,
    path: str,
    method: str,
    json_body: str | None,
    headers: tuple[tuple[str, str], ...],
    max_faults: int | None,
    max_executions: int | None,
    reduction: str | None,
    services: str | None,
    as_json: bool,
    verbose: bool,
) -> None:
    """Request PATH of the app again and again, while the calls that it makes fail.

    Reports exceptions that nothing caught and answers of status 500, each with the smallest set of
    faults that leads to it. Exit code 0: nothing found, 1: something found, 2: used wrongly.
    """
    request = Request(path, method.upper(), headers, json_body)
    progress = Progress()
    try:
        target = load_target(info, services)
        with quiet(unless=verbose):
            result = explore(
                lambda: request.send(target.base_url),
                target.services,
                reduction=reduction,
                max_faults=max_faults,
                max_executions=max_executions,
                progress=progress,
            )
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    finally:
        progress.close()
    commands = _write_counterexamples(result, request, target, command_prefix(info))
    if as_json:
        click.echo(json.dumps(result_data(result, commands), indent=2))
    else:
        _print(result, request, commands)
    raise SystemExit(_exit_code(result))


def _exit_code(result: Result) -> int:
    if result.failures:
        error = result.failures[0].error
        client_error = isinstance(error, FaultFreeFailure) and error.status < 500
        return MISUSED if client_error else FOUND
    if result.inconclusive or any(finding.broken for finding in result.findings):
        return FOUND
    return 0


def _write_counterexamples(
    result: Result, request: Request, target: Target, prefix: str
) -> dict[Finding, str]:
    """Write down what is broken, and return the command that replays it."""
    commands = {}
    for finding in result.findings:
        if not finding.broken:
            continue
        counterexample = Counterexample(
            request.words,
            finding.faults,
            finding.message,
            {"request": request.to_json(), "services": target.services_from},
        )
        try:
            path = counterexample.write()
        except OSError as error:
            click.echo(f"the counterexample could not be written: {error}", err=True)
        else:
            commands[finding] = f"{prefix} filibuster replay {path}"
    return commands


def _print(result: Result, request: Request, commands: dict[Finding, str]) -> None:
    click.echo(f"{request.words}: {text.counts_line(result)}")
    for failure in result.failures:
        click.echo(heading(f"\n{text.error_line(failure.error)}", bad=True))
        if isinstance(failure.error, FaultFreeFailure):
            click.echo(indented(_advice(failure.error)))
    broken = [finding for finding in result.findings if finding.broken]
    for number, finding in enumerate(broken, start=1):
        click.echo(heading(f"\n{number}. {finding.kind}", bad=True))
        click.echo(indented(text.finding_lines(finding)))
        if finding in commands:
            click.echo(indented([f"replay it: {commands[finding]}"]))
    advice = [finding for finding in result.findings if not finding.broken]
    if advice:
        click.echo(heading("\nworth a look", bad=False))
        for finding in advice:
            click.echo(indented(text.finding_lines(finding)))
    if result.inconclusive:
        click.echo(heading("\ninconclusive executions", bad=True))
        click.echo(indented(text.inconclusive_lines(result.inconclusive)))
    for note in result.notes:
        click.echo(f"\nnote: {note}")
    click.echo(f"\n{text.verdict_line(result)}")


def _advice(error: FaultFreeFailure) -> Any:
    if error.status < 500:
        yield "Explore a request that succeeds: check the path, --method, --header, --json-body."
    else:
        yield "Nothing was injected. Are the services that the app needs in --services, or running?"
