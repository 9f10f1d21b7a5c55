"""Traces and fault sets as plain data, and back: for files, and for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from flask_filibuster.core.call import Call, CallSite, Outage
from flask_filibuster.core.fault import REQUESTS, Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.trace import Crash, Handling, Trace, UnexploredCall
from flask_filibuster.protocol.codec import Codec, Form, Record, list_of
from flask_filibuster.protocol.decisions import kind_from
from flask_filibuster.protocol.reading import (
    integer,
    mapping,
    number,
    optional_text,
    position_of,
    text_of,
    url_of,
)
from flask_filibuster.protocol.shapes import read_shape, write_shape


def write_fault(fault: Fault) -> Record:
    """A fault as plain data."""
    record: Record = {"abort": fault.abort, "sleep": fault.sleep}
    if not fault.is_plain:
        return {"kind": fault.kind.name, "parameters": fault.kind.parameters, **record}
    record = {"exception": fault.exception, "status": fault.status, **record}
    if fault.library != REQUESTS:
        record.update(library=fault.library, details=dict(fault.details))
    return record


def read_fault(value: Any, name: str = "a fault") -> Fault:
    """Read the output of :func:`write_fault`.

    :raises WireError: it is invalid.
    :raises FaultModelError: there is no such fault.
    """
    fault = mapping(value, name)
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


# The keys of JSON that differ from the fields, and the fields that are always written.
_INDEX = {"index": "execution_index"}
# A tenth of a millisecond is more than anybody can rely on.
_TIME = Codec(number, lambda seconds: round(seconds, 4))
_OF_CALLS = {
    "url": Codec(url_of),
    "start": _TIME,
    "end": replace(_TIME, optional=True),
    "position": Codec(position_of, lambda steps: [list(step) for step in steps]),
}
FAULT = Codec(read_fault, write_fault)
_KNOWN: Mapping[Any, Codec] = MappingProxyType(
    {
        CallSite: Form(CallSite, name="a call site").codec,
        Outcome: Form(
            Outcome,
            name="an outcome",
            always=["status", "exception", "digest", "variant"],
            codecs={"shape": Codec(read_shape, write_shape, optional=True)},
        ).codec,
        Fault: FAULT,
    }
)
OUTAGE = Form(Outage, name="an outage")
CRASH = Form(Crash, name="a crash", known=_KNOWN)
CALL = Form(
    Call,
    name="a call",
    rename=_INDEX,
    always=["callsite", "timeout", "outcome", "fault", "position", "api"],
    codecs=_OF_CALLS,
    known=_KNOWN,
)
HANDLING = Form(
    Handling,
    name="a handling",
    rename=_INDEX,
    always=["answer", "crash"],
    known={**_KNOWN, Crash: CRASH.codec},
)
_PLANNED_CALL = Form(
    Call,
    name="a planned fault",
    rename={**_INDEX, "target": "service"},
    skip=["timeout", "outcome", "fault", "position", "api", "start", "end"],
    always=["callsite"],
    needed=["callsite"],
    codecs=_OF_CALLS,
    known=_KNOWN,
)


def write_planned(planned: PlannedFault) -> Record:
    """A fault and the call that it is planned for, as plain data."""
    record = {**_PLANNED_CALL.write(planned.call), "fault": write_fault(planned.fault)}
    if planned.outage is not None:
        record["outage"] = OUTAGE.write(planned.outage)
    return record


def read_planned(value: Any, name: str = "a planned fault") -> PlannedFault:
    """Read the output of :func:`write_planned`.

    :raises WireError: it is invalid.
    :raises FaultModelError: there is no such fault.
    """
    entry = mapping(value, name)
    call, outage = _PLANNED_CALL.read(entry, name), entry.get("outage")
    fault = read_fault(entry.get("fault"))
    return PlannedFault(call, fault, None if outage is None else OUTAGE.read(outage))


FAULT_SET = list_of(Codec(read_planned, write_planned), lambda faults: FaultSet(tuple(faults)))


def read_fault_set(value: Any) -> FaultSet:
    """Read a list of planned faults.

    :raises WireError: it is invalid.
    :raises FaultModelError: there is no such fault.
    """
    faults: FaultSet = FAULT_SET.read(value, "faults")
    return faults


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The parts of a trace."""

    calls: tuple[Call, ...]
    handlings: tuple[Handling, ...]
    unexplored: tuple[UnexploredCall, ...] = ()


_UNEXPLORED = Form(UnexploredCall, name="an unexplored call", known=_KNOWN)
_PIECES = Form(
    _Pieces,
    name="a trace",
    known={
        Call: CALL.codec,
        Handling: HANDLING.codec,
        UnexploredCall: _UNEXPLORED.codec,
    },
)


def write_trace(trace: Trace) -> Record:
    """A trace as plain data."""
    calls = (*trace.requests, *trace.invocations)
    return _PIECES.write(_Pieces(calls, tuple(trace.handlings.values()), trace.unexplored))


def read_trace(value: Any) -> Trace:
    """Read the output of :func:`write_trace`.

    :raises WireError: it is invalid.
    """
    pieces = _PIECES.read(value)
    return Trace.of(pieces.calls, pieces.handlings, tuple(pieces.unexplored))
