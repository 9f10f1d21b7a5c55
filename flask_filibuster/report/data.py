"""Results as plain data, for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.report.text import error_line
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.result import Result

VERSION = 1


def result_data(result: Result, commands: Mapping[FaultSet, str]) -> dict[str, Any]:
    """A result as plain data; ``version`` grows when a field changes its meaning.

    :param result: the result.
    :param commands: the commands that replay what is broken, by fault set.
    """
    return {
        "version": VERSION,
        "ok": result.ok and not any(finding.broken for finding in result.findings),
        "generated": result.generated,
        "executed": len(result.executions),
        "pruned": result.left_out,
        "not_run": _not_run(result),
        "recalled": result.recalled,
        "superfluous": result.superfluous,
        "classes": [
            {
                "call": each.call.describe(),
                "execution_index": str(each.call.index),
                "ways": [str(way) for way in each.ways],
                "representative": str(each.representative),
                "faults": faults_data(each.context),
            }
            for each in result.classes
        ],
        "executions": [_execution(each) for each in result.executions],
        "failures": [
            {
                "error": error_line(failure.error),
                "faults": faults_data(failure.faults),
                "executions": [each.number for each in failure.executions],
                "replay": commands.get(failure.faults),
            }
            for failure in result.failures
        ],
        "findings": [
            {
                "kind": finding.kind,
                "broken": finding.broken,
                "message": finding.message,
                "service": finding.service,
                "site": _site(finding.site),
                "faults": faults_data(finding.faults),
                "executions": list(finding.executions),
                "replay": commands.get(finding.faults),
            }
            for finding in result.findings
        ],
        "notes": list(result.notes),
        "problems": list(result.problems),
    }


def _not_run(result: Result) -> dict[str, int]:
    """What limits have left undone, by limit."""
    left = {"max_executions": 0, "max_faults": result.cut_by_size}
    if result.remaining:
        left[result.limit] = result.remaining
    return left


def _execution(execution: Execution) -> dict[str, Any]:
    return {
        "number": execution.number,
        "verdict": execution.verdict,
        "purpose": execution.purpose,
        "faults": faults_data(execution.faults),
        "answers": [str(request.outcome) for request in execution.trace.requests],
        "error": None if execution.error is None else error_line(execution.error),
        "problems": list(execution.problems),
    }


def faults_data(faults: FaultSet) -> list[dict[str, Any]]:
    """A fault set as plain data."""
    return [
        {
            "source": planned.call.source,
            "service": planned.service,
            "method": planned.call.method,
            "url": planned.call.url,
            "site": _site(planned.call.callsite),
            "exception": planned.fault.exception,
            "status": planned.fault.status,
            "abort": planned.fault.abort,
            "sleep": planned.fault.sleep,
            "kind": planned.fault.kind.name,
            "execution_index": str(planned.index),
        }
        for planned in faults
    ]


def _site(site: CallSite | None) -> dict[str, Any] | None:
    if site is None:
        return None
    return {"file": site.file, "line": site.line, "function": site.function}
