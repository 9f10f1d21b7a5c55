"""Attempts of one call, told from other calls that look alike.

Pages, polls and loops over items repeat calls, too. A call is another attempt only if the same
handler makes the same request from the same line again right after it failed, and makes more such
requests than where the first of them succeeds. What the fault-free execution does is no retry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
        self._alone: dict[Kind, int | None] = {}

    def of(self, execution: Execution) -> tuple[Attempts, ...]:
        """The retries of one of its executions."""
        return self._found.get(execution.number, ())

    def most(self, kind: Kind) -> int:
        """The largest number of attempts of one call in one request."""
        return max((len(each.calls) for each in self._by_kind.get(kind, ())), default=0)

    def pause(self, kind: Kind) -> tuple[float, float] | None:
        """The usual pauses, in seconds: after the first attempt, and after later ones.

        :returns: ``None`` if no execution has three attempts with known times.
        """
        pauses = [each.pauses for each in self._by_kind.get(kind, ())]
        first = [each[0] for each in pauses if each]
        later = [pause for each in pauses for pause in each[1:]]
        return (median(first), median(later)) if later else None

    @cached_property
    def _found(self) -> dict[int, tuple[Attempts, ...]]:
        """The retries by number of the execution."""
        polled: frozenset[Kind] = frozenset()
        found: dict[int, tuple[Attempts, ...]] = {}
        for execution in self._executions:
            calls = execution.trace.calls()
            runs = list(_runs(calls))
            if execution is self._executions[0]:
                # What the fault-free execution repeats after a failure is no retry.
                polled = frozenset(run.kind for run in runs)
            retries = tuple(
                run
                for run in runs
                if run.kind not in polled and self._is_more(run, calls[run.handler])
            )
            if retries:
                found[execution.number] = retries
        return found

    @cached_property
    def _by_kind(self) -> dict[Kind, list[Attempts]]:
        known: dict[Kind, list[Attempts]] = {}
        for attempts in (each for found in self._found.values() for each in found):
            known.setdefault(attempts.kind, []).append(attempts)
        return known

    def _is_more(self, run: Attempts, siblings: Sequence[Call]) -> bool:
        """Whether a handler makes a call more often than where the first one succeeds."""
        kind = run.kind
        if kind not in self._alone:
            traces = (each.trace for each in self._executions)
            counts = (number for trace in traces for number in _if_first_succeeds(run, trace))
            self._alone[kind] = next(counts, None)
        alone = self._alone[kind]
        return alone is not None and len(_alike(run.calls[0], siblings)) > alone


def _runs(calls: Mapping[ExecutionIndex, Sequence[Call]]) -> Iterator[Attempts]:
    """Equal calls after each other in one thread of a handler; those before the last failed."""
    for handler, siblings in calls.items():
        if len(siblings) > 1:
            for run in _runs_of(siblings):
                yield Attempts(_kind(handler, run[0]), handler, tuple(run))


def _runs_of(siblings: Sequence[Call]) -> list[list[Call]]:
    last: dict[object, list[Call]] = {}  # By thread of the handler.
    runs: list[list[Call]] = []
    for call in siblings:
        strand = call.position[:-1]
        run = last.get(strand)
        if run is not None and _is_again(call, run[-1]):
            run.append(call)
            if len(run) == 2:
                runs.append(run)
        else:
            last[strand] = [call]
    return runs


def _is_again(call: Call, before: Call) -> bool:
    outcome = before.outcome
    if outcome is None or not outcome.failed or call.callsite is None:
        return False
    # Requests of the test itself, without a source, are no retries of an application.
    return call.source != "" and _is_like(call, before)


def _is_like(call: Call, other: Call) -> bool:
    """Whether two calls of one handler are of the same kind."""
    return (
        call.url == other.url
        and call.method == other.method
        and call.callsite == other.callsite
        and _signature(call.index) == _signature(other.index)
    )


def _if_first_succeeds(run: Attempts, trace: Trace) -> Iterator[int]:
    """How often the handlers of an execution make a call of which the first one succeeds."""
    call, signature = run.calls[0], _signature(run.handler)
    for handler, siblings in trace.calls().items():
        if _signature(handler) == signature:
            alike = _alike(call, siblings)
            if alike and alike[0].outcome is not None and not alike[0].outcome.failed:
                yield len(alike)


def _alike(call: Call, siblings: Iterable[Call]) -> list[Call]:
    return [each for each in siblings if each.source == call.source and _is_like(each, call)]


def _kind(handler: ExecutionIndex, call: Call) -> Kind:
    site = call.callsite
    place = ("", 0) if site is None else (site.file, site.line)
    own = _signature(call.index), call.method, call.url, *place
    return (call.source, _signature(handler), *own)


# All executions of an exploration make nearly the same calls.
@lru_cache(maxsize=8192)
def _signature(index: ExecutionIndex) -> str:
    return index.pairs[-1][0] if index.pairs else ""
