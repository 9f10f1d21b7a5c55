"""One execution again and again, several at a time: how a service behaves with a fault and load."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    :ivar seconds: how long it took.
    :ivar verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
    :ivar why: what failed, or why it proves nothing, in words.
    """

    seconds: float
    verdict: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came of a load.

    :ivar runs: the runs, in the order of their end.
    :ivar seconds: how long all of them took together.
    """

    runs: tuple[Run, ...]
    seconds: float

    def with_verdict(self, verdict: str) -> list[Run]:
        """The runs that ended so."""
        return [run for run in self.runs if run.verdict == verdict]

    def percentile(self, percent: float) -> float:
        """Seconds within which so many per cent of the runs were done (nearest rank)."""
        ordered = sorted(run.seconds for run in self.runs)
        rank = max(1, math.ceil(percent / 100 * len(ordered)))
        return ordered[rank - 1]

    def slower_than(self, seconds: float) -> int:
        """How many runs took longer."""
        return sum(run.seconds > seconds for run in self.runs)


def load(run: Callable[[], Run], count: int, concurrency: int) -> LoadResult:
    """Run something again and again.

    :param run: makes one run; called from several threads.
    :param count: how many runs.
    :param concurrency: how many at a time.
    """
    began = time.perf_counter()
    with ThreadPoolExecutor(min(concurrency, count)) as pool:
        try:
            runs = tuple(pool.map(lambda _: run(), range(count)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return LoadResult(runs, time.perf_counter() - began)
