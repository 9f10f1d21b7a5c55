"""Attempts of one call, told from other calls that look alike.

Pages, polls and loops over items repeat calls, too. A call is another attempt only if the same
handler makes the same request from the same line again right after it failed, and makes more such
requests than where the first of them succeeds. What the fault-free execution does is no retry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.execution import Execution

Kind = tuple[object, ...]
"""Equal for all attempts of one call, in any execution and in any attempt of its caller's call."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Several attempts of one call, each made after the one before it failed.

    :ivar kind: equal for attempts of the same call.
    :ivar handler: execution index of the request whose handler makes them.
    :ivar calls: the attempts, in order.
    """

    kind: Kind
    handler: ExecutionIndex
    calls: tuple[Call, ...]

    @property
    def pairs(self) -> Iterator[tuple[Call, Call]]:
        """Each failed attempt with the next one."""
        return zip(self.calls, self.calls[1:], strict=False)

    @property
    def pauses(self) -> list[float]:
        """The seconds between attempts; empty if the times are unknown."""
        if any(call.end is None for call in self.calls[:-1]):
            return []
        return [max(after.start - (before.end or 0.0), 0.0) for before, after in self.pairs]


class Retries:
    """The retries of an exploration.

    :param executions: its executions, the fault-free one first.
    """

    def __init__(self, executions: Sequence[Execution]) -> None:
        self._executions = executions

    def of(self, trace: Trace) -> tuple[Attempts, ...]:
        """The retries of an execution.

        :param trace: its trace.
        """
        found = list(_runs(trace))
        if not found:
            return ()
        made = _made(trace)
        return tuple(
            run
            for run in found
            if run.kind not in self._polled
            and made[run.handler, run.kind] > self._alone.get(run.kind, made[run.handler, run.kind])
        )

    def most(self, kind: Kind) -> int:
        """The largest number of attempts of one call in one request."""
        return max((len(each.calls) for each in self._known.get(kind, ())), default=0)

    def pause(self, kind: Kind) -> tuple[float, float] | None:
        """The usual pauses, in seconds: after the first attempt, and after later ones.

        :returns: ``None`` if no execution has three attempts with known times.
        """
        pauses = [each.pauses for each in self._known.get(kind, ())]
        first = [each[0] for each in pauses if each]
        later = [pause for each in pauses for pause in each[1:]]
        return (median(first), median(later)) if later else None

    @cached_property
    def _alone(self) -> dict[Kind, int]:
        """How often a handler makes a call if the first one succeeds: once, or for each item."""
        alone: dict[Kind, int] = {}
        for execution in self._executions:
            made = _made(execution.trace)
            first: dict[tuple[ExecutionIndex, Kind], Call] = {}
            for handler, kind, call in _kinds(execution.trace):
                first.setdefault((handler, kind), call)
            for (handler, kind), call in first.items():
                if call.outcome is not None and not call.outcome.failed:
                    number = made[handler, kind]
                    alone[kind] = min(alone.get(kind, number), number)
        return alone

    @cached_property
    def _polled(self) -> frozenset[Kind]:
        """What the fault-free execution repeats after a failure."""
        return frozenset(run.kind for each in self._executions[:1] for run in _runs(each.trace))

    @cached_property
    def _known(self) -> dict[Kind, list[Attempts]]:
        known: dict[Kind, list[Attempts]] = {}
        for execution in self._executions:
            for attempts in self.of(execution.trace):
                known.setdefault(attempts.kind, []).append(attempts)
        return known


def _runs(trace: Trace) -> Iterator[Attempts]:
    """Equal calls after each other in one thread of a handler; those before the last failed."""
    open_runs: dict[tuple[object, ...], tuple[Kind, ExecutionIndex, list[Call]]] = {}
    ended: list[tuple[Kind, ExecutionIndex, list[Call]]] = []
    for handler, kind, call in _kinds(trace):
        strand = handler, call.position[:-1]
        run = open_runs.get(strand)
        before = None if run is None else run[2][-1].outcome
        if run is not None and run[0] == kind and before is not None and before.failed:
            run[2].append(call)
            continue
        open_runs[strand] = kind, handler, [call]
        ended.append(open_runs[strand])
    for kind, handler, calls in ended:
        if len(calls) > 1:
            yield Attempts(kind, handler, tuple(calls))


def _made(trace: Trace) -> Counter[tuple[ExecutionIndex, Kind]]:
    return Counter((handler, kind) for handler, kind, _ in _kinds(trace))


def _kinds(trace: Trace) -> Iterator[tuple[ExecutionIndex, Kind, Call]]:
    """The calls of services whose line is known, each with its handler and its kind."""
    for handler, calls in trace.calls().items():
        signature = handler.pairs[-1][0] if handler.pairs else ""
        for call in calls:
            site = call.callsite
            if call.source and site is not None:
                own = call.index.pairs[-1][0], call.method, call.url, site.file, site.line
                yield handler, (call.source, signature, *own), call
