"""Findings: what is broken, or asks for trouble, without any assertion that says so."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.results.execution import Execution

UNCAUGHT = "uncaught exception"
SERVER_ERROR = "answer 500"
NO_TIMEOUT = "no timeout"
SHORT_TIMEOUT = "timeout too short"
REPEATED = "repeated call"
NONDETERMINISM = "nondeterminism"
REDUCTION = "reduction does not hold"
LONGEST_MESSAGE = 120
UNSAFE_METHODS = ("POST", "PATCH")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found by judgement built in.

    :ivar kind: one of the constants of this module.
    :ivar message: what was found, in a sentence.
    :ivar service: the service it is about.
    :ivar site: where in the application.
    :ivar faults: the smallest fault set that shows it; empty for what needs none.
    :ivar executions: numbers of the executions that show it.
    :ivar broken: whether this is a failure of the service, or only asks for one.
    """

    kind: str
    message: str
    service: str
    site: CallSite | None
    faults: FaultSet
    executions: tuple[int, ...]
    broken: bool


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One occurrence, before occurrences of the same thing are put together."""

    kind: str
    what: tuple[str, ...]
    message: str
    service: str
    site: CallSite | None
    broken: bool = False
    # Occurrences with other causes are other findings.
    by_cause: bool = False


def find(executions: Iterable[Execution]) -> tuple[Finding, ...]:
    """Everything that can be found in these executions.

    :param executions: in the order of their run, the fault-free one first.
    """
    groups: list[tuple[_Sighting, frozenset[ExecutionIndex], FaultSet, list[int]]] = []
    baseline: Trace | None = None
    for execution in executions:
        if baseline is None:
            baseline = execution.trace
        calls = frozenset(planned.index for planned in execution.faults)
        for sighting in _sightings(execution, baseline):
            cause = calls if sighting.by_cause else frozenset()
            for known, known_cause, _, numbers in groups:
                if (known.kind, known.what) == (sighting.kind, sighting.what) and (
                    known_cause <= cause
                ):
                    if numbers[-1] != execution.number:
                        numbers.append(execution.number)
                    break
            else:
                faults = execution.faults
                groups.append((sighting, cause, faults, [execution.number]))
    return tuple(
        Finding(
            each.kind,
            each.message,
            each.service,
            each.site,
            faults,
            tuple(numbers),
            each.broken,
        )
        for each, _, faults, numbers in groups
    )


def _sightings(execution: Execution, baseline: Trace) -> Iterator[_Sighting]:
    trace = execution.trace
    if execution.faults:
        for handling in trace.handlings.values():
            before = baseline.handlings.get(handling.index)
            yield from _crash(handling, before)
            yield from _server_error(handling, before)
    calls = trace.calls()
    for call in trace.invocations:
        yield from _no_timeout(call)
        yield from _short_timeout(call, calls.get(call.index, []))
    for siblings in calls.values():
        yield from _repeated(siblings, baseline)


def _crash(handling: Handling, before: Handling | None) -> Iterator[_Sighting]:
    crash = handling.crash
    if crash is None or (before is not None and before.crash is not None):
        return
    yield _Sighting(
        UNCAUGHT,
        (handling.service, str(crash.site) if crash.site else crash.error.partition(":")[0]),
        f"{handling.service} let {shortened(crash.error)} escape from "
        f"{handling.method} {handling.path}",
        handling.service,
        crash.site,
        broken=True,
    )


def shortened(message: str) -> str:
    """The beginning of a message: those of requests wrap two or three others."""
    return textwrap.shorten(message, LONGEST_MESSAGE, placeholder=" …")


def _server_error(handling: Handling, before: Handling | None) -> Iterator[_Sighting]:
    if handling.crash is not None or handling.answer is None or handling.answer.status != 500:
        return
    if before is not None and before.answer is not None and before.answer.status == 500:
        return
    yield _Sighting(
        SERVER_ERROR,
        (handling.service, handling.method, handling.path),
        f"{handling.service} answered 500 to {handling.method} {handling.path}",
        handling.service,
        None,
        broken=True,
        by_cause=True,
    )


def _no_timeout(call: Call) -> Iterator[_Sighting]:
    if not call.has_timeout:
        yield _Sighting(
            NO_TIMEOUT,
            (call.source, call.method, str(call.callsite)),
            f"{call.source} calls {call.method} {call.url} without a timeout",
            call.source,
            call.callsite,
        )


def _short_timeout(call: Call, below: list[Call]) -> Iterator[_Sighting]:
    """The callee may wait longer for its own calls than its caller waits for it."""
    limit = call.timeout[1]
    longest = _longest_wait(below)
    if limit is None or longest <= limit:
        return
    yield _Sighting(
        SHORT_TIMEOUT,
        (call.source, call.method, str(call.callsite)),
        f"{call.source} waits {limit:g} s for {call.target}, "
        f"which may wait {longest:g} s for its own calls",
        call.source,
        call.callsite,
    )


def _longest_wait(calls: list[Call]) -> float:
    """Seconds that calls may take by their read timeouts: one after the other in a strand."""
    strands: dict[tuple[tuple[int, ...], ...], float] = {}
    for call in calls:
        strand = call.position[:-1]
        strands[strand] = strands.get(strand, 0.0) + (call.timeout[1] or 0.0)
    own = strands.pop((), 0.0)
    return own + max(strands.values(), default=0.0)


def _repeated(siblings: list[Call], baseline: Trace) -> Iterator[_Sighting]:
    """A call that may have had its effect, made again by the same handler.

    What is made without faults, too, is no repetition but the next of several calls.
    """
    lost: dict[str, Call] = {}
    for call in siblings:
        signature = call.index.pairs[-1][0]
        before = lost.get(signature)
        if before is not None and baseline.call(call.index) is None:
            yield _Sighting(
                REPEATED,
                (call.source, call.method, str(call.callsite)),
                f"{call.source} repeats {call.method} {call.url} after its answer was lost; "
                f"unless {call.target} recognises the repetition, the effect happens twice",
                call.source,
                call.callsite,
            )
        fault = call.fault
        if fault is None or call.method not in UNSAFE_METHODS:
            continue
        if not fault.abort or fault.exception in ("Timeout", "ReadTimeout"):
            lost[signature] = call
