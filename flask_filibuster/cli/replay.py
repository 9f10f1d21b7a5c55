"""``flask filibuster replay FILE``: reproduce one bug."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import ScriptInfo

from flask_filibuster.cli.replayers import Replayer, replayer_of
from flask_filibuster.cli.terminal import heading, indented
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.load import PERCENTILES, LoadResult, load
from flask_filibuster.exploring.quiet import quiet
from flask_filibuster.report import text
from flask_filibuster.results.counterexample import Counterexample

FOUND, MISUSED, INTERRUPTED = 1, 2, 130
_MOST = 5


def run(
    info: ScriptInfo,
    *,
    file: Path,
    verbose: bool,
    count: int | None,
    concurrency: int | None,
    max_latency: float | None,
) -> None:
    """Replay a counterexample, and print the outcome."""
    if count is None and (concurrency is not None or max_latency is not None):
        raise click.UsageError("--concurrency and --max-latency require --load")
    try:
        counterexample = Counterexample.read(file)
        replayer = replayer_of(info, counterexample, file, verbose=verbose)
        click.echo(f"{counterexample.test}, with:")
        click.echo(indented(text.fault_set_lines(counterexample.fault_set)))
        with replayer:
            if count is None:
                code = _once(replayer, counterexample, verbose=verbose)
            else:
                with quiet(unless=verbose):
                    result = load(replayer.run, count, concurrency or 1)
                code = _load(result, concurrency or 1, max_latency)
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt as error:
        click.echo("interrupted", err=True)
        raise SystemExit(INTERRUPTED) from error
    raise SystemExit(code)


def _once(replayer: Replayer, counterexample: Counterexample, *, verbose: bool) -> int:
    with quiet(unless=verbose):
        run = replayer.run()
    if run.verdict == "inconclusive":
        click.echo(heading("not reproduced: the faults could not be injected", bad=True))
        click.echo(indented(run.why.splitlines()))
        return MISUSED
    if run.verdict == "passed":
        click.echo(f"not reproduced: {replayer.survivor} (recorded: {counterexample.seen})")
        return 0
    first, *more = run.why.splitlines()
    click.echo(heading(f"reproduced: {first}", bad=True))
    if more:
        click.echo(indented(more))
    return FOUND


def _load(result: LoadResult, concurrency: int, most: float | None) -> int:
    count = len(result.runs)
    failed, proofless = result.with_verdict("failed"), result.with_verdict("inconclusive")
    slow = 0 if most is None else result.slower_than(most)
    click.echo(
        f"{text.counted(count, 'execution')}, {concurrency} at a time: "
        f"{result.seconds:.2f} s, {count / max(result.seconds, 1e-9):.1f}/s"
    )
    parts = [f"p{percent} {_seconds(result.percentile(percent))}" for percent in PERCENTILES]
    click.echo(f"latency: {', '.join(parts)}, max {_seconds(result.percentile(100))}")
    click.echo(heading(f"failures: {len(failed)} of {count}", bad=bool(failed)))
    if most is not None:
        click.echo(heading(f"slower than {_seconds(most)}: {slow} of {count}", bad=slow > 0))
    if proofless:
        said = f"faults not injected: {len(proofless)} of {count}"
        click.echo(heading(said, bad=True))
    _print_reasons(result)
    if proofless:
        return MISUSED
    return FOUND if failed or slow else 0


def _print_reasons(result: LoadResult) -> None:
    """Each reason of failures, with its count."""
    reasons: dict[str, int] = {}
    for run in result.runs:
        if run.why:
            first = run.why.splitlines()[0]
            reasons[first] = reasons.get(first, 0) + 1
    for reason, count in sorted(reasons.items(), key=lambda each: -each[1])[:_MOST]:
        click.echo(indented([f"{count} times: {reason}"]))


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
