"""What each profile and each kind of fault finds in seeded systems, and for how many executions.

First the profiles: in how many of the seeded systems the bug was found, exactly at the calls that
must fail; how many executions that took; and whether anything was found in the careful twins and
in the well-written systems. Then each fault of ``standard`` and of ``thorough``: in how many seeds
it shows the bug by itself, and how many executions have it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator

from benchmarks.measure import arguments
from flask_filibuster.core.vocabulary import ProfileName
from flask_filibuster.faultmodel.profiles import PROFILES
from flask_filibuster.results.execution import Execution
from tests.support.seeded.judged import explored, found
from tests.support.seeded.seed import Seed, all_seeds
from tests.support.seeded.well_written import SYSTEMS

QUICK_SEEDS = 12
"""Every so manieth seed is explored with ``--quick``."""
MOST = 200
"""Executions of one seed, where only the share of each fault is looked at."""


def of_profiles(seeds: Iterable[Seed], systems: Iterable[str]) -> None:
    """Bugs found and executions by profile."""
    seeds, systems = list(seeds), list(systems)
    names = list(PROFILES)
    groups = Counter(seed.group for seed in seeds)
    hits: Counter[tuple[str, str]] = Counter()
    executions: Counter[str] = Counter()
    print(f"\n{'bugs found':28}" + "".join(f"{name:>12}" for name in names))
    for name in names:
        alarms = []
        for seed in seeds:
            there = found(seed, name, careful=False)
            executions[name] += there.executions
            if there.is_at(seed.lines):
                hits[name, seed.group] += 1
            else:
                print(f"  {name}: not found, or not there: {seed}: {list(map(set, there.lines))}")
            if found(seed, name, careful=True).lines:
                alarms.append(str(seed))
        alarms += [system for system in systems if not explored(SYSTEMS[system](), name).ok]
        print(f"  {name}: false alarms: {', '.join(alarms) or 'none'}")
    for group, count in groups.items():
        shares = "".join(f"{f'{hits[name, group]} of {count}':>12}" for name in names)
        print(f"  {group:26}{shares}")
    print(f"{'executions':28}" + "".join(f"{executions[name]:12}" for name in names))


def of_kinds(seeds: Iterable[Seed], profile: ProfileName) -> None:
    """What each fault of a profile finds by itself, and in how many executions, in Markdown."""
    bugs: Counter[str] = Counter()
    executions: Counter[str] = Counter()
    for seed in seeds:
        result = explored(seed.build(False), profile, MOST, **(seed.options or {}))
        shown = {number for bug in result.bugs for number in bug.executions}
        kinds: set[str] = set()
        for execution in result.executions:
            names = set(_names(execution))
            executions.update(names)
            if execution.number in shown and len(names) == 1:
                kinds |= names
        bugs.update(kinds)
    print(f"\n| fault of `{profile}` | seeds whose bug it shows | executions with it |")
    print("| --- | --- | --- |")
    for name, count in bugs.most_common():
        print(f"| {name} | {count} | {executions[name]} |")
    for name in sorted(executions.keys() - bugs.keys()):
        print(f"| {name} | 0 | {executions[name]} |")


def _names(execution: Execution) -> Iterator[str]:
    if execution.faults.has_outage:
        yield "outage"
        return
    for _, fault in execution.injected:
        if fault.is_plain and fault.status is not None:
            yield "a status of the route"
        else:
            yield fault.kind.name if fault.kind.alone else str(fault)


def main() -> None:
    """Run the benchmark."""
    given = arguments(__doc__)
    logging.disable(logging.CRITICAL)
    every = QUICK_SEEDS if given.quick else 1
    seeds = all_seeds()[::every]
    of_profiles(seeds, list(SYSTEMS)[::every])
    of_kinds(seeds[:: 2 * every - 1], "standard")
    of_kinds(seeds[:: 4 * every - 3], "thorough")


if __name__ == "__main__":
    main()
