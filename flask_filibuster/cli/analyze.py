"""``flask filibuster analyze TARGET``: write down how services can fail, as an analysis file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from flask_filibuster.errors import FilibusterError
from flask_filibuster.faultmodel.discovery import Service, services_of
from flask_filibuster.faultmodel.model import FaultModel

EVERY_SERVICE_ANSWERS = frozenset({500})
STDOUT = frozenset({"-", "/dev/stdout"})  # The latter may be a link to a file, which is kept.


def run(targets: tuple[str, ...], output: Path | None) -> None:
    """Write the analysis file of the services in some places.

    :param targets: directories and names of modules.
    :param output: the file to write; ``None``: stdout.
    """
    services = [each for target in targets for each in services_of(target, _note)]
    if not services:
        raise click.UsageError(
            f"no Flask app found in {', '.join(targets)}; name a directory of services, "
            "or a module that has an app or a create_app()"
        )
    statuses = _united(services)
    try:
        content = _analysis(statuses)
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    if output is None or str(output) in STDOUT:
        click.echo(content)
        return
    try:
        _write(output, f"{content}\n")
    except OSError as error:
        raise click.UsageError(f"cannot write {output}: {error}") from error
    for name, each in statuses.items():
        _note(f"{name}: {', '.join(map(str, each))}")


def _note(text: str) -> None:
    click.echo(text, err=True)


def _united(services: Iterable[Service]) -> dict[str, list[int]]:
    """The statuses of each service by its name, in order."""
    by_name: dict[str, list[Service]] = {}
    for each in services:
        by_name.setdefault(each.name, []).append(each)
    for name, same in by_name.items():
        # The same code may make the same app twice.
        if len(set(same)) > 1:
            places = (f"{module} in {directory}" for directory, module in _places(same))
            listed = ", ".join(places)
            _note(f"{name}: several apps have this name; the result combines those of {listed}")
    return {
        name: sorted(EVERY_SERVICE_ANSWERS.union(*(each.statuses for each in by_name[name])))
        for name in sorted(by_name)
    }


def _places(services: Iterable[Service]) -> Iterable[tuple[str, str]]:
    return dict.fromkeys(each.made_in for each in services)


def _analysis(statuses: Mapping[str, Iterable[int]]) -> str:
    model = FaultModel(statuses={re.escape(name): each for name, each in statuses.items()})
    return json.dumps(model.to_analysis(), indent=2)


def _write(path: Path, content: str) -> None:
    """Write a file atomically: a reader sees either the old or the new content.

    :raises OSError: the file cannot be written; its content is unchanged.
    """
    path = path.resolve()  # Keeps a link.
    if path.exists() and not path.is_file():
        raise OSError("it exists and is not a file")
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
