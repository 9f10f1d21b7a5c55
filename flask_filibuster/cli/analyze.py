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
STDOUT = frozenset({"-", "/dev/stdout"})  # the latter may be a link to a file: it stays that file


def run(targets: tuple[str, ...], output: Path | None) -> None:
    """Write the analysis file of the services in some places.

    :param targets: directories and names of modules.
    :param output: the file to write; ``None``: stdout.
    """
    services = [each for target in targets for each in services_of(target, _note)]
    if not services:
        raise click.UsageError(
            f"no Flask app was found in {', '.join(targets)}; name a directory of services, "
            "or a module with an app in it or a create_app()"
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
        # an app that is made twice by the same code is no other app
        if len(set(same)) > 1:
            places = (f"{module} in {directory}" for directory, module in _places(same))
            _note(f"{name}: several apps are called so; united are those of {', '.join(places)}")
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
    """Write a file all at once: whoever reads it meanwhile sees the old one, or the new one.

    :raises OSError: it cannot be written; it is as it was.
    """
    path = path.resolve()  # a link stays one
    if path.exists() and not path.is_file():
        raise OSError("it is there already, and is no file")
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_text(content, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
