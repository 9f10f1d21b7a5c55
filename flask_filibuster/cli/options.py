"""The option table as options of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flask_filibuster.options.documentation import OFF, ON, default_words
from flask_filibuster.options.kinds import JOURNAL_FILE
from flask_filibuster.options.layers import check_together, merged
from flask_filibuster.options.option import Option, Place
from flask_filibuster.options.project import TABLE, import_from, read_project
from flask_filibuster.options.table import rows
from flask_filibuster.options.typed import adds, reader, switches_off

if TYPE_CHECKING:
    from flask_filibuster.exploring.options import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def options_of(place: Place) -> Callable[[Command], Command]:
    """A decorator that adds the options of a command.

    :param place: the command.
    """

    def add(command: Command) -> Command:
        for each in reversed([each for row in rows(place) for each in _rendered(row)]):
            command = each(command)
        return command

    return add


def _rendered(option: Option) -> Iterator[Callable[[Command], Command]]:
    name, kind = f"--{option.words}", option.kind
    words = f"{option.help}{default_words(option)}".replace("`", "")
    if kind.flag:
        # What a project can switch on, a command line can switch off.
        spelt = f"{name}/--no-{option.words}" if "project" in option.places else name
        yield click.option(spelt, option.name, is_flag=True, default=None, help=words)
    elif kind.choices:
        yield click.option(name, type=click.Choice(kind.choices), help=words)
    elif kind.many:
        off = f"--no-{option.words}"
        yield click.option(
            name,
            option.name,
            multiple=True,
            type=adds(click.BadParameter),
            metavar="MODULE:NAME",
            help=ON,
        )
        yield click.option(
            off,
            f"no_{option.name}",
            multiple=True,
            type=switches_off(click.BadParameter),
            metavar="NAME",
            help=OFF,
        )
    else:
        yield click.option(
            name, type=reader(kind, click.BadParameter), metavar=kind.metavar, help=words
        )
    if kind is JOURNAL_FILE:
        yield click.option(f"--no-{option.words}", is_flag=True, help="Record nothing.")


def spelt(name: str) -> str:
    """An option as it is typed: ``--max-faults``."""
    return f"--{name.replace('_', '-')}"


def spelt_services(given: Mapping[str, Any]) -> str:
    """How the user gave the option ``services``, for messages about its value.

    :param given: as for :func:`options_from`.
    """
    if given["services"] is not None:
        return "--services"
    return f"services in {TABLE} of {read_project(Path.cwd()).file}:"


def options_from(place: Place, given: Mapping[str, Any]) -> Settings:
    """The options of a command, from its command line and the project's file.

    :param place: the command.
    :param given: the parameters that :func:`options_of` added.
    :raises FilibusterError: a value does not fit, or options contradict each other.
    """
    from flask_filibuster.exploring.options import Settings  # Not for a help text.

    names = {each.name for each in rows(place)}
    layer = {name: value for name, value in given.items() if name in names}
    for each in rows(place):
        if each.kind.many:
            layer[each.name] = (*given[each.name], *given[f"no_{each.name}"]) or None
    if given.get("no_journal"):
        if layer["journal"] is not None:
            raise click.UsageError("--no-journal contradicts --journal")
        layer["journal"] = False
    check_together(layer, spelt)
    found = read_project(Path.cwd())
    project = found.values
    check_together(project)
    if "services" in project and found.file is not None:
        import_from(found.file.parent)
    return Settings(**merged(layer, {name: project[name] for name in names & project.keys()}))
