"""Judges executions: failures of the test, findings of the oracles, and the bugs behind both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from flask_filibuster.core.fault_set import FaultSet, UnknownFaults
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import UnendingError
from flask_filibuster.results.bug import Bug, Cause, Failure, Place
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import UNENDING, Finding
from flask_filibuster.results.identity import (
    FailureIdentity,
    Seen,
    failure_identity,
    places_of,
)
from flask_filibuster.results.oracles.base import Oracle, Sighting
from flask_filibuster.results.oracles.registry import oracles_of
from flask_filibuster.results.reactions import Reactions


@dataclass(frozen=True, slots=True)
class Judgement:
    """Failures, findings and bugs of executions.

    :ivar failures: the failures of the test, one for each bug.
    :ivar findings: the findings of the oracles.
    :ivar bugs: failures, and findings of severity ``"error"``; one bug may show in both.
    """

    failures: tuple[Failure, ...]
    findings: tuple[Finding, ...]
    bugs: tuple[Bug, ...]


@dataclass(slots=True)
class _FailureGroup:
    """The executions that show one failure."""

    identity: FailureIdentity
    members: list[Execution]

    def failure(self) -> Failure | None:
        first = self.members[0]
        if first.error is None:
            return None
        return Failure(first.faults, first.error, tuple(self.members))


@dataclass(slots=True)
class _FindingGroup:
    """The executions that show one finding."""

    oracle: Oracle
    sighting: Sighting
    places: frozenset[Place]
    faults: FaultSet
    numbers: set[int] = field(default_factory=set)

    def finding(self) -> Finding:
        return Finding(
            kind=self.oracle.name,
            message=self.sighting.message,
            service=self.sighting.service,
            site=self.sighting.site,
            faults=self.faults,
            executions=tuple(sorted(self.numbers)),
            severity=self.oracle.severity,
        )

    @property
    def cause(self) -> Cause:
        return Cause(self.oracle.name, self.sighting.what, self.places)


def judge(
    executions: Iterable[Execution],
    *,
    oracles: Sequence[Oracle] | None = None,
    observed: Iterable[Finding] = (),
) -> Judgement:
    """Judge executions.

    :param executions: in the order of their numbers, the fault-free one first.
    :param oracles: the oracles; ``None``: all, see :func:`oracles_of`.
    :param observed: findings of the search itself; ignored if their oracle is switched off.
    """
    chosen = oracles_of() if oracles is None else tuple(oracles)
    failed: list[_FailureGroup] = []
    found: list[_FindingGroup] = []
    # Groups with equal oracle and `what`, which differ in their causes.
    alike: dict[tuple[str, tuple[str, ...]], list[_FindingGroup]] = {}
    for seen in _smallest_first(executions):
        _note_failure(seen, failed)
        for oracle in chosen:
            for sighting in oracle.look(seen):
                others = alike.setdefault((oracle.name, sighting.what), [])
                group = _group_of(sighting, oracle, seen.execution, others)
                if not group.numbers:
                    found.append(group)
                group.numbers.add(seen.execution.number)
    failures = [(group, failure) for group in failed if (failure := group.failure())]
    listed = [(group.finding(), group.cause) for group in found]
    listed += [
        (each, Cause(each.kind, (each.message,), frozenset())) for each in _wanted(observed, chosen)
    ]
    findings = tuple(each for each, _ in listed)
    bugs = _bugs(failures, [each for each in listed if each[0].severity == "error"])
    return Judgement(tuple(failure for _, failure in failures), findings, bugs)


def failures_of(executions: Iterable[Execution]) -> tuple[Failure, ...]:
    """The failures of the test alone.

    :param executions: in the order of their numbers, the fault-free one first.
    """
    return judge(executions, oracles=()).failures


def _smallest_first(executions: Iterable[Execution]) -> list[Seen]:
    """The executions beside the fault-free one, those with the fewest faults first.

    Later executions are compared with earlier ones, so that a bug has its smallest fault set.
    """
    listed = tuple(executions)
    baseline = listed[0].trace if listed else Trace()
    smallest_first = sorted(listed, key=lambda each: each.size)
    reactions = Reactions(listed)
    return [Seen(each, baseline, listed, reactions) for each in smallest_first]


def _note_failure(seen: Seen, groups: list[_FailureGroup]) -> None:
    identity = failure_identity(seen)
    if identity is None:
        return
    for group in groups:
        if group.identity.is_shown_by(identity):
            group.members.append(seen.execution)
            return
    groups.append(_FailureGroup(identity, [seen.execution]))


def _wanted(observed: Iterable[Finding], oracles: Iterable[Oracle]) -> Iterator[Finding]:
    """The findings of the search whose oracle is on, with the oracle's severity."""
    severities = {oracle.name: oracle.severity for oracle in oracles}
    for finding in observed:
        if finding.kind in severities:
            yield replace(finding, severity=severities[finding.kind])


def _group_of(
    sighting: Sighting, oracle: Oracle, execution: Execution, others: list[_FindingGroup]
) -> _FindingGroup:
    """The group of a sighting: one whose causes this sighting includes, or a new one."""
    places = places_of(sighting.cause)
    for group in others:
        if group.places <= places:
            return group
    others.append(_FindingGroup(oracle, sighting, places, execution.faults))
    return others[-1]


def _bugs(
    failures: list[tuple[_FailureGroup, Failure]], caused: list[tuple[Finding, Cause]]
) -> tuple[Bug, ...]:
    """Failures, each with the breakdown behind it, and the remaining findings."""
    behind: dict[int, list[Failure]] = {}
    findings = [each for each, _ in caused]
    bugs = []
    for group, failure in failures:
        number = _finding_behind(group, findings)
        if number is not None:
            behind.setdefault(number, []).append(failure)
        elif failure.faults or isinstance(failure.faults, UnknownFaults):
            # A failure without faults is an error of the test.
            bugs.append(_bug([failure], []))
    for number, (finding, cause) in enumerate(caused):
        bugs.append(_bug(behind.get(number, []), [finding], cause))
    return tuple(sorted(bugs, key=lambda each: (each.faults.size, each.executions[0])))


def _finding_behind(group: _FailureGroup, findings: list[Finding]) -> int | None:
    """The number of the finding that causes a failure: a breakdown with the same fault set."""
    first = group.members[0]
    if isinstance(first.error, UnendingError):
        unending = (n for n, each in enumerate(findings) if each.kind == UNENDING)
        return next((n for n in unending if first.number in findings[n].executions), None)
    behind = {
        (each.kind, each.handling.service, None if crash is None else crash.site)
        for each in group.identity.behind
        for crash in (each.handling.crash,)
    }
    for number, finding in enumerate(findings):
        if (finding.kind, finding.service, finding.site) in behind and (
            first.number in finding.executions
        ):
            return number
    return None


def _bug(failures: list[Failure], findings: list[Finding], cause: Cause | None = None) -> Bug:
    symptoms: tuple[Failure | Finding, ...] = (*failures, *findings)
    numbers = {each.number for failure in failures for each in failure.executions}
    numbers.update(number for finding in findings for number in finding.executions)
    smallest = min(symptoms, key=lambda each: each.faults.size)
    return Bug(smallest.faults, symptoms, tuple(sorted(numbers)), cause)
