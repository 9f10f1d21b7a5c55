"""Pytest's own run of a test, from its set-up to the report of its tear-down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class PytestRun:
    """Pytest's own run of a test. Plugins may repeat it; then the last time counts.

    :param item: the test.
    :param nextitem: the test that pytest runs next.
    :ivar is_exploring: whether further executions of the test are under way.
    """

    def __init__(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        self.item: Any = item
        self.nextitem = nextitem
        self.is_exploring = False
        self.outcomes: dict[str, str] = {}

    def begin(self) -> None:
        """Pytest, or a plugin that repeats tests, begins to run it."""
        self.outcomes = {}

    def note(self, report: pytest.TestReport) -> None:
        """Note how a phase ended."""
        expected = report.skipped and hasattr(report, "wasxfail")
        self.outcomes[str(report.when)] = "expected failure" if expected else report.outcome

    @property
    def passed(self) -> bool:
        """Whether set-up and body passed, and the session goes on."""
        # Of a body that is run again, pytest-retry reports no other set-up.
        setup = self.outcomes.get("setup", "passed")
        passed = setup == self.outcomes.get("call") == "passed"
        return passed and not self.item.session.shouldstop

    @property
    def problem(self) -> str:
        """How it ended, if it did not pass; empty if it did."""
        for phase in ("setup", "call", "teardown"):
            outcome = self.outcomes.get(phase)
            if outcome in ("skipped", "expected failure"):
                return "skipped" if outcome == "skipped" else "expected to fail"
            if outcome == "failed":
                return "failed without faults"
        return ""

    @contextmanager
    def shared_fixtures_kept(self) -> Iterator[None]:
        """Let a tear-down in the block keep what later executions share with this one."""
        state = self.item.session._setupstate
        whole, parent = state.teardown_exact, self.item.parent
        state.teardown_exact = lambda _nextitem: whole(parent)
        try:
            yield
        finally:
            del state.teardown_exact
