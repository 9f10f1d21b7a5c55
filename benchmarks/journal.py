"""What it costs to keep every execution on disk.

The baseline is the same exploration without a journal: a page made of five services, whose 549
executions take about 3 ms each in this process. What opening and closing the journal and
finding the source files takes, once for an exploration, is told apart.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import requests

from benchmarks.measure import arguments
from flask_filibuster import explore
from tests.support import shapes

MOST = 1.05
ROUNDS = 12
SERVICES = 5
EXECUTIONS = 549


def get_page() -> None:
    """The test."""
    assert requests.get("http://gateway:5000/", timeout=30).status_code in (200, 503)


def seconds(journal: Path | None, services: shapes.Services) -> tuple[float, float]:
    """The time of an execution, and that of everything around the executions, in seconds."""
    times = [time.perf_counter()]
    result = explore(
        get_page,
        services,
        shapes.FAULTS["gateway"],
        reduction="none",
        journal=journal,
        progress=lambda *_: times.append(time.perf_counter()),
    )
    times.append(time.perf_counter())
    assert len(result.executions) == EXECUTIONS
    each = (times[-2] - times[1]) / (len(times) - 3)
    return each, times[1] - times[0] + times[-1] - times[-2] - each


def main() -> None:
    quick = arguments(__doc__).quick
    services = shapes.gateway(SERVICES)
    ratios, bare, once = [], [], []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "journal.sqlite3")
        for number in range(1 if quick else ROUNDS):
            order = (None, path) if number % 2 else (path, None)
            taken = {journal: seconds(journal, services) for journal in order}
            ratios.append(taken[path][0] / taken[None][0])
            bare.append(taken[None][0])
            once.append(taken[path][1] - taken[None][1])
    ratio = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratio, 0, ratio)
    met = "met" if ratio <= MOST else "MISSED"
    print(f"\nan execution takes {statistics.median(bare) * 1000:.2f} ms without a journal")
    print(f"  with one: {ratio:.3f} times that ({low:.3f}-{high:.3f})  target <= {MOST} {met}")
    print(f"  and {statistics.median(once) * 1000:.1f} ms once")


if __name__ == "__main__":
    main()
