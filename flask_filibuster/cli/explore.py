"""``flask filibuster explore PATH``: find bugs without writing a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click
from flask.cli import ScriptInfo

from flask_filibuster.cli.counterexamples import write_counterexamples
from flask_filibuster.cli.options import options_from
from flask_filibuster.cli.printing import print_broken_findings, print_classes, print_the_rest
from flask_filibuster.cli.setup import journal_name, keeping_of, workers_of
from flask_filibuster.cli.target import command_prefix, load_target
from flask_filibuster.cli.terminal import Progress, heading, indented
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError, JournalError, SetupError
from flask_filibuster.exploring.explore import Run
from flask_filibuster.exploring.keeping import Keeping
from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.exploring.subjects.request import FaultFreeError, Request, RequestTest
from flask_filibuster.report import text
from flask_filibuster.report.data import result_data
from flask_filibuster.results.result import Result

FOUND, MISUSED, INTERRUPTED = 1, 2, 130


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
    progress = Progress()
    broken_off: BaseException | None = None
    try:
        options = options_from("explore", given)
        target = load_target(info, options.services)
        details = {"request": request.to_json(), "services": target.services_from}
        words = f"{command_prefix(info)} filibuster explore {request.words}"
        keeping = keeping_of(journal_name(words, details), options, target.config)
        verbose = bool(options.verbose)
        with quiet(unless=verbose), workers_of(options) as crew:
            exploration = Run(
                RequestTest(request, target.base_url, verbose),
                target.services if crew is None else target.named(info),
                options,
                keeping=keeping,
                workers=crew,
            )
            broken_off = _broken_off(exploration, progress)
        result = exploration.result()
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    finally:
        progress.close()
    commands = write_counterexamples(result, request.words, details, command_prefix(info))
    if as_json:
        data = result_data(result, commands)
        # What was broken off is not known to be well.
        data["ok"] = data["ok"] and broken_off is None
        click.echo(json.dumps(data, indent=2))
    else:
        _print(result, request, commands, classes=classes)
    if isinstance(broken_off, KeyboardInterrupt):
        click.echo(_interruption(result, keeping), err=True)
        raise SystemExit(INTERRUPTED)
    if broken_off is not None:
        click.echo(f"the exploration broke off: {broken_off}", err=True)
        raise SystemExit(FOUND)
    raise SystemExit(_exit_code(result))


def _broken_off(run: Run, progress: Progress) -> BaseException | None:
    """Explore; why that did not come to its end, if it did not and there is something to tell."""
    try:
        run.to_the_end(progress)
    except KeyboardInterrupt as error:
        return error
    except (JournalError, SetupError) as error:  # The latter where a cluster has gone, too.
        if not run.result().executions:
            raise
        return error
    return None


def _interruption(result: Result, keeping: Keeping) -> str:
    said = f"interrupted after {text.counted(len(result.executions), 'execution')}"
    if keeping.journal is None:
        return said
    return f"{said}; go on with the same command and --resume"


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
