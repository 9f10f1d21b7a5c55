"""The report as plain data, for JSON.

``version`` grows when a field changes its meaning. The versions:

1. ``ok``: no failure, no finding with ``broken``, and no inconclusive execution. ``failures``: the
   bugs that an assertion found, one for each execution index.
2. ``ok``: no bug, and the exploration proves something (otherwise ``gaps`` has the reasons); true
   if and only if ``exit_code`` is 0. ``failures``: one for each combination of error, place, call
   and cause, like ``bugs``. ``broken``: ``severity == "error"``. New: ``subject``, ``verdict``,
   ``exit_code``, ``gaps``, ``bugs``, ``calls`` and ``severity``.
3. ``classes``: ``faults`` are those of the class (before: ``ways``), ``context`` holds the other
   faults of the execution (before: ``faults``). Later, without a change of meaning: ``weakens``,
   ``unexplored``, ``waits``, ``seconds``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_filibuster.core.call import CallSite, Outage
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.report.document import BugEntry, Document, ExecutionEntry, document_of
from flask_filibuster.report.text import error_line
from flask_filibuster.results.result import Result
from flask_filibuster.results.waiting.waits import Wait

VERSION = 3


def result_data(result: Result, commands: Mapping[FaultSet, str]) -> dict[str, Any]:
    """A result as plain data.

    :param result: the result.
    :param commands: the commands that replay bugs, by fault set.
    """
    return document_data(document_of(result, replays=commands))


def document_data(document: Document) -> dict[str, Any]:
    """A report as plain data."""
    return {
        "version": VERSION,
        "subject": document.about.title,
        "ok": document.ok,
        "exit_code": document.exit_code,
        "verdict": document.verdict,
        "gaps": list(document.gaps),
        "weakens": list(document.weakens),
        "unexplored": [_unexplored(each) for each in document.unexplored],
        "waits": [_wait(each) for each in document.waits],
        "generated": len(document.executions) + document.pruned,
        "executed": len(document.executions),
        "pruned": document.pruned,
        "not_run": dict(document.not_run),
        "recalled": document.recalled,
        "superfluous": document.superfluous,
        "bugs": [_bug(each) for each in document.bugs],
        **_found(document),
        "notes": list(document.notes),
        "problems": list(document.problems),
        "calls": [
            {
                "call": each.call.describe(),
                "execution_index": str(each.call.index),
                "site": _site(each.call.callsite),
                "faults": list(each.faults),
            }
            for each in document.calls
        ],
        "classes": _classes(document),
        "executions": [_execution(each) for each in document.executions],
    }


def _wait(wait: Wait) -> dict[str, Any]:
    return {
        "service": wait.service,
        "method": wait.method,
        "path": wait.path,
        "seconds": round(wait.seconds, 3),
        "made_of": wait.made_of,
        "faults": faults_data(wait.faults),
    }


def _unexplored(call: UnexploredCall) -> dict[str, Any]:
    return {
        "way": call.way,
        "target": call.target,
        "url": call.url,
        "site": _site(call.callsite),
        "count": call.count,
        "apart": call.apart,
    }


def _bug(bug: BugEntry) -> dict[str, Any]:
    return {
        "number": bug.number,
        "symptoms": [
            {"kind": each.kind, "message": each.message, "site": _site(each.site)}
            for each in bug.symptoms
        ],
        "faults": faults_data(bug.faults),
        "executions": list(bug.executions),
        "replay": bug.replay,
    }


def _found(document: Document) -> dict[str, Any]:
    return {
        "failures": [
            {
                "error": error_line(failure.error),
                "faults": faults_data(failure.faults),
                "executions": [each.number for each in failure.executions],
                "replay": document.replays.get(failure.faults),
            }
            for failure in document.failures
        ],
        "findings": [
            {
                "kind": finding.kind,
                "severity": finding.severity,
                "broken": finding.broken,
                "message": finding.message,
                "service": finding.service,
                "site": _site(finding.site),
                "faults": faults_data(finding.faults),
                "executions": list(finding.executions),
                "replay": document.replays.get(finding.faults),
            }
            for finding in document.findings
        ],
    }


def _classes(document: Document) -> list[dict[str, Any]]:
    return [
        {
            "call": each.call.describe(),
            "execution_index": str(each.call.index),
            "faults": [str(fault) for fault in each.faults],
            "representative": str(each.representative),
            "context": faults_data(each.context),
        }
        for each in document.classes
    ]


def _execution(execution: ExecutionEntry) -> dict[str, Any]:
    return {
        "number": execution.number,
        "verdict": execution.verdict,
        "purpose": execution.purpose,
        "faults": faults_data(execution.faults),
        "answers": list(execution.answers),
        "error": execution.error,
        "problems": list(execution.problems),
        "seconds": round(execution.seconds, 3),
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
            **({} if planned.outage is None else {"outage": _outage(planned.outage)}),
        }
        for planned in faults
    ]


def _outage(outage: Outage) -> dict[str, Any]:
    site = outage.site
    return {
        "service": outage.service,
        "site": None if site is None else {"source": site[0], "file": site[1], "line": site[2]},
        "first": outage.first,
        "calls": outage.failed,
        "words": outage.words(),
    }


def _site(site: CallSite | None) -> dict[str, Any] | None:
    if site is None:
        return None
    return {"file": site.file, "line": site.line, "function": site.function}
