"""The identity of bugs: one rule for failures of the test and for findings of oracles.

Two executions show the same bug if all of this is the same:

- *what*: the type of the exception (of an assertion, ``AssertionError``), or the kind of finding;
- *where*: for a failure, the lines of the user's own code that lead to it; for an exception that
  nothing caught, the innermost line of the application's own code;
- *the call at fault*: its place in the source, not its place in the execution. The rounds of a
  loop make different calls with different URLs, and are one place. Services that are reached
  through one helper are several;
- *why*: whether the faults lead there in the same way. One assertion fails because of two
  different exceptions that nothing caught: these are two bugs.

The search compares executions more finely, by execution index (``search/ledger.py``): it must know
the effect of another round of a loop before it prunes the round. Users see bugs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.errors import InjectionError
from flask_filibuster.results.bug import ALTERED, Place, is_part_of, signature
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import SERVER_ERROR, UNCAUGHT
from flask_filibuster.results.reactions import Reactions
from flask_filibuster.results.retrying.attempts import Attempts


def place_of(call: Call) -> Place:
    """The place of a call: equal for all rounds of one loop.

    A helper may be the place of calls to several services, or to several resources of one. The
    service distinguishes the former, the number of path segments the latter, as a loop may fill in
    any of the segments. A call that succeeded with an altered answer is marked: what a handler does
    next, it does for another reason than after a failure.
    """
    made = (call.source, call.method, call.target)
    altered = (ALTERED,) if call.fault is not None and not _failed(call) else ()
    if call.callsite is None:  # Of a client of another project.
        return (*made, call.index.pairs[-1][0], *altered)
    depth = urlsplit(call.url).path.strip("/").count("/")
    return (*made, call.callsite.file, str(call.callsite.line), str(depth), *altered)


def places_of(calls: Iterable[Call]) -> frozenset[Place]:
    """The places of these calls."""
    return frozenset(map(place_of, calls))


@dataclass(frozen=True)
class Seen:
    """One execution beside the fault-free one: the input of an oracle.

    :ivar execution: the execution.
    :ivar baseline: the trace of the fault-free one.
    :ivar exploration: all executions, for oracles that compare them.
    :ivar reactions: what handlers answer to failures in these.
    """

    execution: Execution
    baseline: Trace
    exploration: tuple[Execution, ...] = field(default=(), repr=False)
    reactions: Reactions = field(default=Reactions(()), repr=False, compare=False)

    @property
    def trace(self) -> Trace:
        """The trace of the execution."""
        return self.execution.trace

    @cached_property
    def calls(self) -> dict[ExecutionIndex, list[Call]]:
        """The calls of each handler, in order, by the execution index of its request."""
        return self.execution.trace.calls()

    def failing(self, handler: ExecutionIndex) -> list[Call]:
        """The calls of a handler that failed or were altered, and did not fail without faults."""
        return [
            call
            for call in self.calls.get(handler, ())
            if (_failed(call) or call.fault is not None)
            and not _failed(self.baseline.call(call.index))
        ]

    def answers_to_others(self, handling: Handling, call: Call) -> frozenset[int | None]:
        """The statuses that a handler answers when a call of it fails in other ways than here.

        :param handling: the handling of its request, with an answer of the status of the call.
        :param call: a failed call.
        """
        status = None if call.outcome is None else call.outcome.status
        most = len(self.execution.injected)
        if status is None:
            return frozenset()
        return self.reactions.to_others(call, handling.index, status, most)

    @property
    def retries(self) -> tuple[Attempts, ...]:
        """The calls that were tried several times because they failed."""
        return self.reactions.retries.of(self.execution)

    @cached_property
    def breakdowns(self) -> tuple[Breakdown, ...]:
        """Exceptions and answers of 500 with which services end requests because of faults."""
        if not self.execution.faults or any(map(_is_ours, self.trace.handlings.values())):
            return ()
        return tuple(_breakdowns(self))


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A service broke down: an exception that nothing caught, or an answer of 500.

    :ivar kind: which of the two, by name of the oracle.
    :ivar what: equal for the same exception in the same place.
    :ivar handling: the handling of the request.
    :ivar cause: the calls at fault.
    :ivar is_handed_on: whether it is a callee's answer of 500, handed on like any other status.
    """

    kind: str
    what: tuple[str, ...]
    handling: Handling
    cause: tuple[Call, ...]
    is_handed_on: bool = False

    def is_like(self, other: Breakdown) -> bool:
        """Whether this is the other one again: the same kind and place, caused by its calls."""
        return (self.kind, self.what) == (other.kind, other.what) and is_part_of(
            places_of(other.cause), places_of(self.cause)
        )


@dataclass(frozen=True, slots=True)
class FailureIdentity:
    """The identity of a failure of the test.

    :ivar what: the type of the exception, and its place.
    :ivar faults: the faults, each with the index and the place of its call.
    :ivar places: the places of these calls.
    :ivar behind: the breakdowns that reach the test.
    :ivar hands_on: whether the test got the failed status of a callee as the answer.
    """

    what: str
    faults: frozenset[tuple[ExecutionIndex, Fault, Place]]
    places: frozenset[Place]
    behind: tuple[Breakdown, ...]
    hands_on: bool

    def is_shown_by(self, other: FailureIdentity) -> bool:
        """Whether another failure, of a fault set that is no smaller, is this one again."""
        if self.what != other.what:
            return False
        if self.faults < other.faults:
            # The additional faults change nothing. With another fault of the same call, a further
            # fault may lead to a bug of its own. (The search may compare calls alone: it leaves out
            # only sets whose every step it has seen, so that an execution shows that bug.) So may
            # the same fault: after others, the call of that index can be one of another place.
            return True
        # A 500 of a callee that is handed on is no other reason than a 502 that is. (An answer of
        # 500 after a callee's 500 may still be the service's own, as after other faults.)
        mine, theirs = (
            [each for each in failure.behind if not each.is_handed_on] for failure in (self, other)
        )
        if mine:
            return all(any(each.is_like(known) for each in other.behind) for known in mine)
        # With and without a breakdown, one assertion fails for two reasons.
        same_reason = not theirs and self.hands_on == other.hands_on
        return same_reason and is_part_of(self.places, other.places)


def failure_identity(seen: Seen) -> FailureIdentity | None:
    """The identity of an execution's failure, or ``None`` if its test did not fail."""
    execution = seen.execution
    if execution.verdict != "failed" or execution.error is None:
        return None
    faults = frozenset(
        (call.index, fault, place_of(_as_made(call, seen.trace)))
        for call, fault in execution.injected
    )
    return FailureIdentity(
        what=signature(execution.error),
        faults=faults,
        places=frozenset(place for _, _, place in faults),
        behind=tuple(_outermost(seen.breakdowns)),
        hands_on=any(
            _hands_on(seen, seen.trace.handlings.get(request.index))
            for request in seen.trace.requests
        ),
    )


def _hands_on(seen: Seen, handling: Handling | None) -> bool:
    """Whether a handler answers with the failed status of one of its calls.

    Only this execution is looked at: what others show depends on which fault sets are pruned.
    """
    status = None if handling is None or handling.answer is None else handling.answer.status
    return handling is not None and any(
        call.outcome is not None and call.outcome.status == status is not None
        for call in seen.failing(handling.index)
    )


def _outermost(breakdowns: tuple[Breakdown, ...]) -> Iterator[Breakdown]:
    """The breakdowns nearest to the test: those below led to them."""
    indexes = {each.handling.index for each in breakdowns}
    for each in breakdowns:
        if indexes.isdisjoint(_ancestors(each.handling.index)):
            yield each


def _ancestors(index: ExecutionIndex) -> Iterator[ExecutionIndex]:
    """The indexes of the requests within which a request was made, innermost first."""
    while index != ROOT:
        index = index.parent
        yield index


def _breakdowns(seen: Seen) -> Iterator[Breakdown]:
    for handling in seen.trace.handlings.values():
        before = seen.baseline.handlings.get(handling.index)
        if handling.crash is not None:
            if before is None or before.crash is None:
                kind, what = UNCAUGHT, _where_it_crashed(handling)
                yield Breakdown(kind, what, handling, _at_fault(seen, handling))
        elif _answers_500(handling) and not (before is not None and _answers_500(before)):
            what = (handling.service, handling.method)
            cause, handed_on = _at_fault(seen, handling), _hands_on(seen, handling)
            yield Breakdown(SERVER_ERROR, what, handling, cause, handed_on)


def _is_ours(handling: Handling) -> bool:
    """Whether a fault could not be injected: what follows is nothing that a service does."""
    crash = handling.crash
    return crash is not None and crash.error.partition(":")[0] == InjectionError.__name__


def _where_it_crashed(handling: Handling) -> tuple[str, ...]:
    crash = handling.crash
    if crash is None:
        return ()
    raised = crash.error.partition(":")[0]
    return handling.service, raised, str(crash.site or handling.method)


def _answers_500(handling: Handling) -> bool:
    return handling.answer is not None and handling.answer.status == 500


def _at_fault(seen: Seen, handling: Handling) -> tuple[Call, ...]:
    """The calls that broke a handler: its failed calls, preferably in the line that raised."""
    failing = seen.failing(handling.index)
    site = None if handling.crash is None else handling.crash.site
    if site is not None:
        here = [
            call
            for call in failing
            if call.callsite is not None
            and (call.callsite.file, call.callsite.line) == (site.file, site.line)
        ]
        if here:
            return tuple(here)
    injected = [_as_made(call, seen.trace) for call, _ in seen.execution.injected]
    # What was made of an altered answer is seen where it is used, and that can be far above.
    altered = [call for call in injected if not _failed(call) and call not in failing]
    return (*failing, *altered) if failing else tuple(injected)


def _as_made(planned: Call, trace: Trace) -> Call:
    """A planned call with its fault and its outcome."""
    return trace.call(planned.index) or planned


def _failed(call: Call | None) -> bool:
    return call is not None and call.outcome is not None and call.outcome.failed
