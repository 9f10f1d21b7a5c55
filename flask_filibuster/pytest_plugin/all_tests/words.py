"""Names of tests in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from flask_filibuster.core.vocabulary import counted

MOST_TESTS: Final = 3
"""How many tests are named; the others are counted."""


def by_words(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names of tests by what is said of them, in the order of the names.

    :param pairs: what is said, and the name of a test.
    """
    found: dict[str, list[str]] = {}
    for words, test in sorted(pairs, key=lambda pair: pair[1]):
        found.setdefault(words, []).append(test)
    return found


def in_tests(tests: Sequence[str]) -> str:
    """The number of these tests, and the first few of them.

    >>> in_tests(["test_a", "test_b", "test_c", "test_d", "test_e"])
    '5 tests: test_a, test_b, test_c, … and 2 more'
    """
    more = f", … and {len(tests) - MOST_TESTS} more" if len(tests) > MOST_TESTS else ""
    return f"{counted(len(tests), 'test')}: {', '.join(tests[:MOST_TESTS])}{more}"
