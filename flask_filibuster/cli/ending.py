"""How a command that explores ends: counterexamples, JSON, why it broke off, the exit code."""

from __future__ import annotations

import json

import click

from flask_filibuster.cli.printing import Commands
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.explore import Explored
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.report import text
from flask_filibuster.report.data import result_data
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.result import Result

FOUND, MISUSED, INTERRUPTED = 1, 2, 130


def write_counterexamples(result: Result, subject: Subject) -> dict[FaultSet, str]:
    """Write down what is broken, and return the commands that replay it.

    What fails without any fault is left out: it is the test that has to be put right.

    :param result: what was found.
    :param subject: what was explored.
    """
    seen: dict[FaultSet, list[str]] = {}
    for failure in result.failures:
        seen.setdefault(failure.faults, []).append(text.error_line(failure.error))
    for finding in result.findings:
        if finding.broken:
            seen.setdefault(finding.faults, []).append(finding.message)
    commands = {}
    for faults, messages in seen.items():
        if not faults:
            continue
        try:
            path = Counterexample(
                subject.words, faults, "; ".join(messages), subject.details
            ).write()
        except OSError as error:
            click.echo(f"the counterexample could not be written: {error}", err=True)
        else:
            commands[faults] = subject.replay_command(path)
    return commands


def print_json(explored: Explored, commands: Commands) -> None:
    """Print the result as JSON.

    :param explored: what came of the exploration.
    :param commands: the commands that replay what is broken.
    """
    data = result_data(explored.result, commands)
    # What was broken off is not known to be well.
    data["ok"] = data["ok"] and explored.interrupted is None
    click.echo(json.dumps(data, indent=2))


def broken_off(explored: Explored) -> int:
    """Say on stderr why an exploration did not come to its end.

    :returns: the exit code; 0 if it came to its end.
    """
    why = explored.interrupted
    if why is None:
        return 0
    if not isinstance(why, KeyboardInterrupt):
        click.echo(f"the exploration broke off: {why}", err=True)
        return FOUND
    executions = text.counted(len(explored.result.executions), "execution")
    said = f"interrupted after {executions} {why}".rstrip()
    if explored.recorded:
        said += "; go on with the same command and --resume"
    click.echo(said, err=True)
    return INTERRUPTED


def interrupted_at_first(error: KeyboardInterrupt) -> int:
    """Say on stderr that nothing was executed.

    :returns: the exit code.
    """
    click.echo(f"interrupted before the first execution {error}".rstrip(), err=True)
    return INTERRUPTED
