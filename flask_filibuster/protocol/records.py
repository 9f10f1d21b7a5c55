"""Traces and fault sets as plain data, and back: for files, and for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace
from flask_filibuster.errors import WireError
from flask_filibuster.protocol.decisions import kind_from
from flask_filibuster.protocol.payloads import read_outcome, read_position, write_outcome
from flask_filibuster.protocol.reading import (
    index_of,
    integer,
    mapping,
    number,
    optional_text,
    text_of,
    url_of,
    words_of,
)

Record = dict[str, Any]


def write_site(site: CallSite | None) -> Record | None:
    """A place in the source."""
    if site is None:
        return None
    return {"file": site.file, "line": site.line, "function": site.function}


def read_site(value: Any) -> CallSite | None:
    """Read what :func:`write_site` gave.

    :raises WireError: it is something else.
    """
    if value is None:
        return None
    site = mapping(value, "a call site")
    return CallSite(
        words_of(site.get("file"), "file"),
        integer(site.get("line"), "line"),
        words_of(site.get("function"), "function"),
    )


def write_fault(fault: Fault) -> Record:
    """One way for a call to fail."""
    record: Record = {"abort": fault.abort, "sleep": fault.sleep}
    if not fault.is_plain:
        return {"kind": fault.kind.name, "parameters": fault.kind.parameters, **record}
    record = {"exception": fault.exception, "status": fault.status, **record}
    if fault.library != REQUESTS:
        record.update(library=fault.library, details=dict(fault.details))
    return record


def read_fault(value: Any) -> Fault:
    """Read what :func:`write_fault` gave.

    :raises WireError: it is something else.
    :raises FaultModelError: there is no such fault.
    """
    fault = mapping(value, "a fault")
    status, sleep = fault.get("status"), fault.get("sleep", 0.0)
    return Fault(
        optional_text(fault.get("exception"), "exception"),
        None if status is None else integer(status, "status"),
        fault.get("abort", True) is not False,
        text_of(sleep, "sleep") if isinstance(sleep, str) else number(sleep, "sleep"),
        text_of(fault.get("library", REQUESTS), "library"),
        tuple(
            (text_of(name, "details"), text_of(value, "details"))
            for name, value in mapping(fault.get("details", {}), "details").items()
        ),
        kind=kind_from(fault) if "kind" in fault else None,
    )


def write_planned(planned: PlannedFault) -> Record:
    """A fault with the call it is planned for."""
    call = planned.call
    return {
        "execution_index": str(call.index),
        "source": call.source,
        "service": call.target,
        "method": call.method,
        "url": call.url,
        "callsite": write_site(call.callsite),
        "fault": write_fault(planned.fault),
    }


def read_planned(value: Any) -> PlannedFault:
    """Read what :func:`write_planned` gave.

    :raises WireError: it is something else.
    :raises FaultModelError: there is no such fault.
    """
    entry = mapping(value, "a planned fault")
    if "callsite" not in entry:
        raise WireError("a planned fault without callsite")
    call = Call(
        index=_index(entry),
        source=words_of(entry.get("source"), "source"),
        target=words_of(entry.get("service"), "service"),
        method=words_of(entry.get("method"), "method"),
        url=url_of(entry.get("url"), "url"),
        callsite=read_site(entry.get("callsite")),
    )
    return PlannedFault(call, read_fault(entry.get("fault")))


def read_fault_set(value: Any) -> FaultSet:
    """Read a list of planned faults.

    :raises WireError: it is something else.
    :raises FaultModelError: there is no such fault.
    """
    if not isinstance(value, list):
        raise WireError("faults is not a list")
    return FaultSet(tuple(read_planned(each) for each in value))


def write_trace(trace: Trace) -> Record:
    """Everything that was seen in one test execution."""
    return {
        "calls": [write_call(call) for call in (*trace.requests, *trace.invocations)],
        "handlings": [write_handling(each) for each in trace.handlings.values()],
    }


def read_trace(value: Any) -> Trace:
    """Read what :func:`write_trace` gave.

    :raises WireError: it is something else.
    """
    trace = mapping(value, "a trace")
    calls, handlings = trace.get("calls"), trace.get("handlings")
    if not isinstance(calls, list) or not isinstance(handlings, list):
        raise WireError("a trace is calls and handlings")
    return Trace.of([read_call(each) for each in calls], [read_handling(h) for h in handlings])


def write_call(call: Call) -> Record:
    """One call, with how it ended."""
    return {
        "execution_index": str(call.index),
        "source": call.source,
        "target": call.target,
        "method": call.method,
        "url": call.url,
        "callsite": write_site(call.callsite),
        "timeout": list(call.timeout),
        "outcome": None if call.outcome is None else _write_outcome(call.outcome),
        "fault": None if call.fault is None else write_fault(call.fault),
        "position": [list(step) for step in call.position],
        "api": call.api,
    }


def read_call(value: Any) -> Call:
    """Read what :func:`write_call` gave.

    :raises WireError: it is something else.
    :raises FaultModelError: there is no such fault.
    """
    entry = mapping(value, "a call")
    timeout = entry.get("timeout")
    if not isinstance(timeout, list) or len(timeout) != 2:
        raise WireError("timeout is not a pair")
    connect, read = (None if each is None else number(each, "timeout") for each in timeout)
    outcome, fault = entry.get("outcome"), entry.get("fault")
    return Call(
        index=_index(entry),
        source=words_of(entry.get("source"), "source"),
        target=words_of(entry.get("target"), "target"),
        method=words_of(entry.get("method"), "method"),
        url=url_of(entry.get("url"), "url"),
        callsite=read_site(entry.get("callsite")),
        timeout=(connect, read),
        outcome=None if outcome is None else _read_outcome(outcome),
        fault=None if fault is None else read_fault(fault),
        position=read_position(entry.get("position")),
        api=text_of(entry.get("api", ""), "api"),
    )


def write_handling(handling: Handling) -> Record:
    """The handling of one request."""
    crash = handling.crash
    return {
        "execution_index": str(handling.index),
        "service": handling.service,
        "method": handling.method,
        "path": handling.path,
        "answer": None if handling.answer is None else _write_outcome(handling.answer),
        "crash": None if crash is None else write_crash(crash),
    }


def read_handling(value: Any) -> Handling:
    """Read what :func:`write_handling` gave.

    :raises WireError: it is something else.
    """
    entry = mapping(value, "a handling")
    answer, crash = entry.get("answer"), entry.get("crash")
    return Handling(
        index=_index(entry),
        service=words_of(entry.get("service"), "service"),
        method=words_of(entry.get("method"), "method"),
        path=words_of(entry.get("path"), "path"),
        answer=None if answer is None else _read_outcome(answer),
        crash=None if crash is None else read_crash(crash),
    )


def write_crash(crash: Crash) -> Record:
    """An exception that ended the handling of a request."""
    return {"error": crash.error, "site": write_site(crash.site)}


def read_crash(value: Any) -> Crash:
    """Read what :func:`write_crash` gave.

    :raises WireError: it is something else.
    """
    entry = mapping(value, "a crash")
    return Crash(words_of(entry.get("error"), "error"), read_site(entry.get("site")))


def _write_outcome(outcome: Outcome) -> Record:
    return {**write_outcome(outcome), "variant": outcome.variant}


def _read_outcome(value: Any) -> Outcome:
    outcome = read_outcome(value)
    variant = text_of(mapping(value, "an outcome").get("variant", ""), "variant")
    return Outcome(outcome.status, outcome.exception, outcome.digest, variant)


def _index(entry: Mapping[str, Any]) -> ExecutionIndex:
    return index_of(entry.get("execution_index"))
