"""``flask filibuster explore PATH``: find bugs without writing a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from flask.cli import ScriptInfo

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
from flask_filibuster.cli.setup import recording_of, workers_of
from flask_filibuster.cli.target import command_prefix, load_target
from flask_filibuster.cli.terminal import Progress, heading, indented
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.explore import Explored, explore_subject
from flask_filibuster.exploring.options import Settings
from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.exploring.subjects.request import (
    FaultFreeError,
    Request,
    RequestSubject,
    RequestTest,
)
from flask_filibuster.report import text
from flask_filibuster.results.result import Result


def run(
    info: ScriptInfo,
    *,
    path: str,
    method: str,
    json_body: str | None,
    headers: tuple[tuple[str, str], ...],
    as_json: bool,
    classes: bool,
    **given: Any,
) -> None:
    """Explore a request, and print what was found."""
    request = Request(path, method, headers, json_body)
    try:
        subject, explored = _explore(info, request, options_from("explore", given))
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as error:
        raise SystemExit(interrupted_at_first(error)) from error
    result = explored.result
    commands = write_counterexamples(result, subject)
    if as_json:
        print_json(explored, commands)
    else:
        _print(result, request, commands, classes=classes)
    raise SystemExit(broken_off(explored) or _exit_code(result))


def _explore(
    info: ScriptInfo, request: Request, options: Settings
) -> tuple[RequestSubject, Explored]:
    target = load_target(info, options.services if isinstance(options.services, str) else None)
    verbose = bool(options.verbose)
    with Progress() as progress, quiet(unless=verbose), workers_of(options) as workers:
        subject = RequestSubject(
            RequestTest(request, target.base_url, verbose),
            target.services if workers is None else target.named(info),
            target.services_from,
            command_prefix(info),
        )
        explored = explore_subject(
            subject,
            options,
            recording=recording_of(subject, options, target.config),
            workers=workers,
            progress=progress,
        )
    return subject, explored


def _exit_code(result: Result) -> int:
    fault_free = _fault_free(result)
    if fault_free is not None:
        return FOUND if fault_free.status >= 500 else MISUSED
    if not result.ok or any(finding.broken for finding in result.findings):
        return FOUND
    return 0


def _fault_free(result: Result) -> FaultFreeError | None:
    """What kept the exploration from taking place, if the request fails all by itself."""
    error = result.failures[0].error if result.failures else None
    return error if isinstance(error, FaultFreeError) else None


def _print(
    result: Result, request: Request, commands: Mapping[FaultSet, str], *, classes: bool
) -> None:
    click.echo(f"{request.words}: {text.counts_line(result)}")
    fault_free = _fault_free(result)
    if fault_free is not None:
        click.echo(heading(f"\n{fault_free}, so no fault was injected", bad=True))
        click.echo(indented([_advice(fault_free)]))
        return
    for number, failure in enumerate(result.failures, start=1):
        click.echo(heading(f"\n{number}. no complete answer", bad=True))
        click.echo(indented(text.failure_lines(failure, result, commands.get(failure.faults))))
    print_broken_findings(result, commands, after=len(result.failures))
    if classes:
        print_classes(result)
    print_the_rest(result)
    click.echo(f"\n{text.verdict_line(result)}")


def _advice(error: FaultFreeError) -> str:
    if error.status < 500:
        return "Explore a request that succeeds: check the path, --method, --header, --json-body."
    return (
        "Are the services that the app needs in --services, or running? "
        "--verbose shows what the apps log."
    )
