"""How many cases a test with random input tries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

Member = TypeVar("Member")
Test = TypeVar("Test", bound=Callable[..., Any])

THOROUGH = os.environ.get("FILIBUSTER_THOROUGH", "") not in ("", "0")
"""Whether the tests try all cases, as ``.ci/run`` has them do."""


def cases(thorough: int, part: int = 8) -> int:
    """How many of the cases are tried: a part of them suffices while somebody works.

    >>> cases(300, part=5) in (60, 300)
    True
    """
    return thorough if THOROUGH else max(1, thorough // part)


only_in_earnest = (
    pytest.mark.in_earnest,
    pytest.mark.skipif(not THOROUGH, reason="FILIBUSTER_THOROUGH=1 runs it"),
)
"""Marks of one more member of a kind, whose other members are tested in daily work, too."""


def in_earnest(test: Test) -> Test:
    """Leave a test of several seconds to CI: one more way through what other tests cover."""
    for mark in only_in_earnest:
        test = mark(test)
    return test


STEP = 5
"""Of members of one kind, each of this number is run in daily work; most tables have rows by twos,
threes or fours, of which another number leaves all in."""


def sample(members: Iterable[Member]) -> list[Member | ParameterSet]:
    """Members of one kind for ``parametrize``: every fifth is run in daily work, CI runs all.

    >>> len(sample("abcd"))
    4
    """
    return [
        _in_earnest(member) if number % STEP else member for number, member in enumerate(members)
    ]


def _in_earnest(member: object) -> ParameterSet:
    if isinstance(member, ParameterSet):
        return member._replace(marks=(*member.marks, *only_in_earnest))
    return pytest.param(member, marks=only_in_earnest)


def sampled(members: Iterable[Member]) -> list[Member]:
    """Those members that :func:`sample` lets run, for what is made of all of them at once."""
    return [member for number, member in enumerate(members) if THOROUGH or number % STEP == 0]
