"""How long a user waits for a route, and under which faults the longest.

>>> wait = Wait("shop", "GET", "/", 34.0, FaultSet(), "3 calls to reviews x 10 s")
>>> str(wait)
'shop, GET /: 34 s: 3 calls to reviews x 10 s'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flask_filibuster.core.call import Call
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.core.vocabulary import counted
from flask_filibuster.results.execution import Execution

MOST_TARGETS = 3
# A shorter time between calls is that of the code, or of a busy machine.
_BETWEEN = 0.1


@dataclass(frozen=True, slots=True)
class Wait:
    """The longest wait for a route.

    :ivar service: the service that the test requests.
    :ivar method: the method of the request.
    :ivar path: its path.
    :ivar seconds: how long its sender waits, by the clock of the execution.
    :ivar faults: the faults under which that is so.
    :ivar made_of: what the service waits for meanwhile, in words; empty if it calls nobody.
    """

    service: str
    method: str
    path: str
    seconds: float
    faults: FaultSet
    made_of: str = ""

    def __str__(self) -> str:
        made_of = f": {self.made_of}" if self.made_of else ""
        return f"{self.service}, {self.method} {self.path}: {in_seconds(self.seconds)}{made_of}"


def in_seconds(seconds: float) -> str:
    """A time in words.

    >>> in_seconds(34.01), in_seconds(2.04), in_seconds(0.5)
    ('34 s', '2 s', '0.5 s')
    """
    return f"{seconds:.0f} s" if seconds >= 10 else f"{round(seconds, 1):g} s"


def wait_of(request: Call, execution: Execution) -> Wait:
    """The wait for one request of the test.

    :param request: the request.
    :param execution: its execution.
    """
    trace = execution.trace
    handling = trace.handlings.get(request.index)
    return Wait(
        service=request.target if handling is None else handling.service,
        method=request.method,
        path=request.url if handling is None else handling.path,
        seconds=request.seconds,
        faults=execution.faults,
        made_of=", ".join(_parts(request, trace)),
    )


def longest_waits(executions: Iterable[Execution]) -> tuple[Wait, ...]:
    """The longest wait for each route, in order of appearance.

    :param executions: the executions; those that are inconclusive did not have their faults.
    """
    longest: dict[tuple[str, str], tuple[Call, Execution]] = {}
    for execution in executions:
        if execution.verdict == "inconclusive":
            continue
        for request in execution.trace.requests:
            # One request may be sent several times; its values are not part of the route.
            route = request.target, request.index.pairs[-1][0]
            known = longest.get(route)
            # What executions compute takes real time: of waits that are alike, the first counts.
            least = -1.0 if known is None else known[0].seconds + _BETWEEN
            if request.end is not None and request.seconds > least:
                longest[route] = request, execution
    return tuple(wait_of(request, execution) for request, execution in longest.values())


def _parts(request: Call, trace: Trace) -> Iterator[str]:
    """What a handler waits for: its calls, by callee, and the time between them."""
    calls = [each for each in trace.invocations if each.index.parent == request.index]
    by_target: dict[str, list[Call]] = {}
    for call in calls:
        by_target.setdefault(call.target, []).append(call)
    slowest = sorted(by_target.items(), key=lambda each: -sum(call.seconds for call in each[1]))
    for target, made in slowest[:MOST_TARGETS]:
        seconds = max(call.seconds for call in made)
        if seconds >= _BETWEEN:
            yield f"{counted(len(made), 'call')} to {target} x {in_seconds(seconds)}"
    between = request.seconds - _covered(calls)
    if calls and between >= _BETWEEN:
        yield f"{in_seconds(between)} besides calls"


def _covered(calls: list[Call]) -> float:
    """The time in which at least one call is under way."""
    covered, until = 0.0, float("-inf")
    for call in sorted(calls, key=lambda each: each.start):
        end = call.start if call.end is None else call.end
        covered += max(end - max(call.start, until), 0.0)
        until = max(until, end)
    return covered
