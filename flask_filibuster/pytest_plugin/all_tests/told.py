"""What is known of one test at its end; travels with pytest's report to the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flask_filibuster.core.call import CallSite
from flask_filibuster.protocol.records import read_fault_set, write_planned
from flask_filibuster.results.bug import Cause
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.merged import BugOfTest

State: TypeAlias = Literal["explored", "without calls", "not explored", "marked"]


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one test.

    :ivar state: what became of it.
    :ivar reason: why it was not explored, in few words, by which tests are counted.
    :ivar why: the same, in a sentence.
    :ivar executions: number of executions, that of pytest itself included.
    :ivar bugs: the bugs.
    :ivar findings: warnings and notes of oracles.
    :ivar weakens: what makes the exploration prove less, in words.
    :ivar cut: what a limit excluded, in words.
    """

    state: State
    reason: str = ""
    why: str = ""
    executions: int = 0
    bugs: tuple[BugOfTest, ...] = ()
    findings: tuple[Finding, ...] = ()
    weakens: tuple[str, ...] = ()
    cut: str = ""

    def data(self) -> dict[str, Any]:
        """As plain data; only what is not empty."""
        data: dict[str, Any] = {
            "state": self.state,
            "reason": self.reason,
            "why": self.why,
            "executions": self.executions,
            "bugs": [_bug_data(each) for each in self.bugs],
            "findings": [_finding_data(each) for each in self.findings],
            "weakens": list(self.weakens),
            "cut": self.cut,
        }
        return {key: value for key, value in data.items() if value}


def told_of(test: str, data: Mapping[str, Any]) -> Told:
    """Read plain data.

    :param test: node id of the test.
    """
    return Told(
        state=data["state"],
        reason=data.get("reason", ""),
        why=data.get("why", ""),
        executions=data.get("executions", 0),
        bugs=tuple(_read_bug(test, each) for each in data.get("bugs", ())),
        findings=tuple(map(_read_finding, data.get("findings", ()))),
        weakens=tuple(data.get("weakens", ())),
        cut=data.get("cut", ""),
    )


def _site_data(site: CallSite | None) -> list[Any] | None:
    return None if site is None else [site.file, site.line, site.function]


def _read_site(data: list[Any] | None) -> CallSite | None:
    return None if data is None else CallSite(*data)


def _bug_data(bug: BugOfTest) -> dict[str, Any]:
    return {
        "kind": bug.cause.kind,
        "what": list(bug.cause.what),
        "places": sorted(map(list, bug.cause.places)),
        "message": bug.message,
        "site": _site_data(bug.site),
        "faults": list(map(write_planned, bug.faults)),
    }


def _read_bug(test: str, data: Mapping[str, Any]) -> BugOfTest:
    cause = Cause(data["kind"], tuple(data["what"]), frozenset(map(tuple, data["places"])))
    site = _read_site(data["site"])
    return BugOfTest(test, cause, data["message"], site, read_fault_set(data["faults"]))


def _finding_data(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "message": finding.message,
        "service": finding.service,
        "site": _site_data(finding.site),
        "faults": list(map(write_planned, finding.faults)),
        "severity": finding.severity,
    }


def _read_finding(data: Mapping[str, Any]) -> Finding:
    return Finding(
        kind=data["kind"],
        message=data["message"],
        service=data["service"],
        site=_read_site(data["site"]),
        faults=read_fault_set(data["faults"]),
        executions=(),
        severity=data["severity"],
    )
