"""Repeated executions of one fault set, several in parallel: a service under fault and load."""

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

    :ivar seconds: its duration.
    :ivar verdict: ``"passed"``, ``"failed"`` or ``"inconclusive"``.
    :ivar why: the failure, or the reason why it is inconclusive.
    """

    seconds: float
    verdict: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of a load.

    :ivar runs: the runs, in the order of their end.
    :ivar seconds: the duration of the whole load.
    """

    runs: tuple[Run, ...]
    seconds: float

    def with_verdict(self, verdict: str) -> list[Run]:
        """The runs with this verdict."""
        return [run for run in self.runs if run.verdict == verdict]

    def percentile(self, percent: float) -> float:
        """The duration at this percentile of the runs, in seconds (nearest rank)."""
        ordered = sorted(run.seconds for run in self.runs)
        rank = max(1, math.ceil(percent / 100 * len(ordered)))
        return ordered[rank - 1]

    def slower_than(self, seconds: float) -> int:
        """Number of runs that took longer."""
        return sum(run.seconds > seconds for run in self.runs)


def load(run: Callable[[], Run], count: int, concurrency: int) -> LoadResult:
    """Make a number of runs, several in parallel.

    :param run: makes one run; called from several threads.
    :param count: number of runs.
    :param concurrency: number of runs in parallel.
    """
    began = time.perf_counter()
    with ThreadPoolExecutor(min(concurrency, count)) as pool:
        try:
            runs = tuple(pool.map(lambda _: run(), range(count)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return LoadResult(runs, time.perf_counter() - began)
