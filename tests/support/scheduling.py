"""Which of xdist's workers runs which test."""

from __future__ import annotations

import functools
import zlib
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
PARTS = 6


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


@functools.cache
def shares_fixtures(module: str) -> bool:
    """Whether a test module, named by its path, has a fixture for all its tests.

    >>> shares_fixtures("tests/end_to_end/test_seams.py")
    True
    """
    return 'scope="module"' in (ROOT / module).read_text(encoding="utf-8")
