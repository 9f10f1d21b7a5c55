"""Simulated applications: services without Flask, for the search to be tried on by the thousand.

A service is a generator. It yields the calls that it makes, is sent what came back, and returns its
answer. What a test execution leaves behind is the trace that the instrumentation would have made of
it: the same indexes, positions, outcomes, and nothing else.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.positions import Counter, Strand
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.results.execution import Observation

PASSED = "passed"


class FirstError(AssertionError):
    """One way for a simulated test to fail."""


class SecondError(AssertionError):
    """Another one."""


Seen = tuple[tuple[str, str], ...]
"""What a caller saw of its calls: how each ended, and what it could read in the body.

What a test has asked about the faults, and was told, is added to that.
"""

Judge = Callable[[Seen], str]

BUGS = {bug.__name__: bug for bug in (FirstError, SecondError)}


@dataclass(frozen=True)
class SimulatedCall:
    """A call that a service wants to make.

    :ivar content: what it sends along; no part of the call's execution index.
    :ivar line: where in the service's source it is made; 0 where nobody can tell.
    """

    to: str
    method: str = "GET"
    timeout: float | None = 1.0
    content: str = ""
    line: int = 0


@dataclass(frozen=True)
class Reply:
    """What a caller gets to see: how its call ended, and what it can read in the body."""

    outcome: Outcome
    meaning: str = ""

    @property
    def seen(self) -> tuple[str, str]:
        return self.outcome.exception or str(self.outcome.status), self.meaning


@dataclass(frozen=True)
class Answer:
    """What a service answers."""

    status: int
    meaning: str = ""
    crashed: bool = False


Part = Generator[Any, Any, Any]


@dataclass(frozen=True)
class AtOnce:
    """Several parts of a program, each in a thread of its own, waited for in their order."""

    parts: tuple[Part, ...]


class Service(Protocol):
    """A simulated service.

    :ivar body: ``"plain"``; ``"volatile"``: its bytes differ each time; ``"streamed"``: nobody
        sees its bytes in passing.
    :ivar observed: whether it runs under instrumentation of its own.
    """

    @property
    def body(self) -> str: ...

    @property
    def observed(self) -> bool: ...

    def handle(self, content: str) -> Part: ...


class Place:
    """Where in an execution a program is: what ``Frame`` is in a real one, and what it has seen."""

    def __init__(self, service: str, index: ExecutionIndex, content: str) -> None:
        self.service = service
        self.index = index
        self.history: tuple[Any, ...] = (content,)
        self.counter = Counter()
        self.strand = Strand()

    def fork(self, number: int) -> Place:
        forked = Place(self.service, self.index, "")
        forked.history = (*self.history, number)
        forked.counter = self.counter
        forked.strand = self.strand.fork()
        return forked


@dataclass(frozen=True)
class FunctionalTest:
    """A test: requests, one after the other, and a verdict that depends on what came back.

    :ivar requests: services that are requested.
    :ivar judge: from what was seen of the requests to ``PASSED`` or the name of a bug. The test
        passes in any case if nothing else was seen than without faults.
    :ivar stops: whether it ends at the first request that fails.
    :ivar asks: which faults it asks about before it judges, one after the other until it is told
        that there is one: services, or ``None`` for any.
    :ivar method: of its requests.
    """

    requests: tuple[str, ...]
    judge: Judge
    stops: bool = False
    asks: tuple[str | None, ...] = ()
    method: str = "GET"

    def part(self) -> Part:
        seen: list[tuple[str, str]] = []
        for name in self.requests:
            reply = yield SimulatedCall(name, self.method, timeout=None)
            seen.append(reply.seen)
            if self.stops and reply.outcome.failed:
                break
        return tuple(seen)


@dataclass
class Simulation:
    """An application and its test, to be run under fault sets.

    :ivar order: decides in which order parallel parts come to run.
    :ivar steps: every step of every handler so far: who, having seen what, did what.
    :ivar ends: the verdicts so far, with what the test had seen.
    :ivar runs: every fault set so far.
    """

    services: Mapping[str, Service]
    test: FunctionalTest
    order: random.Random = field(default_factory=lambda: random.Random(0))
    steps: set[tuple[Any, ...]] = field(default_factory=set)
    ends: set[tuple[Any, str]] = field(default_factory=set)
    runs: list[FaultSet] = field(default_factory=list)
    noise: Iterator[int] = field(default_factory=itertools.count)
    _usual: object = None

    def run(self, faults: FaultSet) -> Observation:
        """Run the test once."""
        execution = _Execution(self, faults)
        seen = execution.drive(self.test.part(), Place("", ROOT, "")) + execution.told()
        if not faults:
            self._usual = seen
        verdict = PASSED if seen == self._usual else self.test.judge(seen)
        self.runs.append(faults)
        self.ends.add((seen, verdict))
        return execution.observation(verdict)

    def verdict(self, faults: FaultSet) -> str:
        """The verdict of running the test under these faults, in the words of the search."""
        error = self.run(faults).error
        return PASSED if error is None else f"{__name__}.{type(error).__name__} at ?"


class _Execution:
    def __init__(self, simulation: Simulation, faults: FaultSet) -> None:
        self._simulation = simulation
        self._faults = faults
        self._planned = FaultsInOrder(faults)
        self._asked: set[str | None] = set()
        self._calls: list[Call] = []
        self._handlings: list[Handling] = []

    def told(self) -> Seen:
        """Ask what the test asks."""
        told: Seen = ()
        for question in self._simulation.test.asks:
            self._asked.add(question)
            injected = any(question in (None, planned.service) for planned in self._faults)
            told += ((str(question), str(injected)),)
            if injected:
                break
        return told

    def drive(self, program: Part, place: Place) -> Any:
        """Run a program to its end."""
        received: Any = None
        while True:
            try:
                wanted = program.send(received)
            except StopIteration as end:
                self._step(place, end.value.seen if isinstance(end.value, Reply) else end.value)
                return end.value
            if isinstance(wanted, AtOnce):
                received = self._at_once(wanted, place)
            else:
                self._step(place, wanted)
                received = self._call(wanted, place)
                place.history = (*place.history, (wanted, received.seen))

    def _step(self, place: Place, what: object) -> None:
        self._simulation.steps.add((place.index, place.history, what))

    def _at_once(self, wanted: AtOnce, place: Place) -> list[Any]:
        places = [place.fork(number) for number in range(len(wanted.parts))]
        results: dict[int, Any] = {}
        for number in self._simulation.order.sample(range(len(places)), len(places)):
            results[number] = self.drive(wanted.parts[number], places[number])
        place.history = (*place.history, tuple(each.history for each in places))
        return [results[number] for number in range(len(places))]

    def _call(self, call: SimulatedCall, place: Place) -> Reply:
        signature = f"{place.service} {call.method} {call.to} {place.strand.name}"
        index = place.index.child(signature, place.counter.next(signature))
        invocation = Call(
            index=index,
            source=place.service,
            target=call.to,
            method=call.method,
            url=f"http://{call.to}/",
            timeout=(call.timeout, call.timeout),
            position=place.strand.next_call(),
            callsite=CallSite(f"{place.service}.py", call.line, "handle") if call.line else None,
        )
        planned = self._planned.of(invocation) if place.service else None
        if planned is not None:
            invocation = replace(invocation, fault=planned.fault)
        if planned is None:
            reply = self._handle(index, call)
        else:
            if not planned.fault.abort:
                self._handle(index, call)
            reply = Reply(planned.fault.outcome)
        self._calls.append(replace(invocation, outcome=reply.outcome))
        return reply

    def _handle(self, index: ExecutionIndex, call: SimulatedCall) -> Reply:
        service = self._simulation.services[call.to]
        answer: Answer = self.drive(
            service.handle(call.content), Place(call.to, index, call.content)
        )
        outcome = Outcome(status=answer.status)
        if answer.status < 400 and service.body != "streamed" and service.observed:
            text = answer.meaning
            if service.body == "volatile":
                text += f" at {next(self._simulation.noise)}"
            digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
            outcome = Outcome(status=answer.status, digest=digest)
        if service.observed:
            crash = Crash("KeyError: 'name'", None) if answer.crashed else None
            self._handlings.append(Handling(index, call.to, call.method, "/", outcome, crash))
        return Reply(outcome, answer.meaning if answer.status < 400 else "")

    def observation(self, verdict: str) -> Observation:
        made = {call.index: call for call in self._calls}
        alone = [each for each in self._faults if each.outage is None]
        problems = [each.not_made for each in alone if each.index not in made]
        if self._faults.has_outage:
            problems = list(self._planned.unmet(made))
        problems += ["an index twice"] * (len(self._calls) - len(made))
        shuffled = self._simulation.order.sample(self._calls, len(self._calls))
        error = None if verdict == PASSED else BUGS[verdict](verdict)
        trace = Trace.of(shuffled, self._handlings)
        return Observation(trace, error, tuple(problems), frozenset(self._asked))


@dataclass(frozen=True)
class Step:
    """A call that a service makes, and what it does about its failures.

    :ivar to: service that is called.
    :ivar attempts: how often it is tried.
    :ivar retries_statuses: whether a bad status, too, leads to the next attempt.
    :ivar fallback: service that is called in its place.
    :ivar gives_up: status that is answered when all this has failed; ``None``: without the data.
    :ivar passes_on: whether a bad status is answered as it is, instead of ``gives_up``.
    :ivar skipped: whether it is left out when data is missing by then.
    :ivar posts: whether it sends along which data is missing by then.
    :ivar patience: timeout when nothing is missing, and when something is.
    """

    to: str
    attempts: int = 1
    retries_statuses: bool = True
    fallback: str | None = None
    gives_up: int | None = None
    passes_on: bool = False
    skipped: bool = False
    posts: bool = False
    patience: tuple[float | None, float | None] = (1.0, 1.0)

    def part(self, missing: frozenset[str], line: int = 0) -> Part:
        """SimulatedCall, and fall back; the first of two lines is ``line``."""
        method = "POST" if self.posts else "GET"
        content = ",".join(sorted(missing)) if self.posts else ""
        timeout = self.patience[bool(missing)]
        for _ in range(self.attempts):
            reply = yield SimulatedCall(self.to, method, timeout, content, line)
            if not reply.outcome.failed:
                return reply
            if reply.outcome.status is not None and not self.retries_statuses:
                break
        if self.fallback is not None:
            reply = yield SimulatedCall(self.fallback, method, timeout, content, line + 1)
        return reply


@dataclass(frozen=True)
class Orderly:
    """A service as people write them.

    :ivar stages: what it calls, one stage after the other; the steps of a stage run at once.
    :ivar tells: whether its answer tells which data is missing.
    :ivar reads: whether what an answer tells is missing is missing here, too.
    :ivar touchy: whether it crashes on a failure if its request tells that data is missing.
    """

    stages: tuple[tuple[Step, ...], ...] = ()
    tells: bool = True
    reads: bool = True
    touchy: bool = False
    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        missing: set[str] = set()
        for number, stage in enumerate(self.stages):
            lines = {id(step): 100 * number + 2 * place + 1 for place, step in enumerate(stage)}
            steps = [step for step in stage if not (step.skipped and missing)]
            parts = tuple(step.part(frozenset(missing), lines[id(step)]) for step in steps)
            if len(parts) == 1:
                replies = [(yield from parts[0])]
            else:
                replies = yield AtOnce(parts)
            for step, reply in zip(steps, replies, strict=True):
                if not reply.outcome.failed:
                    missing.update(reply.meaning.split(",") if reply.meaning and self.reads else ())
                elif self.touchy and content:
                    return Answer(500, crashed=True)
                elif step.passes_on and reply.outcome.status is not None:
                    return Answer(reply.outcome.status)
                elif step.gives_up is not None:
                    return Answer(step.gives_up)
                else:
                    missing.add(step.to)
        return Answer(200, ",".join(sorted(missing)) if self.tells else "")


@dataclass(frozen=True)
class Whimsical:
    """A service whose every step is a whim, though the same whim each time.

    :ivar seed: of the whims.
    :ivar knows: services that it may call.
    :ivar most: how many calls it makes at most.
    """

    seed: int
    knows: tuple[str, ...]
    most: int = 3
    body: str = "plain"
    observed: bool = True

    def handle(self, content: str) -> Part:
        history: list[object] = [content]
        for _ in range(self.most):
            whim = whim_of(self.seed, history)
            if not self.knows or whim % 4 == 0:
                break
            method = "POST" if whim % 5 == 0 else "GET"
            sent = str(whim % 2) if method == "POST" else ""
            timeout = None if whim % 7 == 0 else 1.0
            call = SimulatedCall(self.knows[whim % len(self.knows)], method, timeout, sent)
            reply = yield call
            history.append((call.to, reply.seen))
        whim = whim_of(self.seed, [*history, "answer"])
        return Answer((200, 200, 200, 404, 500, 503)[whim % 6], ("", "little")[whim % 2])


def whim_of(seed: int, history: object) -> int:
    """A number that is always the same for the same history, and means nothing."""
    return zlib.crc32(f"{seed} {history!r}".encode()) >> 4


@dataclass(frozen=True)
class WhimsicalJudge:
    """A verdict that depends on everything that the test has seen."""

    seed: int

    def __call__(self, seen: Seen) -> str:
        return (PASSED, PASSED, *BUGS)[whim_of(self.seed, seen) % 4]
