"""What is broken, written down as files, with the commands that show it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.report import text
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.result import Result


def write_counterexamples(
    result: Result, test: str, details: Mapping[str, Any], prefix: str
) -> dict[FaultSet, str]:
    """Write down what is broken, and return the commands that replay it.

    What fails without any fault is left out: it is the test that has to be put right.

    :param result: what was found.
    :param test: what was explored, in words.
    :param details: what is needed to run it again, as plain data.
    :param prefix: how ``flask`` is called.
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
            path = Counterexample(test, faults, "; ".join(messages), details).write()
        except OSError as error:
            click.echo(f"the counterexample could not be written: {error}", err=True)
        else:
            commands[faults] = f"{prefix} filibuster replay {path}"
    return commands
