"""Several executions at once: in simulated time with up to 64 workers, and for real with two.

For real, executions take about 20 ms, most of which services spend waiting, as services do.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import requests
from flask import Flask
from flask.typing import ResponseReturnValue

from benchmarks.measure import arguments
from benchmarks.simulated import gateway
from flask_filibuster import FaultModel, explore
from flask_filibuster.exploring.workers.pool import Pool
from flask_filibuster.results.execution import Observation
from flask_filibuster.search.explorer import Explorer

WORKERS = (1, 2, 4, 8, 16, 32, 64)
EXECUTION = 0.02
LEAST_OF_TWO = 1.7
ROUNDS = 5


class SimulatedFuture(Future[Observation]):
    """A result that is there at a time of the simulation."""

    def __init__(self, executor: SimulatedExecutor, observation: Observation, ready: float) -> None:
        super().__init__()
        self._executor_of = executor
        self._ready = ready
        self.set_result(observation)

    def result(self, timeout: float | None = None) -> Observation:
        """Let the time pass until it is there."""
        self._executor_of.wait_until(self._ready)
        return super().result(timeout)


class SimulatedExecutor(Executor):
    """Workers whose executions take simulated time; deciding takes the time that it really takes.

    :param workers: how many there are.
    :ivar now: seconds of simulated time.
    """

    def __init__(self, workers: int) -> None:
        self.now = 0.0
        self._free = [0.0] * workers
        self._chance = random.Random(1)
        self._last = time.perf_counter()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Let the worker that is free first take it; how long it takes varies by a third."""
        self._think()
        observation = fn(*args)
        self._last = time.perf_counter()  # The simulated application's own time is none.
        worker = min(range(len(self._free)), key=self._free.__getitem__)
        begins = max(self.now, self._free[worker])
        takes = EXECUTION * self._chance.lognormvariate(0, 0.3)
        self._free[worker] = begins + takes
        return SimulatedFuture(self, observation, begins + takes)

    def wait_until(self, ready: float) -> None:
        """Let the time pass that it takes to have a result, if it is not there yet."""
        self._think()
        self.now = max(self.now, ready)

    def _think(self) -> None:
        now = time.perf_counter()
        self.now += now - self._last
        self._last = now


def in_simulated_time(*, quick: bool) -> None:
    """Executions a second by number of workers."""
    application = gateway(2 if quick else 4)
    print(
        f"\nworkers, executions of {EXECUTION * 1000:g} ms in simulated time: executions a second"
    )
    first = 0.0
    for workers in WORKERS:
        executor = SimulatedExecutor(workers)
        pool = Pool(executor, application.run, workers)
        explorer = Explorer(application.model, reduction="exact")
        while (faults := explorer.next()) is not None:
            explorer.learn(faults, pool.observe(faults, explorer))
        rate = explorer.executed / executor.now
        first = first or rate
        print(
            f"  {workers:>3}: {rate:8,.0f}  {rate / first:5.1f} times one, "
            f"{pool.dropped} of {explorer.executed} in vain"
        )


def services() -> Mapping[str, Flask]:
    """A page that asks six services and can do without any of them; each takes its time."""
    page = Flask("page")
    names = [f"part{number}" for number in range(6)]

    @page.get("/")
    def index() -> ResponseReturnValue:
        parts = {}
        for name in names:
            try:
                answer = requests.get(f"http://{name}:5001/", timeout=5)
            except requests.RequestException:  # noqa: PERF203 - as its author would write it
                parts[name] = False
            else:
                parts[name] = answer.ok
        time.sleep(EXECUTION / 2)
        return parts

    return {"http://page:5000": page, **{f"http://{name}:5001": part(name) for name in names}}


def part(name: str) -> Flask:
    """A service that takes a tenth of the time."""
    app = Flask(name)

    @app.get("/")
    def index() -> ResponseReturnValue:
        time.sleep(EXECUTION / 20)
        return {"name": name}

    return app


def get_page() -> None:
    """The test."""
    assert requests.get("http://page:5000/", timeout=30).status_code == 200


def for_real(*, quick: bool) -> None:
    """Executions a second with one and with two processes, without their start."""
    faults = FaultModel(("ConnectionError",), default_statuses=(500,))
    rates: dict[int, list[float]] = {1: [], 2: []}
    order = [1, 2]
    for _ in range(1 if quick else ROUNDS):
        random.shuffle(order)
        for workers in order:
            rates[workers].append(rate_with(workers, faults, most=20 if quick else 300))
    one, two = (statistics.median(rates[workers]) for workers in (1, 2))
    gains = [after / before for before, after in zip(rates[1], rates[2], strict=True)]
    gain = statistics.median(gains)
    met = "met" if gain >= LEAST_OF_TWO else "MISSED"
    print(f"\nfor real: {one:.1f} executions a second with one worker process, {two:.1f} with two")
    print(f"  {gain:.2f} times  target >= {LEAST_OF_TWO:g} {met}")


def rate_with(workers: int, faults: FaultModel, *, most: int) -> float:
    """Executions a second, from the first that comes back on."""
    times: list[float] = []
    explore(
        get_page,
        services,
        faults,
        reduction="none",
        workers=workers,
        max_executions=most,
        progress=lambda *_: times.append(time.perf_counter()),
    )
    # The first runs in this process, and with the third, all workers have been started.
    begun = times[2 * workers + 2 :]
    return (len(begun) - 1) / (begun[-1] - begun[0])


def main() -> None:
    quick = arguments(__doc__).quick
    in_simulated_time(quick=quick)
    for_real(quick=quick)


if __name__ == "__main__":
    main()
