"""Which of xdist's workers runs which test."""

from __future__ import annotations

import functools
import re
import zlib
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
PARTS = 6
SHARING = re.compile(r'^@pytest\.fixture\([^)]*scope="module"', re.MULTILINE)


class OnceForAModule(LoadScopeScheduling):  # type: ignore[misc]
    """A module with a fixture for all its tests has one worker; others are given out in parts.

    Otherwise each worker starts the servers and processes that the tests of a module share. Parts,
    as each of thousands of tests alone would cost the controller more than that.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if shares_fixtures(module):
            return module
        return f"{module} {zlib.crc32(nodeid.encode()) % PARTS}"


def longest_first(item: pytest.Item) -> int:
    """Sorts tests: first modules that cannot be parted, then slow tests, then all others."""
    if shares_fixtures(item.nodeid.partition("::")[0]):
        return 0
    return 1 if item.get_closest_marker("slow") else 2


@functools.cache
def shares_fixtures(module: str) -> bool:
    """Whether a test module, named by its path, has a fixture for all its tests.

    >>> shares_fixtures("tests/end_to_end/test_seams.py")
    True
    """
    return SHARING.search((ROOT / module).read_text(encoding="utf-8")) is not None
