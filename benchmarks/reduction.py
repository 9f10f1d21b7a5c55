"""What reduction saves, and what it loses.

First the shapes for which counts are published: fault sets run with none, exact and equivalence
reduction, in Flask. Then random simulated applications: those whose services react to a failure
where it happens, and those in which every step is a whim that remembers all that was seen before.
For these, in how many of them equivalence missed an answer to the test, a verdict of it, or a
sequence of calls, and in how many of those an audit of 20 sets tells. Last, applications that
remember failures: how many of their bugs the default loses, and how many of those without a note.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from benchmarks.measure import arguments
from flask_filibuster import FaultModel, explore
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.options.kinds import REDUCTIONS
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support import shapes
from tests.support.driving import run_all
from tests.support.remembering import MODEL, remembering, stateful
from tests.support.simulation import (
    FunctionalTest,
    Orderly,
    Service,
    Simulation,
    Step,
    Whimsical,
    WhimsicalJudge,
)

APPLICATIONS = 300
LARGEST = 400
AUDIT = 20
FAULTS = FaultModel(("ConnectionError", "Timeout"), default_statuses=(500, 503))
# Without equivalence, more would take minutes.
GATEWAY = 4


def of_shapes() -> None:
    """Executions by shape and reduction."""
    print("\nexecutions by reduction")
    print(f"  {'shape':28}" + "".join(f"{name:>13}" for name in REDUCTIONS))
    for shape, url in shapes.REQUESTS.items():
        sizes = (GATEWAY, len(shapes.DEPENDENCIES)) if shape == "gateway" else (None,)
        for size in sizes:
            services = getattr(shapes, shape)(*(() if size is None else (size,)))
            counts = []
            for reduction in REDUCTIONS:
                if size == len(shapes.DEPENDENCIES) and reduction != "equivalence":
                    counts.append("-")
                    continue
                result = explore(
                    lambda url=url: requests.get(url, timeout=30),  # type: ignore[misc]
                    services,
                    shapes.FAULTS[shape],
                    reduction=reduction,
                )
                counts.append(str(len(result.executions)))
            name = shape if size is None else f"{shape} of {size}"
            print(f"  {name:28}" + "".join(f"{count:>13}" for count in counts))
    print(f"  the gateway of {len(shapes.DEPENDENCIES)} has {result.generated:,} fault sets in all")


def application(chance: random.Random, *, whimsical: bool) -> Simulation:
    """An application of two to five services and its test."""
    names = [f"s{number}" for number in range(chance.randint(2, 5))]
    services: dict[str, Service] = {}
    for number, name in enumerate(names):
        callees = names[number + 1 :]
        if not callees:
            services[name] = Orderly()
        elif whimsical:
            services[name] = Whimsical(chance.randint(0, 1000), tuple(callees), 3)
        else:
            services[name] = Orderly(
                tuple((step(chance, callees),) for _ in range(chance.randint(1, 3))),
                tells=chance.random() < 0.7,
                reads=chance.random() < 0.7,
            )
    requested = chance.choice([("s0",), ("s0", "s0"), ("s0", "s1")])
    judge = WhimsicalJudge(chance.randint(0, 1000))
    return Simulation(services, FunctionalTest(requested, judge, chance.random() < 0.5))


def step(chance: random.Random, callees: list[str]) -> Step:
    """A call, and what is done about its failure."""
    return Step(
        to=chance.choice(callees),
        attempts=chance.choice([1, 1, 2]),
        retries_statuses=chance.random() < 0.5,
        fallback=chance.choice([None, None, *callees]),
        gives_up=chance.choice([None, None, 500, 503]),
        passes_on=chance.random() < 0.5,
        skipped=chance.random() < 0.5,
        posts=chance.random() < 0.3,
    )


@dataclass
class Tally:
    """What came of many applications.

    :ivar applications: how many.
    :ivar executions: in all, by reduction.
    :ivar lost: applications of which something was missed, by what.
    :ivar told: those of which an audit told so.
    """

    applications: int
    executions: dict[str, int]
    lost: dict[str, int]
    missed: int
    told: int


def sequences(result: Result) -> set[tuple[ExecutionIndex, tuple[ExecutionIndex, ...]]]:
    """What every handler was seen to call."""
    return {
        (handler, tuple(call.index for call in calls))
        for execution in result.executions
        for handler, calls in execution.trace.calls().items()
    }


def seen(simulation: Simulation, result: Result) -> Mapping[str, set[object]]:
    """What an exploration has seen, by what it is."""
    return {
        "answers": {answer for answer, _ in simulation.ends},
        "verdicts": {verdict for _, verdict in simulation.ends},
        "sequences": set(sequences(result)),
    }


def measured(count: int, *, whimsical: bool) -> Tally:
    """Explore many applications with and without equivalence."""
    tally = Tally(0, dict.fromkeys(REDUCTIONS, 0), {}, 0, 0)
    seed = 0
    while tally.applications < count:
        seed += 1
        full = application(random.Random(seed), whimsical=whimsical)
        everything = run_all(Explorer(FAULTS, reduction="none", max_executions=LARGEST), full.run)
        if everything.remaining or len(everything.executions) < 3:
            continue
        tally.applications += 1
        tally.executions["none"] += len(everything.executions)
        again = [application(random.Random(seed), whimsical=whimsical) for _ in range(3)]
        exact = run_all(Explorer(FAULTS, reduction="exact"), again[0].run)
        tally.executions["exact"] += len(exact.executions)
        reduced = run_all(Explorer(FAULTS), again[1].run)
        tally.executions["equivalence"] += len(reduced.executions)
        before, then = seen(full, everything), seen(again[1], reduced)
        lost = [name for name in before if before[name] - then[name]]
        for name in lost:
            tally.lost[name] = tally.lost.get(name, 0) + 1
        if lost:
            tally.missed += 1
            audited = run_all(Explorer(FAULTS, audit=AUDIT, seed=seed), again[2].run)
            tally.told += bool(audited.observed)
    return tally


def of_random_applications(count: int) -> None:
    """What is saved and lost on random applications."""
    for whimsical in False, True:
        kind = "whose every step is a whim" if whimsical else "that react where it happens"
        tally = measured(count, whimsical=whimsical)
        print(f"\n{tally.applications} random applications {kind}")
        print("  executions: " + ", ".join(f"{n:,} {r}" for r, n in tally.executions.items()))
        lost = ", ".join(f"{n} {what}" for what, n in tally.lost.items()) or "nothing"
        print(f"  equivalence missed in {tally.missed}: {lost}")
        if tally.missed:
            print(f"  an audit of {AUDIT} sets tells in {tally.told} of them")


def of_memory(count: int) -> None:
    """What the default loses if failures are remembered, and whether it says so."""
    kinds = (
        ("that remember failures", lambda seed: remembering(seed, most=2)),
        ("that keep state", stateful),
    )
    for kind, made in kinds:
        executions = dict.fromkeys(("none", "exact", "default"), 0)
        failing = lost = silent = 0
        for seed in range(count):
            everything = run_all(Explorer(MODEL, reduction="none", audit=0), made(seed))
            exact = run_all(Explorer(MODEL, reduction="exact", audit=0), made(seed))
            default = run_all(Explorer(MODEL, audit=None), made(seed))
            for name, result in zip(executions, (everything, exact, default), strict=True):
                executions[name] += len(result.executions)
            if everything.failures:
                failing += 1
                lost += not default.failures
                silent += not (default.failures or default.notes)
        print(f"\n{count} random applications {kind}")
        print("  executions: " + ", ".join(f"{n:,} {r}" for r, n in executions.items()))
        print(f"  of {failing} that fail, the default lost {lost}, {silent} of them without a note")


def main() -> None:
    quick = arguments(__doc__).quick
    of_shapes()
    of_random_applications(10 if quick else APPLICATIONS)
    of_memory(10 if quick else APPLICATIONS)


if __name__ == "__main__":
    main()
