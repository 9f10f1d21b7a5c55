"""The bugs of many tests in one list, each bug once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.results.bug import Cause
from flask_filibuster.results.findings import Finding


@dataclass(frozen=True, slots=True)
class BugOfTest:
    """A bug that an oracle found in the exploration of one test.

    :ivar test: name of the test.
    :ivar cause: what tells the bug from others.
    :ivar message: the bug in a sentence.
    :ivar site: where in the application.
    :ivar faults: the smallest fault set that shows it in this test.
    """

    test: str
    cause: Cause
    message: str
    site: CallSite | None
    faults: FaultSet


@dataclass(frozen=True, slots=True)
class MergedBug:
    """One bug of several tests.

    :ivar smallest: the bug with the smallest fault set that shows it.
    :ivar tests: names of all tests that show it, that of ``smallest`` first.
    """

    smallest: BugOfTest
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedFinding:
    """One warning or note of several tests.

    :ivar finding: as the first test shows it.
    :ivar tests: names of all tests that show it.
    :ivar others: number of other calls, from the same place, that are found fault with.
    """

    finding: Finding
    tests: tuple[str, ...]
    others: int


def merged_bugs(bugs: Iterable[BugOfTest]) -> tuple[MergedBug, ...]:
    """Each bug once, whichever tests show it: the one with the smallest fault set stands for all.

    The result does not depend on the order of the tests, which parallel processes report as they
    end.

    >>> from flask_filibuster.core.fault_set import FaultSet
    >>> cause = Cause("answer 500", ("shop", "GET"), frozenset())
    >>> shown = [BugOfTest(test, cause, "500", None, FaultSet()) for test in ("b", "a")]
    >>> [each.tests for each in merged_bugs(shown)]
    [('a', 'b')]
    """
    smallest_first = sorted(
        bugs, key=lambda each: (len(each.faults), len(each.cause.places), each.test, each.message)
    )
    found: dict[tuple[str, tuple[str, ...]], list[MergedBug]] = {}
    for bug in smallest_first:
        alike = found.setdefault((bug.cause.kind, bug.cause.what), [])
        for number, each in enumerate(alike):
            if each.smallest.cause.is_shown_by(bug.cause):
                tests = each.tests if bug.test in each.tests else (*each.tests, bug.test)
                alike[number] = replace(each, tests=tests)
                break
        else:
            alike.append(MergedBug(bug, (bug.test,)))
    listed = (each for alike in found.values() for each in alike)
    return tuple(sorted(listed, key=lambda each: len(each.smallest.faults)))


def merged_findings(findings: Iterable[tuple[str, Finding]]) -> tuple[MergedFinding, ...]:
    """Each warning or note once: those of one oracle and place are one, whatever call it makes.

    :param findings: the findings, each with the name of its test.
    """
    found: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for test, each in sorted(findings, key=lambda pair: pair[0]):
        place = each.message if each.site is None else str(each.site)
        found.setdefault((each.kind, place), []).append((test, each))
    return tuple(
        MergedFinding(
            alike[0][1],
            tuple(dict.fromkeys(test for test, _ in alike)),
            len({each.message for _, each in alike}) - 1,
        )
        for alike in found.values()
    )
