"""Writes the tables of what is seen: ``python -m tests.support.seen``.

Each row comes from an exploration of its form. Forms whose library is not installed keep the row of
the last run that had it.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import neighbours
from tests.support.forms import Form, Forms
from tests.support.forms.clients import CLIENTS
from tests.support.forms.mocks import MOCKS
from tests.support.forms.places import PLACES
from tests.support.forms.threads import THREADS
from tests.support.forms.trying import Combination, Tried, tried
from tests.support.listener import listening

PAGE = Path(__file__).parents[2] / "docs" / "seen.md"

SEEN = "seen and failed"
UNEXPLORED = "named as an unexplored call"
NOTED = "named in a note"

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


def rows_in(page: str) -> dict[str, dict[str, str]]:
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


def _rows(kind: str, known: Mapping[str, str], real: str) -> dict[str, str]:
    rows = {}
    for form in KINDS[kind].every:
        if form.is_possible:
            rows[form.words] = verdict(tried(combination(kind, form), real))
        elif form.words in known:
            rows[form.words] = known[form.words]
        else:
            sys.stderr.write(f"{form} has no row, as {form.needs} is not installed\n")
    return rows


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("caller").addHandler(logging.NullHandler())
    threading.excepthook = lambda _: None
    page = PAGE.read_text(encoding="utf-8")
    known = rows_in(page)
    with listening() as there:
        real = f"http://{there.place}/way"
        rows = {kind: _rows(kind, known.get(kind, {}), real) for kind in KINDS}
    # Those run in processes of their own, which the test of each holds to this.
    rows["neighbour"] = dict.fromkeys(map("`{}`".format, neighbours.REQUIRED), SEEN)
    PAGE.write_text(with_rows(page, rows), encoding="utf-8")


if __name__ == "__main__":
    main()
