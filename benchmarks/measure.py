"""Measuring one way of doing a thing against another, in the same minute on the same machine.

Cases are run in rounds, each round in an order of its own, so that what else the machine does falls
on all of them. A ratio is taken within a round, to the first case, the baseline; what is printed is
the median over the rounds, and the quartiles as the spread. A case that does the same as the
baseline shows how far to trust the others.

Each round also calls its cases at another depth of the stack. A call that leaves a chunk of the
interpreter's stack costs 20 us or more (``exploring/room.py``). At a fixed depth, chance would say
which case makes how many of these.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from flask_filibuster.exploring.room import with_room

Clock = Callable[[], float]

WARM_UP = 0.2
"""Part of the calls of a block that is made before the clock starts."""

DEPTHS = 128
"""Depths of the stack at which blocks are run: their frames are some more than 16 KiB."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way of doing the thing.

    :ivar name: what to call it.
    :ivar run: does it.
    :ivar around: entered before and left after each block of runs, outside the time.
    :ivar units: how many of what is counted one run does.
    :ivar most: target, the largest ratio to the baseline.
    :ivar most_us: target, the longest time per unit, in microseconds.
    :ivar roomy: whether to call it as an exploration calls its test, see ``exploring/room.py``.
    """

    name: str
    run: Callable[[], object]
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    units: int = 1
    most: float | None = None
    most_us: float | None = None
    roomy: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a case.

    :ivar case: the case.
    :ivar us: median time per unit, in microseconds.
    :ivar ratio: median ratio to the baseline.
    :ivar spread: first and third quartile of the ratio.
    """

    case: Case
    us: float
    ratio: float
    spread: tuple[float, float]

    @property
    def target(self) -> str:
        """The case's target and whether it is met."""
        if self.case.most is not None:
            return f"<= {self.case.most:g} {_met(self.ratio <= self.case.most)}"
        if self.case.most_us is not None:
            return f"<= {self.case.most_us:,.0f} us {_met(self.us <= self.case.most_us)}"
        return ""


def arguments(description: str) -> argparse.Namespace:
    """The command line of a benchmark; also says on what it runs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="only see whether it works")
    parsed = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, {sys.platform}")
    if parsed.quick:
        print("--quick: too short for the numbers to mean anything")
    return parsed


def compare(
    title: str,
    cases: Sequence[Case],
    *,
    quick: bool,
    rounds: int = 400,
    seconds: float = 0.01,
    clock: Clock = time.process_time,
) -> list[Row]:
    """Measure cases against the first of them, and print one row for each.

    :param title: what is measured.
    :param cases: the ways of doing it, the baseline first.
    :param quick: only see whether it works.
    :param rounds: how often each case is measured.
    :param seconds: how long each measurement takes, about.
    :param clock: the time of the processor, which other processes take less part in; the time of
        the day where what is measured waits for something.
    """
    if quick:
        rounds, seconds = 2, 0.001
    counts = [_calibrated(case, seconds, clock) for case in cases]
    times: list[list[float]] = [[] for _ in cases]
    order = list(range(len(cases)))
    # What was made until now would only make each collection longer, for all cases.
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        random.shuffle(order)
        depth = random.randrange(DEPTHS)
        for place in order:
            times[place].append(_deeper(depth, _timed, cases[place], counts[place], clock))
    gc.unfreeze()
    rows = rows_of(cases, times)
    show(f"{title}  ({rounds} rounds)", rows)
    return rows


def rows_of(cases: Sequence[Case], times: Sequence[Sequence[float]]) -> list[Row]:
    """The rows of cases whose time per unit, in seconds, was taken in the same rounds."""
    rows = []
    for case, own in zip(cases, times, strict=True):
        ratios = [time / base for time, base in zip(own, times[0], strict=True)]
        first, third = ratios[0], ratios[-1]
        if len(ratios) > 1:
            first, _, third = statistics.quantiles(ratios, n=4, method="inclusive")
        row = Row(case, statistics.median(own) * 1e6, statistics.median(ratios), (first, third))
        rows.append(row)
    return rows


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table."""
    width = max(len(row.case.name) for row in rows)
    print(f"\n{title}")
    print(f"  {'case':{width}}  {'median us':>10}  {'ratio':>6}  {'quartiles':>13}  target")
    for row in rows:
        spread = f"{row.spread[0]:.3f}-{row.spread[1]:.3f}"
        line = f"  {row.case.name:{width}}  {row.us:10,.2f}  {row.ratio:6.3f}  {spread:>13}  "
        print(f"{line}{row.target}".rstrip())


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


def _calibrated(case: Case, seconds: float, clock: Clock) -> int:
    """How often to run the case in a block that takes about this long."""
    with case.around():
        case.run()
        count = 1
        while True:
            taken = _block(case, count, clock)
            if taken >= seconds / 2:
                return max(1, round(count * seconds / taken))
            count *= 2


def _timed(case: Case, count: int, clock: Clock) -> float:
    """Time per unit in one block, in seconds."""
    gc.collect()  # The garbage of the case before is not this one's.
    with case.around():
        # Entering may have changed classes, which the interpreter then has to learn again.
        if count > 1:
            _block(case, max(1, int(count * WARM_UP)), clock)
        return _block(case, count, clock) / count / case.units


def _block(case: Case, count: int, clock: Clock) -> float:
    repeat = _repeat_with_room if case.roomy else _repeat
    start = clock()
    repeat(case.run, count)
    return clock() - start


def _deeper(depth: int, function: Callable[..., float], *args: object) -> float:
    return _deeper(depth - 1, function, *args) if depth else function(*args)


def _repeat(run: Callable[[], object], count: int) -> None:
    for _ in range(count):
        run()


@with_room
def _repeat_with_room(run: Callable[[], object], count: int) -> None:
    for _ in range(count):
        run()
