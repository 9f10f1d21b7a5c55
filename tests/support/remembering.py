"""Random simulated applications that remember failures: within a request, or beyond it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.execution import Observation
from tests.support.simulation import (
    Answer,
    FirstError,
    FunctionalTest,
    Orderly,
    Part,
    Seen,
    Service,
    SimulatedCall,
    Simulation,
)

MODEL = FaultModel(("ConnectionError", "Timeout"), default_statuses=(429, 500))
KINDS = ("ConnectionError", "Timeout", "429", "500")


@dataclass
class Remembering:
    """Tries a service twice, maybe a second one, and remembers how each attempt failed.

    :ivar bad: the two failures, one after the other, after which it breaks down.
    :ivar beyond: whether it remembers them beyond the request.
    """

    bad: tuple[str, str]
    beyond: bool
    callees: tuple[str, ...]
    body: str = "plain"
    observed: bool = True
    seen: list[str] = field(default_factory=list)

    def handle(self, content: str) -> Part:
        before = self.seen if self.beyond else []
        if self.beyond and tuple(before[-2:]) == self.bad:
            return Answer(500)
        for callee in self.callees:
            for _ in range(1 if self.beyond else 2):
                reply = yield SimulatedCall(callee, line=1 + self.callees.index(callee))
                how = str(reply.outcome.exception or reply.outcome.status)
                if not reply.outcome.failed:
                    break
                before.append(how)
            if not self.beyond and tuple(before[-2:]) == self.bad:
                return Answer(500)
        return Answer(503 if before else 200)


def judge(seen: Seen) -> str:
    return FirstError.__name__ if any(status == "500" for status, _ in seen) else "passed"


def remembering(seed: int, most: int = 1) -> Callable[[FaultSet], Observation]:
    """A random one: what runs its test under a fault set.

    :param most: services that are called within a request at most.
    """
    chance = random.Random(seed)
    beyond = chance.random() < 0.5
    bad = chance.choice(KINDS), chance.choice(KINDS)
    callees = tuple("bc"[: chance.randint(1, 1 if beyond else most)])
    front = Remembering(bad, beyond, callees)
    services: dict[str, Service] = {"front": front, "b": Orderly(), "c": Orderly()}
    requests = ("front",) * (3 if beyond else 1)
    simulation = Simulation(services, FunctionalTest(requests, judge))

    def run(faults: FaultSet) -> Observation:
        front.seen.clear()
        return simulation.run(faults)

    return run


@dataclass
class Deferring:
    """Keeps how its first call failed, and acts on it when a later call fails.

    :ivar bad: the two failures after which it breaks down; ``None`` for the second: any.
    """

    bad: tuple[str, str | None]
    callees: tuple[str, ...]
    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        failures: list[str] = []
        for line, callee in enumerate(self.callees, 1):
            reply = yield SimulatedCall(callee, line=line)
            if reply.outcome.failed:
                failures.append(str(reply.outcome.exception or reply.outcome.status))
        first, second = self.bad
        if failures[:1] == [first] and failures[1:2] and second in (None, failures[1]):
            return Answer(500)
        return Answer(503 if failures else 200)


@dataclass
class Breaking:
    """Counts one kind of failure of its callees over all requests, and breaks down at the limit.

    :ivar kind: the failure that counts; ``None``: any.
    """

    kind: str | None
    limit: int
    callees: tuple[str, ...]
    body: str = "plain"
    observed: bool = True
    seen: list[str] = field(default_factory=list)

    def handle(self, content: str) -> Part:
        if len(self.seen) >= self.limit:
            return Answer(500)
        partial = False
        for line, callee in enumerate(self.callees, 1):
            reply = yield SimulatedCall(callee, line=line)
            if reply.outcome.failed:
                partial = True
                how = str(reply.outcome.exception or reply.outcome.status)
                if self.kind in (None, how):
                    self.seen.append(how)
        return Answer(503 if partial else 200)


def stateful(seed: int) -> Callable[[FaultSet], Observation]:
    """A random application of further kinds: what runs its test under a fault set."""
    chance = random.Random(seed)
    front: Deferring | Breaking
    if chance.random() < 0.5:
        front = Deferring((chance.choice(KINDS), chance.choice((None, *KINDS))), ("b", "c"))
        requests = 1
    else:
        requests = chance.randint(2, 3)
        kind = chance.choice((None, *KINDS))
        # Three requests with two calls each have 15,625 fault sets.
        callees = ("b", "c")[: chance.randint(1, 2 if requests == 2 else 1)]
        front = Breaking(kind, chance.randint(1, requests - 1), callees)
    services: dict[str, Service] = {"front": front, "b": Orderly(), "c": Orderly()}
    simulation = Simulation(services, FunctionalTest(("front",) * requests, judge))

    def run(faults: FaultSet) -> Observation:
        if isinstance(front, Breaking):
            front.seen.clear()
        return simulation.run(faults)

    return run
