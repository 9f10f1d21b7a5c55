"""Whether the same execution twice is the same."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.findings import NONDETERMINISM, Finding


def differences(first: Trace, second: Trace) -> tuple[Finding, ...]:
    """What two executions without faults show of chance: one finding for each handler.

    Calls that were made in one and not the other, in another order (by one handler, outside of
    threads), or that ended otherwise.

    :param first: the trace of the first execution.
    :param second: that of the second.
    """
    before, then = first.calls(), second.calls()
    handlers = dict.fromkeys((*before, *then))
    return tuple(
        _finding(index, lines, first, second)
        for index in handlers
        if (lines := list(_compared(before.get(index, []), then.get(index, []))))
        # What hangs on a call that is made only once has been told with that call.
        and (index == ROOT or (first.call(index) and second.call(index)))
    )


def _compared(before: list[Call], then: list[Call]) -> Iterator[str]:
    """The difference between what one handler did at two times, in lines."""
    ended = {call.index: call for call in then}
    made = {call.index for call in before}
    common = [call for call in before if call.index in ended]
    for call in before:
        if call.index not in ended:
            yield f"only the first time:  {call.describe()}"
    for call in then:
        if call.index not in made:
            yield f"only the second time: {call.describe()}"
    for call in common:
        outcome, again = call.outcome, ended[call.index].outcome
        if outcome is not None and again is not None and outcome.key != again.key:
            yield f"ended in {outcome}, then in {again}: {call.describe()}"
    # Calls of threads are in the order of the program by their position, whichever came first.
    order = [call.index for call in then if call.index in made]
    if order != [call.index for call in common]:
        yield "in another order:"
        yield from (f"  first:  {call.describe()}" for call in common)
        yield from (f"  second: {ended[index].describe()}" for index in order)


def _finding(index: ExecutionIndex, lines: list[str], first: Trace, second: Trace) -> Finding:
    handling = first.handlings.get(index) or second.handlings.get(index)
    service = handling.service if handling is not None else ""
    who = "the test" if index == ROOT else f"the handler of {index}"
    if handling is not None:
        who = f"{service}, {handling.method} {handling.path},"
    text = "\n".join(f"  {line}" for line in lines)
    return Finding(
        kind=NONDETERMINISM,
        message=(
            f"{who} did not do the same when the test was run twice without faults:\n{text}\n"
            "  Calls that come and go cannot be made to fail as planned. If it is only their URLs "
            "that vary, set FILIBUSTER_URL_PATTERNS."
        ),
        service=service,
        site=None,
        faults=FaultSet(),
        executions=(1,),
        severity="warning",
    )


def varying_bodies(first: Trace, second: Trace) -> tuple[str, ...]:
    """The services whose successful answers are not the same bytes each time."""
    return tuple(
        sorted(
            {
                handling.service
                for index, handling in first.handlings.items()
                if (again := second.handlings.get(index)) is not None
                and handling.answer is not None
                and again.answer is not None
                and handling.answer.key == again.answer.key
                and handling.answer.digest != again.answer.digest
            }
        )
    )
