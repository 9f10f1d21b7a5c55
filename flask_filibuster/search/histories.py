"""Whether a handler that behaved differently may have acted on what came before in its test.

The trees of :mod:`~flask_filibuster.search.behaviour` know the outcomes of a handler's own calls.
An app that remembers failures from one request of a test to the next, such as a circuit breaker,
contradicts them, though nothing about it is left to chance.

Most histories occur in one execution only, so chance can look like memory; never the reverse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.trace import Trace


class _Event(NamedTuple):
    """Something that happened in an execution.

    :ivar handler: whose step it is.
    :ivar faulty: whether a fault caused it; it is then no behaviour of the handler.
    """

    handler: ExecutionIndex
    faulty: bool
    what: tuple[object, ...]


def acting_on_history(
    traces: Iterable[Trace], handlers: Collection[ExecutionIndex]
) -> set[ExecutionIndex]:
    """The handlers whose differences all followed other events earlier in the same test.

    :param traces: all executions.
    :param handlers: those that behaved differently.
    """
    # Bodies play no part: after the same events, a deterministic app has sent the same ones.
    whole, own = _Differences(), _Differences()
    for trace in traces:
        calls = trace.calls()
        whole.add(ROOT, _handled(ROOT, calls, trace))
        for index in handlers:
            if trace.call(index) is not None:
                own.add(index, _handled(index, calls, trace))
    # All events of the test explain the differences, their own do not. One step that nothing
    # explains may be the cause of all that follow.
    return set() if whole.found else own.found.intersection(handlers)


class _Differences:
    """Compares how sequences of events go on after the same beginning.

    :ivar found: the handlers with different steps after the same events.
    """

    def __init__(self) -> None:
        self.found: set[ExecutionIndex] = set()
        # Each beginning has a number; a sequence begins with the index of its handler.
        self._numbers: dict[tuple[object, _Event], int] = {}
        self._steps: dict[object, _Event] = {}

    def add(self, begin: ExecutionIndex, events: Iterable[_Event]) -> None:
        place: object = begin
        for event in events:
            if not event.faulty:
                before = self._steps.setdefault(place, event)
                if before != event:
                    self.found.update((before.handler, event.handler))
            place = self._numbers.setdefault((place, event), len(self._numbers))


def _handled(
    index: ExecutionIndex, calls: Mapping[ExecutionIndex, Sequence[Call]], trace: Trace
) -> Iterator[_Event]:
    """What happened in a handler, in program order, and what it answered."""
    for call in calls.get(index, ()):
        fault, outcome = call.fault, call.outcome
        yield _Event(index, False, (call.index,))
        if fault is None or not fault.abort:
            yield from _handled(call.index, calls, trace)
        yield _Event(index, fault is not None, (outcome and outcome.key, fault))
    handling = trace.handlings.get(index)
    if handling is not None:
        answer = handling.answer
        yield _Event(index, False, (answer and answer.key, handling.crash is not None))
