"""The summary of all tests: bugs over all tests, and how many tests were explored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import pytest

from flask_filibuster.pytest_plugin.all_tests.replay import replay_command
from flask_filibuster.pytest_plugin.all_tests.told import Told, told_of
from flask_filibuster.report.text import counted, site_text, under_lines
from flask_filibuster.results.merged import (
    MergedBug,
    MergedFinding,
    merged_bugs,
    merged_findings,
)
from flask_filibuster.results.proof import EXIT_CODES, ExplorationVerdict

MOST_TESTS = 3
MOST_WARNINGS = 20
MOST_NOTES = 10


class Summary:
    """The summary.

    :param config: pytest's.
    :param told: what is known of each test, as plain data, by node id.
    :ivar changes_exit_code: whether pytest exits with this summary's code, as all tests passed.
    """

    def __init__(self, config: pytest.Config, told: Mapping[str, Mapping[str, Any]]) -> None:
        self.changes_exit_code = False
        self._config = config
        self._told: dict[str, Told] = {test: told_of(test, data) for test, data in told.items()}

    @cached_property
    def bugs(self) -> tuple[MergedBug, ...]:
        """The bugs of all tests, each once."""
        return merged_bugs(bug for each in self._told.values() for bug in each.bugs)

    @cached_property
    def _findings(self) -> tuple[MergedFinding, ...]:
        return merged_findings(
            (test, finding) for test, each in self._told.items() for finding in each.findings
        )

    @property
    def verdict(self) -> ExplorationVerdict:
        """Bugs; no proof, if no test could be explored; or ok."""
        if self.bugs:
            return "bugs"
        return "ok" if self._in_state("explored", "marked") else "no proof"

    @property
    def exit_code(self) -> int:
        """That of pytest, if all tests passed: 0, 1 (bugs) or 2 (it proves nothing)."""
        return EXIT_CODES[self.verdict]

    def write(self, terminal: Any) -> None:
        """Write it to pytest's terminal."""
        for line, markup in self._lines():
            terminal.write_line(line, **markup)

    def _lines(self) -> Iterator[tuple[str, dict[str, bool]]]:
        """The lines, each with pytest's markup."""
        bad, plain = {"red": True, "bold": True}, dict[str, bool]()
        for number, bug in enumerate(self.bugs, start=1):
            yield f"{number}. {bug.smallest.cause.kind}", bad
            yield from ((f"  {line}", plain) for line in _bug_lines(bug, self._config))
            yield "", plain
        for severity in ("warning", "note"):
            listed = [each for each in self._findings if each.finding.severity == severity]
            if listed:
                yield f"{severity}s", {"bold": True}
                yield from ((f"  {line}", plain) for line in _finding_lines(listed))
                yield "", plain
        yield from ((line, plain) for line in self._weak_lines())
        yield from ((line, plain) for line in self._unexplored_lines())
        marks = {"bugs": bad, "no proof": bad, "ok": {"green": True, "bold": True}}
        yield self.last_line, marks[self.verdict]

    def _weak_lines(self) -> Iterator[str]:
        """What makes the explorations prove less."""
        notes = _by_words(
            (note, test) for test, each in self._told.items() for note in each.weakens
        )
        for note, tests in list(notes.items())[:MOST_NOTES]:
            yield f"Weak: {note} ({_in_tests(tests)})"
        if len(notes) > MOST_NOTES:
            yield f"Weak: … and {counted(len(notes) - MOST_NOTES, 'other reason')}"
        cut = _by_words((each.cut, test) for test, each in self._told.items() if each.cut)
        for words, tests in cut.items():
            yield f"Incomplete: {words} ({_in_tests(tests)})"

    def _unexplored_lines(self) -> Iterator[str]:
        """The tests that made calls, or failed, and were not explored."""
        told = [(test, each) for test, each in self._told.items() if each.state == "not explored"]
        for reason, tests in _by_words((each.reason, test) for test, each in told).items():
            yield f"Not explored, {reason}: {_listed(tests)}"
            whys = _by_words((each.why, test) for test, each in told if each.reason == reason)
            yield from (f"  {why}" for why in list(filter(None, whys))[:MOST_TESTS])

    @property
    def last_line(self) -> str:
        """The verdict, and the number of tests of each state."""
        explored, marked = self._in_state("explored"), self._in_state("marked")
        executions = sum(each.executions for each in self._told.values())
        parts = [
            f"{counted(len(explored), 'test')} explored ({counted(executions, 'execution')})",
            *([f"{len(marked)} by the mark"] if marked else []),
            f"{len(self._in_state('without calls'))} without calls",
        ]
        reasons = Counter(
            each.reason for each in self._told.values() if each.state == "not explored"
        )
        not_explored = f"{sum(reasons.values())} not explored"
        if reasons:
            told = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
            not_explored += f" ({told})"
        code = f", so the exit code is {self.exit_code}" if self.changes_exit_code else ""
        return f"{self._verdict_words}{code}: {', '.join((*parts, not_explored))}"

    @property
    def _verdict_words(self) -> str:
        if self.verdict == "no proof":
            return "nothing proved, no test could be explored"
        warnings = sum(each.finding.severity == "warning" for each in self._findings)
        counts = {"bug": len(self.bugs), "warning": warnings}
        found = [counted(number, noun) for noun, number in counts.items() if number]
        return ", ".join(found) or "nothing found"

    def _in_state(self, *states: str) -> list[str]:
        return [test for test, each in self._told.items() if each.state in states]


def _by_words(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The tests by words, in order of the tests' names."""
    found: dict[str, list[str]] = {}
    for words, test in sorted(pairs, key=lambda pair: pair[1]):
        found.setdefault(words, []).append(test)
    return found


def _listed(tests: Sequence[str]) -> str:
    more = f", … and {len(tests) - MOST_TESTS} more" if len(tests) > MOST_TESTS else ""
    return ", ".join(tests[:MOST_TESTS]) + more


def _in_tests(tests: Sequence[str]) -> str:
    return f"{counted(len(tests), 'test')}: {_listed(tests)}"


def _bug_lines(bug: MergedBug, config: pytest.Config) -> Iterator[str]:
    smallest = bug.smallest
    yield smallest.message
    if smallest.site is not None:
        yield f"  at {site_text(smallest.site)}"
    yield from under_lines(smallest.faults)
    yield f"shown by {_in_tests(bug.tests)}"
    yield f"replay: {replay_command(smallest, config)}"


def _finding_lines(listed: Sequence[MergedFinding]) -> Iterator[str]:
    for each in listed[:MOST_WARNINGS]:
        yield f"{each.finding.kind}: {each.finding.message}"
        if each.finding.site is not None:
            yield f"  at {site_text(each.finding.site)}"
        yield f"  shown by {_in_tests(each.tests)}"
    if len(listed) > MOST_WARNINGS:
        yield f"… and {len(listed) - MOST_WARNINGS} more"
