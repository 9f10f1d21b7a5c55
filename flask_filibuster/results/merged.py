"""The bugs of many tests in one list, each bug once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace

from flask_filibuster.core.call import CallSite
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.results.bug import Cause
from flask_filibuster.results.findings import Finding

_WITH_LINE = 6
"""Least length of a place with file and line, see ``place_of`` in ``results/identity.py``."""


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
    :ivar others: names of other services that make or answer the call in some of these tests.
    """

    smallest: BugOfTest
    tests: tuple[str, ...]
    others: tuple[str, ...] = ()


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
        bugs, key=lambda each: (each.faults.size, len(each.cause.places), each.test, each.message)
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
    listed = [each for alike in found.values() for each in alike]
    for key_of in (_whichever_caller, _whichever_callee):
        listed = _merged(listed, key_of)
    return tuple(sorted(listed, key=lambda each: each.smallest.faults.size))


def _merged(bugs: list[MergedBug], key_of: Callable[[BugOfTest], Hashable]) -> list[MergedBug]:
    """Bugs with the same key as one, unless one test shows two of them: to it, they differ."""
    alike: dict[Hashable, list[MergedBug]] = {}
    for number, bug in enumerate(bugs):
        key = key_of(bug.smallest)
        alike.setdefault(number if key is None else key, []).append(bug)
    merged: list[MergedBug] = []
    for group in alike.values():
        tests = [test for bug in group for test in bug.tests]
        if len(set(tests)) < len(tests):
            merged += group
            continue
        first = group[0]
        named = dict.fromkeys(name for bug in group for name in (*_services(bug), *bug.others))
        others = tuple(name for name in named if name not in _services(first))
        merged.append(MergedBug(first.smallest, tuple(tests), others))
    return merged


def _services(bug: MergedBug) -> tuple[str, ...]:
    """Names of the services that make the calls at fault, and of those that answer them."""
    places = sorted(bug.smallest.cause.places)
    return tuple(name for source, _, target, *_ in places for name in (source, target))


def _whichever_caller(bug: BugOfTest) -> Hashable:
    """Equal for exceptions of one line, if only the name of the service differs.

    A test module that makes an app of its own gives it a name of its own; or one service has
    several URLs.
    """
    cause = bug.cause
    if not _has_lines(bug):
        return None
    sources = {place[0] for place in cause.places}
    what = tuple(part for part in cause.what if part not in sources)
    return cause.kind, what, frozenset(place[1:] for place in cause.places), _kinds(bug)


def _whichever_callee(bug: BugOfTest) -> Hashable:
    """Equal for exceptions of one line, if only the host that the call reaches differs.

    One line of a helper calls several services, of which each is a bug. So the functions that lead
    there, and the path, must be the same: they make the index of the call, and the host does not.
    """
    cause = bug.cause
    if not _has_lines(bug):
        return None
    lines = frozenset((source, method, *line) for source, method, _, *line in cause.places)
    calls = frozenset(
        tuple(signature for signature, _ in planned.index.pairs) for planned in bug.faults
    )
    return cause.kind, cause.what, lines, calls, _kinds(bug)


def _has_lines(bug: BugOfTest) -> bool:
    """Whether the lines of the exception and of the calls at fault are known."""
    places = bug.cause.places
    return bug.site is not None and bool(places) and all(len(each) >= _WITH_LINE for each in places)


def _kinds(bug: BugOfTest) -> Hashable:
    return tuple(sorted(str(planned.fault) for planned in bug.faults))


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
