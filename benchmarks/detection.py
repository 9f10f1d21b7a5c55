"""What each profile and each kind of fault finds in seeded systems, and for how many executions.

First the profiles: in how many of the seeded systems the bug was found, exactly at the calls that
must fail; how many executions that took; and whether anything was found in the careful twins and
in the well-written systems. Then each fault of ``thorough`` alone, beside ``quick``: how many
more bugs it finds, for how many more executions.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from benchmarks.measure import arguments
from flask_filibuster import FaultModel, FaultsOf
from flask_filibuster.faultmodel.profiles import PROFILES
from tests.support.seeded.judged import explored, found
from tests.support.seeded.seed import Seed, all_seeds
from tests.support.seeded.well_written import SYSTEMS

QUICK_SEEDS = 12
"""Every so manieth seed is explored with ``--quick``."""


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


def of_kinds(seeds: Iterable[Seed]) -> None:
    """What each fault of the profile ``thorough`` adds to the profile ``quick``."""
    seeds = list(seeds)
    before = {str(seed): found(seed, "quick", careful=False) for seed in seeds}
    print(f"\n{'fault, beside quick':60}{'more bugs':>12}{'more executions':>18}")
    for fault in PROFILES["thorough"].faults:
        bugs = executions = 0
        for seed in seeds:
            after = found(
                seed,
                lambda services, fault=fault: FaultModel.from_services(services, "quick", [fault]),  # type: ignore[misc]
                careful=False,
            )
            executions += after.executions - before[str(seed)].executions
            bugs += after.is_at(seed.lines) and not before[str(seed)].is_at(seed.lines)
        words = str(fault.faults[0]) if isinstance(fault, FaultsOf) else str(fault)
        print(f"  {words[:57]:58}{bugs:12}{executions:18}")


def main() -> None:
    """Run the benchmark."""
    given = arguments(__doc__)
    logging.disable(logging.CRITICAL)
    every = QUICK_SEEDS if given.quick else 1
    seeds = all_seeds()[::every]
    of_profiles(seeds, list(SYSTEMS)[::every])
    of_kinds(seeds[:: 2 * every - 1])


if __name__ == "__main__":
    main()
