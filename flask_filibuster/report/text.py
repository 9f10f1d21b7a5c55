"""Results in words, a line at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Protocol

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.fault_set import FaultSet, PlannedFault, UnknownFaults
from flask_filibuster.core.vocabulary import counted
from flask_filibuster.results.bug import Failure, error_line
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import EquivalenceClass, Result
from flask_filibuster.results.waiting.waits import Wait

__all__ = [
    "class_lines",
    "counted",
    "counts_line",
    "error_line",
    "failure_lines",
    "fault_lines",
    "fault_set_lines",
    "finding_lines",
    "gaps_without_section",
    "inconclusive_lines",
    "short",
    "site_text",
    "under_lines",
    "verdict_line",
    "wait_lines",
]


MOST_LISTED = 8
"""As many attempts of one call are told in one entry."""

NOTICED = 1.0
"""Seconds of a wait that a report mentions."""


def fault_lines(planned: PlannedFault) -> Iterator[str]:
    """One fault: the call, or calls, the place in the application, the fault."""
    call, outage = planned.call, planned.outage
    line = f"{call.source} -> {call.target}: {call.method} {call.url}"
    which = ""
    if outage is None:
        yield line
    elif outage.attempts:
        yield f"{line}, {outage.words()}"
    else:
        yield outage.words()
        yield f"  first {line}"
        which = "first "
    if call.callsite is not None:
        yield f"  {which}called at {site_text(call.callsite)}"
    yield f"  {planned.fault}"


def fault_set_lines(faults: FaultSet) -> Iterator[str]:
    """All faults of a set."""
    if isinstance(faults, UnknownFaults):
        yield f"fault set {faults.number} of the server at {faults.server}"
    elif not faults:
        yield "no faults"
    for _, alike in groupby(faults, key=_attempt):
        run = list(alike)
        if len(run) < MOST_LISTED:
            for planned in run:
                yield from fault_lines(planned)
            continue
        first, *lines = fault_lines(run[0])
        yield f"{first}, {len(run)} attempts"
        yield from lines


def _attempt(planned: PlannedFault) -> tuple[object, ...]:
    """Equal for the same fault of attempts of one call."""
    call = planned.call
    return call.source, call.target, call.method, call.url, call.callsite, planned.fault


def site_text(site: CallSite) -> str:
    """A place in the source, relative to the working directory where that is shorter."""
    try:
        relative = os.path.relpath(site.file)
    except ValueError:  # On another drive.
        relative = site.file
    file = site.file if relative.startswith("..") else relative
    return f"{Path(file)}:{site.line}, in {site.function}"


def under_lines(faults: FaultSet) -> Iterator[str]:
    """A fault set, with its heading."""
    if not faults and not isinstance(faults, UnknownFaults):
        yield "without any fault"
        return
    if faults.has_outage and len(faults) == 1:
        yield "with this outage:"
    else:
        yield "with this fault:" if len(faults) == 1 else "with these faults:"
    yield from (f"  {line}" for line in fault_set_lines(faults))


def failure_lines(failure: Failure, result: Result, command: str | None) -> Iterator[str]:
    """One distinct failure: its cause, smallest fault set, number of executions, replay command.

    :param failure: the failure.
    :param result: its result.
    :param command: the command that replays it, if there is one.
    """
    yield error_line(failure.error)
    for finding in result.findings_behind(failure):
        yield finding.message
        if finding.site is not None:
            yield f"  at {site_text(finding.site)}"
    yield from under_lines(failure.faults)
    total = counted(len(result.executions), "execution")
    yield f"shown by {len(failure.executions)} of {total}"
    if command is not None:
        yield f"replay: {command}"


def finding_lines(finding: Finding) -> Iterator[str]:
    """One finding: message, place, faults."""
    yield finding.message
    if finding.site is not None:
        yield f"  at {site_text(finding.site)}"
    if finding.broken:
        yield from under_lines(finding.faults)
        yield f"shown by {counted(len(finding.executions), 'execution')}"


def inconclusive_lines(executions: Iterable[Execution], *, most: int = 5) -> Iterator[str]:
    """Inconclusive executions, with the reasons.

    :param executions: the executions.
    :param most: maximum number to describe.
    """
    listed = list(executions)
    for execution in listed[:most]:
        yield f"execution {execution.number}:"
        yield from (f"  {problem}" for problem in execution.problems)
        if execution.error is not None:
            yield f"  test outcome: {error_line(execution.error)}"
        if execution.faults:
            yield from (f"  {line}" for line in under_lines(execution.faults))
    if len(listed) > most:
        yield f"… and {len(listed) - most} more"


class _Gapped(Protocol):
    """A result or a document."""

    @property
    def gaps(self) -> tuple[str, ...]: ...
    @property
    def problems(self) -> tuple[str, ...]: ...
    @property
    def inconclusive(self) -> tuple[Execution, ...]: ...


def gaps_without_section(result: _Gapped) -> tuple[str, ...]:
    """The gaps besides problems and inconclusive executions, which have sections of their own."""
    told = len(result.problems) + bool(result.inconclusive)
    return result.gaps[: len(result.gaps) - told]


def counts_line(result: Result, *, limit: str | None = None) -> str:
    """The size of the exploration in a line.

    :param result: the result.
    :param limit: the limit that ended it, if the result does not have it.
    """
    parts = [counted(len(result.executions), "execution")]
    if result.outages:
        parts.append(f"{result.outages} of them with an outage")
    if result.recalled:
        parts[0] += f" ({result.recalled} from the journal)"
    if result.pruned_count:
        parts.append(f"{result.pruned_count} pruned")
    if result.remaining:
        parts.append(f"at least {result.remaining} not run ({limit or result.limit})")
    if result.cut_by_size:
        parts.append(f"at least {result.cut_by_size} not run (max_faults)")
    if result.superfluous:
        parts.append(f"{result.superfluous} run ahead and discarded")
    return ", ".join(parts)


def short(planned: PlannedFault) -> str:
    """A fault in few words: ``reviews ConnectionError``."""
    which = "" if planned.outage is None else f" ({planned.outage.words()})"
    return f"{planned.service} {planned.fault.outcome}{which}"


def class_lines(classes: Iterable[EquivalenceClass], *, most: int = 20) -> Iterator[str]:
    """The classes of faults with more than one member.

    :param classes: the classes of a result.
    :param most: maximum number to list.
    """
    shared = [each for each in classes if len(each.faults) > 1]
    for each in shared[:most]:
        others = [str(fault) for fault in each.faults if fault != each.representative]
        yield f"{each.call.describe()}{_which(each)}"
        yield f"  {each.representative}; same effect: {', '.join(others)}"
    if len(shared) > most:
        yield f"… and {len(shared) - most} more"


def _which(shared: EquivalenceClass) -> str:
    """The difference between a call and others made at the same place."""
    count = shared.call.index.pairs[-1][1]
    number = f" (call number {count})" if count > 1 else ""
    failed = "; ".join(map(short, shared.context))
    return f"{number}, after {failed}" if failed else number


def wait_lines(waits: Iterable[Wait], *, most: int = 10) -> Iterator[str]:
    """The longest waits, those that a user notices.

    :param waits: the waits of a result.
    :param most: maximum number to list.
    """
    noticed = sorted(
        (each for each in waits if each.seconds >= NOTICED), key=lambda each: -each.seconds
    )
    for wait in noticed[:most]:
        yield str(wait)
        if wait.faults:
            yield f"  with {', '.join(map(short, wait.faults))}"
    if len(noticed) > most:
        yield f"… and {len(noticed) - most} more"


def verdict_line(result: Result) -> str:
    """The verdict in a line."""
    return result.verdict
