"""The differences between two executions under the same faults."""

from __future__ import annotations

from collections.abc import Iterator

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT, ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.results.findings import NONDETERMINISM, Finding

_FIRST = "only the first time:"
_VARYING = (
    "Faults on varying calls can't be injected reliably. If only URLs vary, set "
    "FILIBUSTER_URL_PATTERNS."
)
_ONLY_ONCE = (
    "Something of the first execution outlives it and replaces these calls (a cache?), so faults "
    "can't be injected there. Clear it, or switch it off, before each execution: in a fixture of "
    "the test, in the function that is explored, or, for a path, in that of --session."
)


def differences(first: Trace, second: Trace) -> tuple[Finding, ...]:
    """The differences between two fault-free executions: one finding for each handler.

    A difference is a call made in only one of them, another order (in one handler, outside of
    threads), or another outcome.

    :param first: the trace of the first execution.
    :param second: the trace of the second execution.
    """
    before, then = first.calls(), second.calls()
    handlers = dict.fromkeys((*before, *then))
    return tuple(
        _finding(index, lines, first, second)
        for index in handlers
        if (lines := list(_compared(before.get(index, []), then.get(index, []))))
        # Differences below a call made only once are reported with that call.
        and (index == ROOT or (first.call(index) and second.call(index)))
    )


def _compared(before: list[Call], then: list[Call]) -> Iterator[str]:
    """The differences between two executions of one handler, in lines."""
    ended = {call.index: call for call in then}
    made = {call.index for call in before}
    common = [call for call in before if call.index in ended]
    for call in before:
        if call.index not in ended:
            yield f"{_FIRST}  {call.describe()}"
    for call in then:
        if call.index not in made:
            yield f"only the second time: {call.describe()}"
    for call in common:
        outcome, again = call.outcome, ended[call.index].outcome
        if outcome is not None and again is not None and outcome.key != again.key:
            yield f"ended in {outcome}, then in {again}: {call.describe()}"
    # Positions put the calls of threads in program order, independent of scheduling.
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
    advice = _ONLY_ONCE if all(each.startswith(_FIRST) for each in lines) else _VARYING
    return Finding(
        kind=NONDETERMINISM,
        message=f"{who} behaved differently in two fault-free executions:\n{text}\n  {advice}",
        service=service,
        site=None,
        faults=FaultSet(),
        executions=(1,),
        severity="warning",
    )


def varying_bodies(first: Trace, second: Trace) -> tuple[str, ...]:
    """The services whose successful answers have varying bodies."""
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
