"""The search on simulated applications, without Flask: what a set costs, what workers gain.

First whole explorations, of applications that make the same calls, of which one more can fail for
ten times the sets; as many sets as the prototype is reported to have taken 748 s for; then the
decision on the same sets, by how much has been learned before; then how many executions a second
there are with 1 to 64 workers, in simulated time.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Case, arguments, compare, rows_of, show
from benchmarks.parallel import in_simulated_time
from benchmarks.simulated import (
    PROTOTYPE,
    SimulatedApplication,
    as_many_as_the_prototype,
    gateway,
    layers,
)
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.explorer import Explorer
from flask_filibuster.search.reduction.exact import ExactReduction
from tests.support.driving import run_all

FULL, QUICK = (3, 4, 5), (1, 2)
"""Powers of ten of the numbers of sets, where all of them are run."""

FURTHER = (3, 4, 5, 6)
"""The same, where most are left out."""

SAMPLE = 200
ENOUGH = 10_000
"""Sets to take together for one measurement."""

ROUNDS = 3
MOST = 1.25
"""Room for caches of the processor, which a larger history fills."""

MOST_GROWTH = 1.5
MOST_US, MOST_BYTES, MOST_SECONDS = 60, 1500, 3.0

Application = Callable[[int], SimulatedApplication]


def searched(application: SimulatedApplication) -> tuple[float, Result]:
    """Explore to the end: the time that the search itself took, in seconds, and the result."""
    explorer = Explorer(application.model, reduction="exact")
    clock = time.process_time
    taken = 0.0
    while True:
        start = clock()
        faults = explorer.next()
        taken += clock() - start
        if faults is None:
            break
        # The collector looks through what the search keeps, so all of its work counts as the
        # search's: otherwise, chance says how much of it falls into the application's time.
        gc.disable()
        observation = application.run(faults)
        gc.enable()
        start = clock()
        explorer.learn(faults, observation)
        taken += clock() - start
    result = explorer.result()
    assert result.generated == application.generated
    return taken, result


def by_number_of_sets(build: Application, powers: tuple[int, ...], *, quick: bool) -> None:
    """Time per set of whole explorations; the baseline is the one of 10^4 sets."""
    powers = QUICK if quick else powers
    applications = [build(weak) for weak in powers]
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
    base = 0 if quick else powers.index(4)
    places = [base, *(place for place in range(len(powers)) if place != base)]
    cases = [
        Case(
            f"{applications[place].generated:,} sets, {run[place]:,} of them run",
            lambda: None,
            most=MOST_GROWTH if place > base else None,
            most_us=MOST_US if place == base else None,
        )
        for place in places
    ]
    title = f"{build.__name__}: the whole search, time per set"
    show(title, rows_of(cases, [times[place] for place in places]))


def as_the_prototype(*, quick: bool) -> None:
    """As many sets as the prototype needed 748 s for."""
    taken = sorted(searched(as_many_as_the_prototype())[0] for _ in range(1 if quick else ROUNDS))[
        0 if quick else ROUNDS // 2
    ]
    met = "met" if taken < MOST_SECONDS else "MISSED"
    print(f"\n{PROTOTYPE:,} sets: {taken:.2f} s of deciding  target < {MOST_SECONDS:g} s {met}")


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


def memory(build: Application, powers: tuple[int, ...], *, quick: bool) -> None:
    """Memory that an exploration holds at its end, with the traces of all executions."""
    print(f"\n{build.__name__}: memory held at the end")
    for weak in QUICK if quick else powers:
        application = build(weak)
        gc.collect()
        tracemalloc.start()
        explorer = Explorer(application.model, reduction="exact")
        result = run_all(explorer, application.run)
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()
        held = snapshot.statistics("filename")
        total, sets = sum(each.size for each in held), result.generated
        a_set = total / sets
        line = f"  {sets:>9,} sets: {a_set:7,.0f} bytes a set, {total / 2**20:,.1f} MiB"
        if powers is FURTHER:
            line += f"  target < {MOST_BYTES} {'met' if a_set < MOST_BYTES else 'MISSED'}"
        print(line)
    for each in held[:6]:
        where = Path(each.traceback[0].filename)
        name = f"{where.parent.name}/{where.name}"
        print(f"  {'':>8}       {each.size / sets:7,.0f} of it from {name}")


def main() -> None:
    quick = arguments(__doc__).quick
    by_number_of_sets(layers, FURTHER, quick=quick)
    by_number_of_sets(gateway, FULL, quick=quick)
    as_the_prototype(quick=quick)
    by_history(quick=quick)
    in_simulated_time(quick=quick)
    memory(layers, FURTHER, quick=quick)
    memory(gateway, FULL[:-1], quick=quick)


if __name__ == "__main__":
    main()
