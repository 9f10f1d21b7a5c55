"""Writes the tables of what is seen: ``python -m tests.support.seen``.

Each row comes from an exploration of its form; those beside neighbours and plugins run in processes
of their own. Forms whose library is not installed keep the row of the last run that had it.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support import neighbours, sessions
from tests.support.forms import SEEN, Form, Forms
from tests.support.forms.clients import CLIENTS
from tests.support.forms.mocks import MOCKS
from tests.support.forms.places import PLACES
from tests.support.forms.plugins import PLUGINS
from tests.support.forms.threads import THREADS
from tests.support.forms.trying import Combination, Tried, tried
from tests.support.listener import listening

PAGE = Path(__file__).parents[2] / "docs" / "seen.md"

AGAIN = "run: python -m tests.support.seen"
UNEXPLORED = "named as an unexplored call"
NOTED = "named in a note"

Rows = dict[str, str]
"""What is said, by the words of the form."""

KINDS: Mapping[str, Forms[Any]] = {
    "client": CLIENTS,
    "mock": MOCKS,
    "place": PLACES,
    "thread": THREADS,
}
_HEADS = {
    "client": "a call by …",
    "mock": "replaced by …",
    "place": "a call in …",
    "thread": "a call in …",
    "neighbour": "beside …, before, during and after its set-up",
    "plugin": "in a test with, or beside …",
}
_TABLE = re.compile(r"<!-- (\w+) table -->\n(.*?)<!-- end -->\n", re.DOTALL)


def combination(kind: str, form: Form[Any]) -> Combination:
    """The form alone: all else is a call by ``requests.get`` in a view to a real server."""
    client = CLIENTS[form.client] if kind == "mock" else CLIENTS["requests_function"]
    usual: dict[str, Any] = {
        "client": client,
        "mock": MOCKS["nothing"],
        "place": PLACES["a_view"],
        "thread": THREADS["same"],
    }
    return Combination(**{**usual, kind: form})


def verdict(found: Tried) -> str:
    """The second column of a row.

    :raises AssertionError: the call was made, and the report says nothing of it.
    """
    assert found.made, found
    if found.has_failed:
        return SEEN
    assert found.named, found
    return UNEXPLORED if found.result.unexplored else NOTED


def rows_in(page: str) -> dict[str, Rows]:
    """The rows of each table."""
    return {
        kind: dict(re.findall(r"^\| (.*?) \| ([^|]*) \|$", table, re.MULTILINE)[1:])
        for kind, table in _TABLE.findall(page)
    }


def with_rows(page: str, rows: Mapping[str, Mapping[str, str]]) -> str:
    """The page with these rows in its tables."""

    def table(found: re.Match[str]) -> str:
        kind = found[1]
        lines = [f"| {_HEADS[kind]} | |", "| --- | --- |"]
        lines += [f"| {words} | {said} |" for words, said in rows[kind].items()]
        return f"<!-- {kind} table -->\n" + "\n".join(lines) + "\n<!-- end -->\n"

    return _TABLE.sub(table, page)


def every_form(kind: str) -> list[Form[Any]]:
    """The forms of a table."""
    return {**KINDS, "neighbour": neighbours.NEIGHBOURS, "plugin": PLUGINS}[kind].every


def _rows(kind: str, known: Mapping[str, str], try_out: Callable[[Form[Any]], str]) -> Rows:
    rows = {}
    for form in every_form(kind):
        if form.is_possible:
            rows[form.words] = try_out(form)
        elif form.words in known:
            rows[form.words] = known[form.words]
        else:
            sys.stderr.write(f"{form} has no row, as {form.needs} is not installed\n")
    return rows


def _beside_neighbour(form: Form[Any]) -> str:
    orders = [each for each in neighbours.ORDERS if (form.name, each) not in neighbours.IMPOSSIBLE]
    said = {neighbours.verdict(neighbours.explored(form.name, order)) for order in orders}
    return ", ".join(sorted(said))


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("caller").addHandler(logging.NullHandler())
    threading.excepthook = lambda _: None
    page = PAGE.read_text(encoding="utf-8")
    known = rows_in(page)
    with listening() as there:
        real = f"http://{there.place}/way"

        def alone(kind: str) -> Callable[[Form[Any]], str]:
            return lambda form: verdict(tried(combination(kind, form), real))

        try_out: dict[str, Callable[[Form[Any]], str]] = {
            **{kind: alone(kind) for kind in KINDS},
            "neighbour": _beside_neighbour,
            "plugin": lambda form: sessions.explored(form.make()),
        }
        rows = {kind: _rows(kind, known.get(kind, {}), each) for kind, each in try_out.items()}
    PAGE.write_text(with_rows(page, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
