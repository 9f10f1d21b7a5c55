"""The one rule for the verdict of an exploration: bugs, no proof, or nothing found.

Python's ``result.ok``, pytest, the exit code of the command line and the ``ok`` of JSON all use
this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flask_filibuster.core.fault_set import FaultSet, UnknownFaults
from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.core.vocabulary import ExplorationVerdict
from flask_filibuster.results.baseline import broken, doubtful, failing_calls
from flask_filibuster.results.bug import error_line
from flask_filibuster.results.execution import Execution


def verdict_of(bugs: int, gaps: int) -> ExplorationVerdict:
    """The verdict of an exploration.

    :param bugs: number of bugs; a bug counts even in an incomplete exploration.
    :param gaps: number of reasons why the exploration proves nothing.
    """
    if bugs:
        return "bugs"
    return "no proof" if gaps else "ok"


def gaps_of(
    executions: Sequence[Execution],
    inconclusive: Sequence[Execution],
    problems: Iterable[str],
    unexplored: Iterable[UnexploredCall] = (),
    expected: int | None = None,
) -> Iterator[str]:
    """Reasons why an exploration proves nothing, in words.

    :param executions: its executions, the fault-free one first.
    :param inconclusive: the inconclusive ones.
    :param problems: reasons why the exploration as a whole is incomplete.
    :param unexplored: the unexplored calls that count against it.
    :param expected: the status that the explored request must have without faults, if given.
    """
    first = executions[0] if executions else None
    if first is None:
        yield "Nothing was executed."
    elif first.verdict == "failed" and not _has_faults(first.faults) and first.error is not None:
        yield from dict.fromkeys(failing_calls(first.trace))  # Attempts are one.
        failure = error_line(first.error)
        yield f"The fault-free execution failed, so no fault was injected: {failure}"
    else:
        yield from dict.fromkeys(broken(first.trace, expected))
        if first.verdict != "inconclusive" and not any(
            _has_faults(each.faults) for each in executions
        ):
            yield _nothing_failed(first)
    yield from map(unexplored_words, unexplored)
    if len(inconclusive) == 1:
        yield "1 execution was inconclusive."
    elif inconclusive:
        yield f"{len(inconclusive)} executions were inconclusive."
    yield from problems


def _has_faults(faults: FaultSet) -> bool:
    """Whether the set has faults, possibly unknown ones."""
    return bool(faults) or isinstance(faults, UnknownFaults)


MOST_NAMED: Final = 3
"""How many URLs are named; the others are like them."""


def way_in(bases: Iterable[str]) -> str:
    """The way to let requests to these URLs, of apps that a test serves, take part."""
    different = list(dict.fromkeys(bases))
    named = ", ".join(f"{base!r}: app" for base in different[:MOST_NAMED])
    if len(different) > MOST_NAMED:
        named += ", …"
    return (
        "Send the test's requests in the process of the app, by requests, httpx.Client or "
        "app.test_client(), and name the app's URL in the fixture filibuster_services, or in "
        f"services=: {{{named}}}"
    )


def unexplored_words(call: UnexploredCall) -> str:
    """An unexplored call as a gap or a note."""
    if call.apart:
        return (
            f"Unexplored call, in a request to {call.apart} that took no part in the execution, so "
            f"it could not be made to fail: {call}. {way_in([call.apart])}"
        )
    said = f"Unexplored call, which no client explains, so it could not be made to fail: {call}"
    if call.way == "datagram":
        fine = f"FILIBUSTER_UNEXPLORED = [{call.target!r}]"
        said += f". If the service awaits no answer (metrics, logs), set {fine}"
    return said


def weakens(
    executions: Sequence[Execution],
    unexplored: Iterable[UnexploredCall],
    expected: int | None = None,
) -> Iterator[str]:
    """Everything that makes an exploration prove less than its number of executions says."""
    first = executions[0] if executions else None
    if first is not None and not _has_faults(first.faults) and first.verdict != "failed":
        trace = first.trace
        yield from dict.fromkeys((*broken(trace, expected), *doubtful(trace, expected)))
    yield from map(unexplored_words, unexplored)


def _nothing_failed(first: Execution) -> str:
    if not first.trace.invocations:
        if any(each.apart for each in first.trace.unexplored):
            return "No fault injected: calls were made in requests that took no part only."
        return "No fault injected: the fault-free execution made no call."
    return (
        "No fault injected: the fault model has no fault for the calls, or a limit ended the "
        "exploration first."
    )
