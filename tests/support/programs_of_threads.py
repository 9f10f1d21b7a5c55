"""Random programs of threads that wait for one another: none really waits, and all end.

``python -m tests.support.programs_of_threads N`` runs the first N, in a process without other
threads: beside one that works outside the execution, waits are real.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from random import Random
from typing import Any

from tests.support.timing import in_view

KINDS = ("sleep", "set", "wait", "put", "get", "lock", "release", "acquire", "notify", "changed")
MOST = 8.0
"""Seconds that no program takes, however busy the machine is; most wait for longer in life."""
Steps = list[tuple[str, int, Any]]


def program(chance: Random, depth: int = 0) -> Steps:
    """What one thread does: steps, each with the number of what it uses, and a time or threads."""
    steps: Steps = []
    for _ in range(chance.randint(1, 5)):
        kind = chance.choice((*KINDS, "sleep", "threads", "pool") if depth < 3 else KINDS)
        number = chance.randrange(2)
        if kind in ("threads", "pool"):
            below = [program(chance, depth + 1) for _ in range(chance.randint(1, 3))]
            steps.append((kind, number, below))
        else:
            steps.append((kind, number, chance.choice((0.5, 3, 20, 20.01, 30))))
    return steps


class World:
    """What the threads of one program share."""

    def __init__(self) -> None:
        self.events = [threading.Event() for _ in range(2)]
        self.queues: list[queue.Queue[int]] = [queue.Queue() for _ in range(2)]
        self.lock = threading.RLock()
        self.changed = threading.Condition()
        self.semaphore = threading.Semaphore(0)

    def run(self, steps: Steps) -> None:
        """Take the steps, then wait for the threads that they have started."""
        threads: list[threading.Thread] = []
        for kind, number, what in steps:
            if kind == "threads":
                threads += [threading.Thread(target=self.run, args=(each,)) for each in what]
                for each in threads[-len(what) :]:
                    each.start()
            elif kind == "pool":
                self._in_pool(number + 1, what)
            else:
                self._take(kind, number, what)
        for each in threads:
            each.join(20)
        for each in threads:
            each.join()

    def _in_pool(self, workers: int, tasks: list[Steps]) -> None:
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(self.run, each) for each in tasks]:
                with suppress(FutureTimeout):
                    future.result(timeout=20)

    def _take(self, kind: str, number: int, seconds: float) -> None:
        event, items = self.events[number], self.queues[number]
        take: dict[str, Callable[[], object]] = {
            "sleep": lambda: time.sleep(seconds),
            "set": event.set,
            "wait": lambda: event.wait(seconds),
            "put": lambda: items.put(number),
            "get": lambda: items.get(timeout=seconds),
            "release": self.semaphore.release,
            "acquire": lambda: self.semaphore.acquire(timeout=seconds),
        }
        with suppress(queue.Empty):
            if kind == "lock":
                with self.lock:
                    time.sleep(0.01)
            elif kind in ("notify", "changed"):
                with self.changed:
                    self.changed.notify() if kind == "notify" else self.changed.wait(seconds)
            else:
                take[kind]()


def _main() -> None:
    for seed in range(int(sys.argv[1])):
        steps = program(Random(seed))
        began = time.monotonic()
        in_view(lambda: World().run(steps), settle=0.1)  # noqa: B023 - it is over by then
        took = time.monotonic() - began
        if took > MOST:
            sys.exit(f"program {seed} took {took:.0f} s: {steps}")


if __name__ == "__main__":
    _main()
