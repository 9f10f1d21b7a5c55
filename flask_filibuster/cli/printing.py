"""What commands print of a result, after their own title."""

from __future__ import annotations

from collections.abc import Mapping

import click

from flask_filibuster.cli.terminal import heading, indented
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.report import text
from flask_filibuster.results.result import Result

Commands = Mapping[FaultSet, str]
"""The commands that replay what is broken, by fault set."""


def print_broken_findings(result: Result, commands: Commands, *, after: int) -> None:
    """The findings that are failures of a service.

    :param after: how many things were numbered before.
    """
    broken = (finding for finding in result.findings if finding.broken)
    for number, finding in enumerate(broken, start=after + 1):
        click.echo(heading(f"\n{number}. {finding.kind}", bad=True))
        click.echo(indented(text.finding_lines(finding)))
        if finding.faults in commands:
            click.echo(indented([f"replay it: {commands[finding.faults]}"]))


def print_classes(result: Result) -> None:
    """What reduction took to be the same."""
    lines = list(text.class_lines(result))
    if lines:
        click.echo(heading("\nways to fail that led to the same", bad=False))
        click.echo(indented(lines))


def print_the_rest(result: Result) -> None:
    """What only asks for trouble, what proves nothing, and what a user should know."""
    advice = [finding for finding in result.findings if not finding.broken]
    if advice:
        click.echo(heading("\nworth a look", bad=False))
        for finding in advice:
            click.echo(indented(text.finding_lines(finding)))
    if result.inconclusive:
        click.echo(heading("\ninconclusive executions", bad=True))
        click.echo(indented(text.inconclusive_lines(result.inconclusive)))
    for problem in result.problems:
        click.echo(heading(f"\nproblem: {problem}", bad=True))
    for note in result.notes:
        click.echo(f"\nnote: {note}")
