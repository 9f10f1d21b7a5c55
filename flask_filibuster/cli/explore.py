"""``flask filibuster explore PATH``: find bugs without writing a test."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import click
from flask.cli import ScriptInfo, pass_script_info
from requests.exceptions import InvalidHeader
from requests.utils import check_header_validity

from flask_filibuster.cli.counterexamples import write_counterexamples
from flask_filibuster.cli.printing import (
    classes_option,
    print_broken_findings,
    print_classes,
    print_the_rest,
)
from flask_filibuster.cli.searching import journal_name, keeping_of, keeping_options, search_options
from flask_filibuster.cli.target import command_prefix, load_target
from flask_filibuster.cli.terminal import Progress, heading, indented
from flask_filibuster.cli.working import worker_options, workers_of
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError, JournalError, SetupError
from flask_filibuster.exploring.explore import Run
from flask_filibuster.exploring.keeping import Keeping
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.exploring.subjects.request import FaultFreeError, Request, RequestTest
from flask_filibuster.report import text
from flask_filibuster.report.data import result_data
from flask_filibuster.results.result import Result

FOUND, MISUSED, INTERRUPTED = 1, 2, 130
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


def _headers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    headers = []
    for value in values:
        name, _, content = (part.strip() for part in value.partition(":"))
        try:
            check_header_validity((name, content))
            content.encode("latin-1")
            fits = ":" in value and TOKEN.fullmatch(name)
        except (InvalidHeader, UnicodeEncodeError):
            fits = None
        if not fits:
            raise click.BadParameter(f"{value!r}; write it as 'Name: value'")
        headers.append((name, content))
    return tuple(headers)


def _method(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not TOKEN.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no HTTP method")
    return value.upper()


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
@click.option(
    "--method",
    default="GET",
    show_default=True,
    callback=_method,
    metavar="METHOD",
    help="HTTP method of the request.",
)
@click.option("--json-body", callback=_json_text, metavar="JSON", help="Body of the request.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=_headers,
    metavar="'NAME: VALUE'",
    help="Header of the request; may be repeated.",
)
@search_options
@keeping_options
@click.option(
    "--changed",
    is_flag=True,
    help="Do not run again what has passed as long as the source files of the services that took "
    "part are the same.",
)
@worker_options
@click.option(
    "--services",
    metavar="MODULE:MAPPING",
    help="The services that the app calls: a mapping of Flask apps by base URL, or a function "
    "that returns one.  [default: filibuster_services in the app's module]",
)
@classes_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--verbose", is_flag=True, help="Show what the apps log meanwhile.")
@pass_script_info
def command(
    info: ScriptInfo,
    /,
    path: str,
    method: str,
    json_body: str | None,
    headers: tuple[tuple[str, str], ...],
    services: str | None,
    as_json: bool,
    verbose: bool,
    workers: int | None,
    dask: str | None,
    resume: bool,
    changed: bool,
    journal: str | None,
    no_journal: bool,
    classes: bool,
    **search: Any,
) -> None:
    """Request PATH of the app again and again, while the calls that it makes fail.

    Reports exceptions that nothing caught and answers of status 500, each with the smallest set of
    faults that leads to it. Exit code 0: nothing found, 1: something found, 2: used wrongly, 130:
    interrupted. Limits that are not given here are those of FILIBUSTER_... in the app's config.
    """
    request = Request(path, method, headers, json_body)
    progress = Progress()
    broken_off: BaseException | None = None
    try:
        target = load_target(info, services)
        details = {"request": request.to_json(), "services": target.services_from}
        words = f"{command_prefix(info)} filibuster explore {request.words}"
        keeping = keeping_of(
            journal_name(words, details),
            resume=resume,
            changed=changed,
            journal=journal,
            no_journal=no_journal,
            configured=target.config.journal,
        )
        with quiet(unless=verbose), workers_of(workers, dask, verbose=verbose) as crew:
            run = Run(
                RequestTest(request, target.base_url, verbose),
                target.services if crew is None else target.named(info),
                Options(**search),
                keeping=keeping,
                workers=crew,
            )
            broken_off = _broken_off(run, progress)
        result = run.result()
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
