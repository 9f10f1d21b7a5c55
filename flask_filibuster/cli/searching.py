"""Options that the commands which explore have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from flask_filibuster.config import JOURNAL, REDUCTIONS
from flask_filibuster.exploring.keeping import Keeping, unwritable

Command = TypeVar("Command", bound=Callable[..., Any])

_SEARCH = (
    click.option(
        "--max-executions",
        type=click.IntRange(min=1),
        metavar="N",
        help="Run the test at most N times, not counting what is run a second time.",
    ),
    click.option(
        "--max-faults",
        type=click.IntRange(min=1),
        metavar="N",
        help="Inject at most N faults at a time, not counting those that it takes to reach a call.",
    ),
    click.option(
        "--max-seconds",
        type=click.FloatRange(min=0.001),
        metavar="SECONDS",
        help="Begin no new execution after this time.",
    ),
    click.option(
        "--reduction",
        type=click.Choice(REDUCTIONS),
        help="Which fault sets to leave out: of ways to fail that lead to the same, all but one "
        "(equivalence, the default); those that would show nothing new (exact); none.",
    ),
    click.option(
        "--check-determinism/--no-check-determinism",
        default=None,
        help="Whether to run the test twice without faults, before all else, to see whether it is "
        "the same.  [default: yes]",
    ),
    click.option(
        "--exhaustive",
        is_flag=True,
        help="Run what reduction has left out, too, after the rest.",
    ),
    click.option(
        "--audit",
        type=click.IntRange(min=1),
        default=None,
        metavar="N",
        help="Run N of the fault sets that reduction has left out, to see whether it was right.",
    ),
    click.option(
        "--audit-seed",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Choose other ones for --audit.",
    ),
)

_KEEPING = (
    click.option(
        "--resume",
        is_flag=True,
        help="Go on where the last run was interrupted or killed; nothing is run again.",
    ),
    click.option(
        "--journal",
        metavar="FILE",
        help=f"Keep every execution in this file.  [default: {JOURNAL}]",
    ),
    click.option("--no-journal", is_flag=True, help="Keep no executions at all."),
)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def search_options(command: Command) -> Command:
    """The options that say which fault sets to run."""
    return _with(_SEARCH, command)


def keeping_options(command: Command) -> Command:
    """The options that say what is kept of the executions, and taken from there."""
    return _with(_KEEPING, command)


def journal_name(words: str, details: Mapping[str, Any]) -> str:
    """What an exploration is called in the journal: equal only for what is explored alike.

    :param words: what is explored, in words.
    :param details: all else that it depends on, as plain data.
    """
    told = json.dumps(details, sort_keys=True).encode()
    return f"{words} {hashlib.md5(told, usedforsecurity=False).hexdigest()[:10]}"


def keeping_of(
    name: str,
    *,
    resume: bool,
    journal: str | None,
    no_journal: bool,
    configured: str | None = JOURNAL,
    changed: bool = False,
) -> Keeping:
    """What is to be kept, by the command line.

    :param name: what the exploration is called.
    :param configured: the path of the journal where none is given.
    :raises click.UsageError: the options contradict each other.
    """
    if resume and changed:
        raise click.UsageError(
            "--resume goes on with the last run, --changed begins a new one; choose one"
        )
    if no_journal and (resume or changed or journal is not None):
        raise click.UsageError("--no-journal leaves nothing to be read or written")
    path = None if no_journal else journal or configured
    if path is None and (resume or changed):
        raise click.UsageError("FILIBUSTER_JOURNAL is None, so that nothing was kept")
    if path is not None and path == JOURNAL and not (resume or changed):
        # A place that nobody has asked for, in a directory where nothing can be written.
        problem = unwritable(path)
        if problem is not None:
            click.echo(f"warning: no execution is kept: {problem}", err=True)
            path = None
    return Keeping(path, name, resume, changed)
