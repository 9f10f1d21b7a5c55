"""The server's front page: the explorations and their progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def overview_text(version: str, status: Mapping[str, Any]) -> str:
    """The page.

    :param version: version of this package.
    :param status: the description of the server's conductor.
    """
    return "\n".join((f"Flask-Filibuster {version}", "", *_lines(status), ""))


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    if status["terminated"]:
        yield "Terminated: no further executions."
    if not status["explorations"]:
        yield "No exploration is under way. A driver requests the first execution with"
        yield "GET /filibuster/has-next-iteration/1"
    for each in status["explorations"]:
        state = "under way" if each["under_way"] else "over" if each["over"] else "waiting"
        yield (
            f"{each['name']}: {state}, {each['executed']} executed, {each['pruned']} pruned, "
            f"{each['waiting']} to go, {each['failed']} failed"
        )
        yield from (f"    now: {fault}" for fault in each["faults"])
