"""``flask filibuster why FAULTS``: what became of a fault set."""

from __future__ import annotations

import json
from pathlib import Path

import click

from flask_filibuster.errors import FilibusterError, JournalError
from flask_filibuster.exploring.explaining.recorded import why_recorded
from flask_filibuster.journal.reading import RecordedExploration, read_exploration
from flask_filibuster.options.project import read_project
from flask_filibuster.options.table import JOURNAL
from flask_filibuster.report.why import explanation_data, explanation_text
from flask_filibuster.results.counterexample import Counterexample


def run(
    faults: tuple[str, ...], exploration: str | None, journal: Path | None, *, as_json: bool
) -> None:
    """Explain a fault set."""
    try:
        asked = [_asked(each) for each in faults]
        recorded = _recorded(asked, exploration, journal)
        explanation = why_recorded(recorded)(asked)
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(explanation_data(explanation, recorded.name), indent=2))
    else:
        click.echo(explanation_text(explanation, f"{recorded.name} ({recorded.state})"))


def _asked(text: str) -> str | Counterexample:
    return Counterexample.read(text) if text.endswith(".json") else text


def _recorded(
    asked: list[str | Counterexample], exploration: str | None, journal: Path | None
) -> RecordedExploration:
    path = journal
    if path is None:
        known = read_project(Path.cwd()).values.get("journal")
        path = Path(known) if isinstance(known, str) else Path(JOURNAL)
    tests = [each.test for each in asked if isinstance(each, Counterexample)]
    if exploration is not None or not tests:
        return read_exploration(path, exploration)
    try:
        return read_exploration(path, tests[0])
    except JournalError as error:
        # The name of a command in the journal is not always that of its counterexample.
        raise JournalError(
            error.journal, f"{error.problem}; name the exploration by --exploration"
        ) from error
