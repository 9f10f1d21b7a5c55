"""What the explorations of all tests have found, each bug and each warning once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from flask_filibuster.core.vocabulary import counted
from flask_filibuster.pytest_plugin.all_tests.told import Told, told_of
from flask_filibuster.pytest_plugin.all_tests.words import in_tests
from flask_filibuster.report.text import site_text, under_lines
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.directory import DIRECTORY
from flask_filibuster.results.merged import (
    BugOfTest,
    MergedBug,
    MergedFinding,
    merged_bugs,
    merged_findings,
)

MOST_FINDINGS = 20

Line = tuple[str, dict[str, bool]]
"""A line, and pytest's markup for it."""


class Found:
    """What was found.

    :param config: pytest's.
    :param told: what is known of each test, as plain data, by node id.
    """

    def __init__(self, config: pytest.Config, told: Mapping[str, Mapping[str, Any]]) -> None:
        self._config = config
        self._told: dict[str, Told] = {test: told_of(data) for test, data in told.items()}

    @cached_property
    def bugs(self) -> tuple[MergedBug, ...]:
        """The bugs, each once."""
        return merged_bugs(bug for each in self._told.values() for bug in each.bugs)

    @cached_property
    def _findings(self) -> tuple[MergedFinding, ...]:
        return merged_findings(
            (test, finding) for test, each in self._told.items() for finding in each.findings
        )

    @property
    def words(self) -> str:
        """The verdict in a few words: ``"2 bugs, 1 warning"``; empty if there is neither."""
        warnings = sum(each.finding.severity == "warning" for each in self._findings)
        counts = {"bug": len(self.bugs), "warning": warnings}
        return ", ".join(counted(number, noun) for noun, number in counts.items() if number)

    def lines(self) -> Iterator[Line]:
        """The lines of the summary."""
        plain = dict[str, bool]()
        for number, bug in enumerate(self.bugs, start=1):
            yield f"{number}. {bug.smallest.cause.kind}", {"red": True, "bold": True}
            yield from ((f"  {line}", plain) for line in self._bug_lines(bug))
            yield "", plain
        for severity in ("warning", "note"):
            listed = [each for each in self._findings if each.finding.severity == severity]
            if listed:
                yield f"{severity}s", {"bold": True}
                yield from ((f"  {line}", plain) for line in _finding_lines(listed))
                yield "", plain

    def _bug_lines(self, bug: MergedBug) -> Iterator[str]:
        smallest = bug.smallest
        yield smallest.message
        if smallest.site is not None:
            yield f"  at {site_text(smallest.site)}"
        yield from under_lines(smallest.faults)
        if bug.others:
            yield f"also with {', '.join(bug.others)}, in other tests"
        yield f"shown by {in_tests(bug.tests)}"
        yield f"replay: {replay_command(smallest, self._config)}"


def _finding_lines(listed: Sequence[MergedFinding]) -> Iterator[str]:
    for each in listed[:MOST_FINDINGS]:
        yield f"{each.finding.kind}: {each.finding.message}"
        if each.finding.site is not None:
            others = f", with {counted(each.others, 'other call')} from there"
            yield f"  at {site_text(each.finding.site)}{others if each.others else ''}"
        yield f"  shown by {in_tests(each.tests)}"
    if len(listed) > MOST_FINDINGS:
        yield f"… and {len(listed) - MOST_FINDINGS} more"


def replay_command(bug: BugOfTest, config: pytest.Config) -> str:
    """Write the counterexample of a bug, and return the command that replays it.

    The counterexample says that the assertions of the test do not count in the replay, either.
    """
    root = config.rootpath
    counterexample = Counterexample(
        bug.test,
        bug.faults,
        bug.message,
        {"rootdir": str(root), "assertions": False},
        expected="the app handles the faults",
    )
    try:
        path = counterexample.write(root / DIRECTORY)
    except OSError as error:
        return f"not possible: cannot write the counterexample ({error})"
    directory = config.invocation_params.dir

    def below(place: Path) -> str:
        relative = os.path.relpath(place, directory)
        return str(place) if relative.startswith("..") else relative

    file, _, rest = bug.test.partition("::")
    nodeid = shlex.quote(f"{below(root / file)}::{rest}")
    return f"pytest {nodeid} --filibuster-replay {shlex.quote(below(path))}"
