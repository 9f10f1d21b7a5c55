"""Names of tests in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from flask_filibuster.core.vocabulary import counted

MOST_TESTS: Final = 3
"""How many tests are named; the others are counted."""
MOST_CASES: Final = 5
"""How many cases of one kind of note are named."""


def by_words(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names of tests by what is said of them, in the order of the names.

    :param pairs: what is said, and the name of a test.
    """
    found: dict[str, list[str]] = {}
    for words, test in sorted(pairs, key=lambda pair: pair[1]):
        found.setdefault(words, []).append(test)
    return found


def sentences(said: Iterable[str]) -> str:
    """Notes in one line, with full stops if there are several.

    >>> sentences(["Slow", "Refused."])
    'Slow. Refused.'
    """
    first, *others = said
    if not others:
        return first
    return " ".join(each if each.endswith(".") else f"{each}." for each in (first, *others))


def by_kind(said: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[str]]]:
    """Notes of one kind, which differ in what follows their first colon, in one line.

    >>> said = {"Refused: GET /a": ["test_a"], "Slow": ["test_b"], "Refused: GET /b": ["test_b"]}
    >>> list(by_kind(said))
    [('Refused: GET /a; GET /b', ['test_a', 'test_b']), ('Slow', ['test_b'])]

    :param said: names of tests by note.
    """
    kinds: dict[str, list[str]] = {}
    for note in said:
        kinds.setdefault(note.partition(": ")[0], []).append(note)
    for kind, notes in kinds.items():
        cases = [note.removeprefix(f"{kind}: ") for note in notes]
        more = f"; … and {len(cases) - MOST_CASES} more" if len(cases) > MOST_CASES else ""
        listed = "; ".join(cases[:MOST_CASES]) + more
        tests = sorted({test for note in notes for test in said[note]})
        yield kind if listed == kind else f"{kind}: {listed}", tests


def in_tests(tests: Sequence[str]) -> str:
    """The number of these tests, and the first few of them.

    >>> in_tests(["test_a", "test_b", "test_c", "test_d", "test_e"])
    '5 tests: test_a, test_b, test_c, … and 2 more'
    """
    more = f", … and {len(tests) - MOST_TESTS} more" if len(tests) > MOST_TESTS else ""
    return f"{counted(len(tests), 'test')}: {', '.join(tests[:MOST_TESTS])}{more}"
