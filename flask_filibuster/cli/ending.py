"""The end of a command that explores: counterexamples, report, messages, exit code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import click

from flask_filibuster.cli.printing import print_report
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.explore import Explored
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.report import text
from flask_filibuster.report.document import About, document_of
from flask_filibuster.results.bug import Failure
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import Result

INTERRUPTED = 130
NO_OUTPUT: Mapping[int, str] = MappingProxyType({})


def end(
    explored: Explored,
    subject: Subject,
    about: About,
    *,
    rendering: str,
    classes: bool,
    outputs: Mapping[int, str] = NO_OUTPUT,
) -> int:
    """Write counterexamples, print the report, and say why the exploration stopped early.

    :param explored: the exploration.
    :param subject: its subject.
    :param about: the subject in words.
    :param rendering: name of the rendering of the report.
    :param classes: whether to list the classes of faults.
    :param outputs: what a command printed, by number of the execution.
    :returns: the exit code.
    """
    document = document_of(
        _complete(explored),
        about,
        replays=_write_counterexamples(explored.result, subject),
        outputs=outputs,
        limit=None if explored.interrupted is None else "interrupted",
        shows_classes=classes,
    )
    print_report(document, rendering)
    return _interrupted(explored) or document.exit_code


def _complete(explored: Explored) -> Result:
    """The result, marked as incomplete if the exploration stopped early."""
    why = explored.interrupted
    if why is None:
        return explored.result
    if isinstance(why, KeyboardInterrupt):
        return explored.result.incomplete("The exploration was interrupted.")
    return explored.result.incomplete(f"The exploration stopped early: {why}")


def _write_counterexamples(result: Result, subject: Subject) -> dict[FaultSet, str]:
    """Write a counterexample for each bug; return the replay commands by fault set.

    A bug that needs no fault has no counterexample: any execution shows it.
    """
    seen: dict[FaultSet, list[str]] = {}
    for bug in result.bugs:
        for symptom in bug.symptoms:
            # Mostly one set: an oracle may know of a smaller one than the test's assertion.
            seen.setdefault(symptom.faults, []).append(_message(symptom))
    commands = {}
    for faults, messages in seen.items():
        if not faults:
            continue
        words = "; ".join(messages)
        try:
            path = Counterexample(subject.words, faults, words, subject.details).write()
        except OSError as error:
            click.echo(f"cannot write the counterexample: {error}", err=True)
        else:
            commands[faults] = subject.replay_command(path)
    return commands


def _message(symptom: Failure | Finding) -> str:
    return symptom.message if isinstance(symptom, Finding) else text.error_line(symptom.error)


def _interrupted(explored: Explored) -> int:
    """Say on stderr why an exploration stopped early.

    :returns: the exit code of an interruption; 0: use that of the report.
    """
    why = explored.interrupted
    if why is None:
        return 0
    if not isinstance(why, KeyboardInterrupt):
        click.echo(f"the exploration stopped early: {why}", err=True)
        return 0
    executions = text.counted(len(explored.result.executions), "execution")
    said = f"interrupted after {executions} {why}".rstrip()
    if explored.recorded:
        said += "; to continue, repeat the command with --resume"
    click.echo(said, err=True)
    return INTERRUPTED


def interrupted_at_first(error: KeyboardInterrupt) -> int:
    """Say on stderr that nothing was executed.

    :returns: the exit code.
    """
    click.echo(f"interrupted before the first execution {error}".rstrip(), err=True)
    return INTERRUPTED
