"""What an execution of a functional test costs: three services, joined in the mesh.

The baseline is the same requests to the same services in the same mesh, with the extension switched
off in each of them and no test under way: delivered, but not seen.

Two figures have targets as ratios to it:

- A fault-free execution, learned from. What an exploration does once only (joining the services,
  comparing open sockets around its first execution) is not part of it; making its search is. The
  baseline is called at any depth of the stack, as tests are; the execution with room on it, as by
  the loop of an exploration. The baseline with room shows how much of the difference that is.
- An execution of the exploration of two required calls, all in all: the time of ``explore()``, from
  joining the services to the verdict, divided by the number of times that the test runs. That is
  once for each execution of the result, and once more for the repetition of the fault-free one. The
  baseline is the request and the two calls of a fault-free execution; under a fault, one or two of
  the calls are not delivered, and errors are raised and handled instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

import requests
from flask import Flask, abort
from flask.typing import ResponseReturnValue

from benchmarks.measure import Case, arguments, compare
from flask_filibuster import FaultModel, explore
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.exploring.subjects.function import run_once
from flask_filibuster.search.explorer import Explorer

MOST_CHAIN = 1.3
MOST_EXPLORED = 1.2
LEAST_PER_SECOND = 400
TIMEOUT = 5
STATUSES = (404, 500)
EXECUTIONS = 9
RUNS = EXECUTIONS + 1
"""How often the test runs: the fault-free execution is repeated."""

Services = dict[str, Flask]


def service(name: str, *needed: str, enabled: bool) -> Flask:
    """A service that needs some others, and has no answer where one of them fails."""
    app = Flask(name)
    app.config["FILIBUSTER_ENABLED"] = enabled

    @app.get("/")
    def index() -> ResponseReturnValue:
        answers = {}
        try:
            for url in needed:
                response = requests.get(url, timeout=TIMEOUT)
                response.raise_for_status()
                answers[url] = response.json()
        except requests.RequestException:
            abort(503)
        return {"name": name, "needed": answers}

    return app


def chain(*, enabled: bool) -> Services:
    """Front calls middle calls back."""
    return {
        "http://front:5000": service("front", "http://middle:5001/", enabled=enabled),
        "http://middle:5001": service("middle", "http://back:5002/", enabled=enabled),
        "http://back:5002": service("back", enabled=enabled),
    }


def two_calls(*, enabled: bool) -> Services:
    """A calls B, then C, and needs both."""
    return {
        "http://a:5000": service("a", "http://b:5001/", "http://c:5002/", enabled=enabled),
        "http://b:5001": service("b", enabled=enabled),
        "http://c:5002": service("c", enabled=enabled),
    }


def call_front() -> None:
    assert requests.get("http://front:5000/", timeout=TIMEOUT).status_code == 200


def call_a() -> None:
    assert requests.get("http://a:5000/", timeout=TIMEOUT).status_code in (200, 503)


def unobserved(
    stack: ExitStack, services: Services, test: Callable[[], None]
) -> Callable[[], None]:
    """The test's requests in the mesh, and nothing else."""
    around = stack.enter_context(surroundings(services))
    session = Session(timeout=TIMEOUT)

    def run() -> None:
        with session.network(around):
            test()

    return run


def executed(stack: ExitStack, services: Services, *, learned: bool) -> Callable[[], None]:
    """One execution without faults, from its beginning to its trace, or until it is learned from.

    Each is learned from as the first of its exploration, which is the one that costs most.
    """
    around = stack.enter_context(surroundings(services))
    session = Session(timeout=TIMEOUT)
    faults, model = FaultSet(), FaultModel()

    def run() -> None:
        observation = run_once(call_front, session, faults, around)
        assert len(observation.trace.invocations) == len(services) - 1
        if learned:
            Explorer(model).learn(faults, observation)

    return run


def chain_of_three(*, quick: bool) -> None:
    with ExitStack() as stack:
        compare(
            "Fault-free execution of front -> middle -> back",
            [
                Case(
                    "extension switched off",
                    unobserved(stack, chain(enabled=False), call_front),
                ),
                Case(
                    "extension switched off, again",
                    unobserved(stack, chain(enabled=False), call_front),
                ),
                Case(
                    "extension switched off, with room",
                    unobserved(stack, chain(enabled=False), call_front),
                    roomy=True,
                ),
                Case(
                    "extension on, nothing explored",
                    unobserved(stack, chain(enabled=True), call_front),
                ),
                Case(
                    "execution",
                    executed(stack, chain(enabled=True), learned=False),
                    most=MOST_CHAIN,
                    roomy=True,
                ),
                Case(
                    "execution, learned from",
                    executed(stack, chain(enabled=True), learned=True),
                    most=MOST_CHAIN,
                    roomy=True,
                ),
            ],
            quick=quick,
            seconds=0.02,
        )


def runs_of(faults: FaultModel | None) -> int:
    """How often an exploration of the two calls runs the test."""
    count = 0

    def test() -> None:
        nonlocal count
        count += 1
        call_a()

    explore(test, two_calls(enabled=True), faults)
    return count


def explored(faults: FaultModel | None) -> Callable[[], None]:
    """A whole exploration of the two calls."""
    services = two_calls(enabled=True)

    def run() -> None:
        result = explore(call_a, services, faults)
        assert result.ok
        assert result.generated >= EXECUTIONS
        assert faults is None or len(result.executions) == EXECUTIONS

    return run


def executions_per_second(*, quick: bool) -> None:
    model = FaultModel(statuses={"b": STATUSES, "c": STATUSES})
    assert runs_of(model) == RUNS
    analysed = runs_of(None)
    with ExitStack() as stack:
        rows = compare(
            f"explore() of A -> B, A -> C, both required: one of the {RUNS} runs of the test",
            [
                Case("three bare calls", unobserved(stack, two_calls(enabled=False), call_a)),
                Case(
                    "explore(), fault model given",
                    explored(model),
                    units=RUNS,
                    most=MOST_EXPLORED,
                ),
                Case(
                    f"explore(), services analysed ({analysed} runs)",
                    explored(None),
                    units=analysed,
                ),
            ],
            quick=quick,
            clock=time.perf_counter,  # As an execution may wait for threads to end.
        )
    for row in rows[1:]:
        print(f"  {row.case.name}: {1e6 / row.us:,.0f} runs a second")
    print(f"  target: at least {LEAST_PER_SECOND}")
    given = rows[1]
    per_execution = given.ratio * RUNS / EXECUTIONS
    print(
        f"  by the {EXECUTIONS} executions of the result: {per_execution:.3f} times the bare calls"
    )


def main() -> None:
    quick = arguments(__doc__).quick
    chain_of_three(quick=quick)
    executions_per_second(quick=quick)


if __name__ == "__main__":
    main()
