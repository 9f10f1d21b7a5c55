"""Replays of bugs that ``--filibuster-all`` found."""

from __future__ import annotations

import pytest

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.pytest_plugin.all_tests.item import UnmarkedItem
from flask_filibuster.pytest_plugin.all_tests.shared import Shared
from flask_filibuster.pytest_plugin.journal import Reports
from flask_filibuster.pytest_plugin.reports import replayed
from flask_filibuster.pytest_plugin.state import REPLAYED
from flask_filibuster.report.text import finding_lines
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import Execution, judged
from flask_filibuster.results.judging import judge


class ReplayedTest:
    """Replays a bug that ``--filibuster-all`` found: once, and its test's assertions do not count.

    :param item: the test.
    :ivar subject: the test as a subject; pytest's hooks report to it.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._counterexample: Counterexample = item.config.stash[REPLAYED]
        self._shared = Shared(item.config, 0.0)
        self.subject = UnmarkedItem(item, Interruption(), self._shared)

    def run(self) -> Reports:
        """Run the test under the faults.

        :returns: its reports; that of its body tells of the bug.
        """
        subject, faults = self.subject, self._counterexample.fault_set
        try:
            reports = subject.run_once(faults)
        finally:
            self._shared.close()
        if not subject.observed:
            return reports
        execution = judged(faults, subject.observation())
        for each in reports:
            if each.when == "call" and not each.passed:
                # The test's own failure, or skip, under faults.
                each.outcome, each.longrepr = "passed", None
        nothing = Execution(0, FaultSet(), Trace(), "passed")
        oracles = self._shared.settings.judges
        found = judge([nothing, execution], oracles=oracles).findings
        bugs = [each for each in found if each.broken]
        seen = self._counterexample.seen
        bugs.sort(key=lambda each: each.message != seen)
        lines = "\n\n".join("\n".join(finding_lines(each)) for each in bugs)
        replayed(execution, self._counterexample, reports, skipped=False, found=lines)
        return reports
