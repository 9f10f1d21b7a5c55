"""What an exploration found, beyond its executions, as plain data for other processes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.protocol.reading import integer, mapping
from flask_filibuster.protocol.records import (
    read_call,
    read_fault,
    read_fault_set,
    read_site,
    write_call,
    write_fault,
    write_planned,
    write_site,
)
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import EquivalenceClass, Pruned, Result

MOST_LISTED = 10_000
"""Sets that were left out; the others are only counted."""


def write_outcome(result: Result) -> dict[str, Any]:
    """The outcome of an exploration."""
    pruned = list(islice(result.pruned, MOST_LISTED))
    return {
        "pruned": [
            {"faults": [write_planned(planned) for planned in each.faults], "answer": each.answer}
            for each in pruned
        ],
        "unlisted": result.left_out - len(pruned),
        "classes": [_write_class(each) for each in result.classes],
        "observed": [_write_finding(each) for each in result.observed],
        "remaining": result.remaining,
        "limit": result.limit,
        "cut_by_size": result.cut_by_size,
        "ambiguities": [[str(index), *seen] for index, *seen in result.ambiguities],
        "notes": list(result.notes),
        "problems": list(result.problems),
    }


def read_outcome(executions: tuple[Execution, ...], outcome: Mapping[str, Any]) -> Result:
    """Read what :func:`write_outcome` gave.

    :param executions: the executions, as they were told of one by one.
    :raises FilibusterError, KeyError, TypeError, ValueError: it is something else.
    """
    return Result(
        executions=executions,
        pruned=tuple(
            Pruned(read_fault_set(mapping(each, "pruned")["faults"]), str(each["answer"]))
            for each in outcome["pruned"]
        ),
        unlisted=integer(outcome.get("unlisted", 0), "unlisted"),
        classes=tuple(_read_class(mapping(each, "a class")) for each in outcome.get("classes", ())),
        observed=tuple(
            _read_finding(mapping(each, "a finding")) for each in outcome.get("observed", ())
        ),
        remaining=int(outcome["remaining"]),
        limit=str(outcome.get("limit", "max_executions")),
        cut_by_size=int(outcome["cut_by_size"]),
        ambiguities=tuple(
            (ExecutionIndex.received(str(index)), str(before), str(then))
            for index, before, then in outcome["ambiguities"]
        ),
        notes=tuple(map(str, outcome["notes"])),
        problems=tuple(map(str, outcome["problems"])),
    )


def _write_class(each: EquivalenceClass) -> dict[str, Any]:
    return {
        "call": write_call(each.call),
        "ways": [write_fault(fault) for fault in each.ways],
        "representative": write_fault(each.representative),
        "context": [write_planned(planned) for planned in each.context],
    }


def _read_class(content: Mapping[str, Any]) -> EquivalenceClass:
    return EquivalenceClass(
        call=read_call(content["call"]),
        ways=tuple(read_fault(fault) for fault in content["ways"]),
        representative=read_fault(content["representative"]),
        context=read_fault_set(content["context"]),
    )


def _write_finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "message": finding.message,
        "service": finding.service,
        "site": write_site(finding.site),
        "faults": [write_planned(planned) for planned in finding.faults],
        "executions": list(finding.executions),
        "broken": finding.broken,
    }


def _read_finding(content: Mapping[str, Any]) -> Finding:
    return Finding(
        kind=str(content["kind"]),
        message=str(content["message"]),
        service=str(content["service"]),
        site=read_site(content["site"]),
        faults=read_fault_set(content["faults"]),
        executions=tuple(map(int, content["executions"])),
        broken=bool(content["broken"]),
    )
