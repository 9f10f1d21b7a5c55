"""Whether an output is what the README shows: ``python -m tests.support.shown FENCE OUTPUT``.

A line ``…`` in the README stands for one or more lines. Names of counterexamples depend on the
version of Python, and are not compared.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.readme import README

ELISION = "…"


def block(text: str, fence: str) -> list[str]:
    """The lines of the first block with a fence such as ``text``."""
    found = re.search(rf"^```{fence}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise LookupError(f"no block ```{fence} in the README")
    return found[1].splitlines()


def missing(shown: Sequence[str], output: Sequence[str]) -> list[str]:
    """The first lines that are shown together, but are not in the output at their place.

    >>> missing(["a", "…", "d"], ["a", "b", "c", "d"])
    []
    >>> missing(["a", "…", "c"], ["a", "b", "c", "d"])
    ['c']
    """
    lines = [_unnamed(line) for line in output]
    at, is_next = 0, True
    parts = [part.splitlines() for part in "\n".join(shown).split(f"\n{ELISION}\n")]
    for number, part in enumerate(parts):
        wanted = [_unnamed(line) for line in part]
        is_last = number == len(parts) - 1
        last = len(lines) - len(wanted)
        starts = range(last, last + 1) if is_last else range(at, at + 1 if is_next else last + 1)
        found = (at_ for at_ in starts if at_ >= at and lines[at_ : at_ + len(wanted)] == wanted)
        start = next(found, None)
        if start is None or (is_last and is_next and start != at):
            return part
        # An elision stands for a line at least.
        at, is_next = start + len(wanted) + 1, False
    return []


def _unnamed(line: str) -> str:
    return re.sub(r"\.filibuster/[0-9a-f]+", ".filibuster/…", line)


def _main() -> None:
    fence, path = sys.argv[1:]
    shown = block(README.read_text(encoding="utf-8"), fence)
    wrong = missing(shown, Path(path).read_text(encoding="utf-8").splitlines())
    if wrong:
        sys.exit("the output has not, at this place:\n" + "\n".join(wrong))


if __name__ == "__main__":
    _main()
