"""``flask filibuster replay FILE``: see one finding again."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from flask.cli import ScriptInfo, pass_script_info

from flask_filibuster.cli.target import Request, load_target
from flask_filibuster.cli.terminal import heading, indented, quiet
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploration.counterexample import Counterexample
from flask_filibuster.exploration.findings import find
from flask_filibuster.exploration.result import Execution
from flask_filibuster.report import text
from flask_filibuster.testing.explore import replay

FOUND, MISUSED = 1, 2


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--verbose", is_flag=True, help="Show what the apps log meanwhile.")
@pass_script_info
def command(info: ScriptInfo, file: Path, verbose: bool) -> None:
    """Make one request under the faults of FILE, as `explore` wrote it.

    Exit code 0: the app survives them now, 1: reproduced, 2: the faults could not be injected, or
    the file cannot be used.
    """
    try:
        counterexample = Counterexample.read(file)
        request, services_from = _request(counterexample, file)
        target = load_target(info, services_from)
        with quiet(unless=verbose):
            execution = replay(
                lambda: request.send(target.base_url), counterexample, target.services
            )
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"{request.words}, with:")
    click.echo(indented(text.fault_set_lines(counterexample.fault_set)))
    raise SystemExit(_judge(execution, counterexample))


def _request(counterexample: Counterexample, file: Path) -> tuple[Request, str | None]:
    """The request of a counterexample, and where its services are found."""
    details = counterexample.details
    if "request" not in details:
        test = shlex.quote(counterexample.test)
        raise click.UsageError(
            f"{file} is about the test {counterexample.test}, not about a request; "
            f"replay it with pytest {test} --filibuster-replay {file}"
        )
    try:
        services_from = details["services"]
        return (
            Request.from_json(details["request"]),
            None if services_from is None else str(services_from),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise click.UsageError(f"{file} is damaged: {error!r}") from error


def _judge(execution: Execution, counterexample: Counterexample) -> int:
    if execution.verdict == "inconclusive":
        click.echo(heading("not reproduced: the faults could not be injected", bad=True))
        click.echo(indented(execution.problems))
        return MISUSED
    nothing = Execution(0, FaultSet(), Trace(), "passed")
    broken = [finding for finding in find([nothing, execution]) if finding.broken]
    if execution.error is not None:
        click.echo(heading(f"reproduced: {text.error_line(execution.error)}", bad=True))
    elif not broken:
        click.echo(f"not reproduced: the app survives (it was: {counterexample.seen})")
        return 0
    for finding in broken:
        click.echo(heading(f"reproduced: {finding.message}", bad=True))
        if finding.site is not None:
            click.echo(indented([f"at {text.site_text(finding.site)}"]))
    return FOUND
