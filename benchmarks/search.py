"""What deciding on fault sets costs, by how many there are and have been.

Applications are simulated and their time is left out: what is measured is the search alone, with
exact reduction. First whole explorations, of applications that make the same calls, of which one
more can fail for ten times the sets; then the decision on the same sets, by how much has been
learned before.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Case, arguments, compare, rows_of, show
from benchmarks.simulated import SimulatedApplication, gateway, layers
from flask_filibuster.exploration.behaviour import Behaviour
from flask_filibuster.exploration.explorer import Explorer, run_all
from flask_filibuster.exploration.reduction import ExactReduction
from flask_filibuster.exploration.result import Execution, Result

FULL, QUICK = (3, 4, 5), (1, 2)
"""Powers of ten of the numbers of sets."""

SAMPLE = 200
ENOUGH = 10_000
"""Sets to take together for one measurement."""

ROUNDS = 3
MOST = 1.25
"""Room for caches of the processor, which a larger history fills."""

Application = Callable[[int], SimulatedApplication]


def searched(application: SimulatedApplication) -> tuple[float, Result]:
    """Explore to the end: the time that the search itself took, in seconds, and the result."""
    explorer = Explorer(application.model)
    clock = time.process_time
    taken = 0.0
    while True:
        start = clock()
        faults = explorer.next()
        taken += clock() - start
        if faults is None:
            break
        observation = application.run(faults)
        start = clock()
        explorer.learn(faults, observation)
        taken += clock() - start
    result = explorer.result()
    assert result.generated == application.generated
    return taken, result


def by_number_of_sets(build: Application, *, quick: bool) -> None:
    """Time per set of whole explorations."""
    applications = [build(weak) for weak in (QUICK if quick else FULL)]
    times: list[list[float]] = [[] for _ in applications]
    run = [0 for _ in applications]
    order = list(range(len(applications)))
    for _ in range(1 if quick else ROUNDS):
        random.shuffle(order)
        for place in order:
            gc.collect()
            taken, run[place] = searched_often(
                applications[place], 1 if quick else ENOUGH // applications[place].generated
            )
            times[place].append(taken)
    cases = [
        Case(
            f"{application.generated:,} sets, {executions:,} of them run",
            lambda: None,
            most=MOST if place else None,
        )
        for place, (application, executions) in enumerate(zip(applications, run, strict=True))
    ]
    show(f"{build.__name__}: the whole search, time per set", rows_of(cases, times))


def searched_often(application: SimulatedApplication, often: int) -> tuple[float, int]:
    """Time per set, over some explorations that are short, and how many sets one runs."""
    taken, result = searched(application)
    for _ in range(often - 1):
        taken += searched(application)[0]
    return taken / max(1, often) / result.generated, len(result.executions)


def by_history(*, quick: bool) -> None:
    """Time to decide on the same sets after few and after many executions."""
    powers = QUICK if quick else FULL
    executions = searched(gateway(powers[-1]))[1].executions
    # Known all along: where a set is not yet known, the way to where that shows is shorter.
    sample = random.sample(executions[: 10 ** powers[0]], min(SAMPLE, 10 ** powers[0]))
    compare(
        "gateway: the decision on the same sets, by how many executions there have been",
        [
            Case(
                f"{10**power:,} executions",
                deciding(executions[: 10**power], sample),
                units=len(sample),
                most=MOST if place else None,
            )
            for place, power in enumerate(powers)
        ],
        quick=quick,
    )


def deciding(history: tuple[Execution, ...], sample: list[Execution]) -> Callable[[], None]:
    """Decide on the sets of a sample, all of which the history makes predictable."""
    behaviour = Behaviour()
    for execution in history:
        behaviour.learn(execution.trace, "passed")
    reduction = ExactReduction(behaviour)
    sets = [execution.faults for execution in sample]

    def decide() -> None:
        for faults in sets:
            prediction = reduction.predict(faults)
            assert prediction is not None
            assert prediction.answer == "passed"

    return decide


def memory(build: Application, *, quick: bool) -> None:
    """Memory that an exploration holds at its end, with the traces of all executions."""
    print(f"\n{build.__name__}: memory held at the end")
    for weak in QUICK if quick else FULL:
        application = build(weak)
        gc.collect()
        tracemalloc.start()
        explorer = Explorer(application.model)
        result = run_all(explorer, application.run)
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()
        held = snapshot.statistics("filename")
        total, sets = sum(each.size for each in held), result.generated
        print(f"  {sets:>8,} sets: {total / sets:7,.0f} bytes a set, {total / 2**20:,.1f} MiB")
    for each in held[:6]:
        where = Path(each.traceback[0].filename)
        name = f"{where.parent.name}/{where.name}"
        print(f"  {'':>8}       {each.size / sets:7,.0f} of it from {name}")


def main() -> None:
    quick = arguments(__doc__).quick
    for build in (gateway, layers):
        by_number_of_sets(build, quick=quick)
    by_history(quick=quick)
    for build in (gateway, layers):
        memory(build, quick=quick)


if __name__ == "__main__":
    main()
