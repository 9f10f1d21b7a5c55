"""The hooks of ``--filibuster-all``, registered only where it is asked for.

Pytest itself runs each test, with all of its plugins; the exploration follows at the end of the
test's tear-down, before pytest reports that. Nothing of Flask is imported before the suite does.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from flask_filibuster.pytest_plugin.all_tests.run import PytestRun
from flask_filibuster.pytest_plugin.all_tests.signs import Signs
from flask_filibuster.pytest_plugin.fixtures import definitions_of
from flask_filibuster.pytest_plugin.options import layers
from flask_filibuster.pytest_plugin.state import (
    ALL_TESTS_TOLD,
    MARKER,
    RUNNING,
    TOLD_OF_INTERRUPTED,
)

if TYPE_CHECKING:
    from flask_filibuster.pytest_plugin.all_tests.first import FirstRun
    from flask_filibuster.pytest_plugin.all_tests.shared import Shared
    from flask_filibuster.pytest_plugin.all_tests.summary import Summary

WITHOUT_CALLS = {"state": "without calls"}
NOT_EXPLORED = {"state": "not explored"}


class UnwatchedRun(PytestRun):
    """Pytest's own run of a test before any test of the session has shown a sign of a call.

    :param plugin: explores the test, if it does.
    :param signs: the signs.
    """

    def __init__(
        self, item: pytest.Item, nextitem: pytest.Item | None, plugin: AllTests, signs: Signs
    ) -> None:
        super().__init__(item, nextitem)
        self._plugin = plugin
        self._signs = signs

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look for signs in the block."""
        self._signs.look()
        yield

    @property
    def goes_on(self) -> bool:
        """Whether it passed so far, and may have made a call."""
        self._signs.look(in_test=True)
        return self.passed and self._signs.seen

    def end(self, teardown: pytest.TestReport) -> tuple[pytest.TestReport, dict[str, Any]]:
        """Run the test again, watched, if there was a sign; as :meth:`FirstRun.end`."""
        if not self.goes_on:
            problem = self.problem
            return teardown, {**NOT_EXPLORED, "reason": problem} if problem else WITHOUT_CALLS
        self.is_exploring = True
        # The test is over; what follows takes longer the first time, and has limits of its own.
        cancel: Any = getattr(self.item.ihook, "pytest_timeout_cancel_timer", None)
        if cancel is not None:
            cancel(item=self.item)
        try:
            return self._plugin.first(self.item, self.nextitem).repeat(teardown)
        finally:
            self.is_exploring = False


class AllTests:
    """The plugin.

    :param config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._shared: Shared | None = None
        self._signs: Signs | None = None if layers(config, {}).get("services") else Signs()
        self._run: FirstRun | UnwatchedRun | None = None
        self._told: dict[str, dict[str, Any]] = {}
        self._begun: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Watch pytest's own run of a test."""
        if not isinstance(item, pytest.Function) or item.get_closest_marker(MARKER) is not None:
            return (yield)
        self._run = run = self._run_of(item, nextitem)
        try:
            with run.watched():
                return (yield)
        finally:
            self._run = None

    def _run_of(self, item: pytest.Item, nextitem: pytest.Item | None) -> FirstRun | UnwatchedRun:
        signs = self._signs
        if signs is None or signs.seen or _has_services(item):
            return self.first(item, nextitem)
        return UnwatchedRun(item, nextitem, self, signs)

    def first(self, item: pytest.Item, nextitem: pytest.Item | None) -> FirstRun:
        """The run of a test as its fault-free execution; imports what explorations need."""
        from flask_filibuster.pytest_plugin.all_tests.first import FirstRun
        from flask_filibuster.pytest_plugin.all_tests.shared import Shared

        if self._signs is not None:
            self._signs.close()
            self._signs = None
        if self._shared is None:
            self._shared = Shared(self._config, self._began)
        return FirstRun(item, nextitem, self._shared)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """A test begins; plugins that repeat tests begin it again."""
        if self._run is not None and not self._run.is_exploring:
            self._run.begin()
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Keep fixtures that the executions of a test share, if it is going to be explored."""
        run = self._run
        if run is None or run.is_exploring or not run.goes_on:
            return (yield)
        with run.shared_fixtures_kept():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Explore a test at its end, and attach what is known of it."""
        report = yield
        run = self._run
        if run is None:
            if call.when == "teardown" and item.stash.get(RUNNING, None) is None:
                setattr(report, ALL_TESTS_TOLD, _of_other(item))
        elif not run.is_exploring:
            run.note(report)
            if call.when == "teardown":
                report, told = run.end(report)
                setattr(report, ALL_TESTS_TOLD, told)
        return report

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note that a test begins: a marked one reports only when its exploration has ended."""
        self._begun.setdefault(nodeid, "")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what is known of the tests; with xdist, in the controller, too."""
        data = getattr(report, ALL_TESTS_TOLD, None)
        if data is None and hasattr(report, "filibuster"):
            self._told.setdefault(report.nodeid, {"state": "marked"})
        elif data is not None:
            self._told[report.nodeid] = data
            self._begun.pop(report.nodeid, None)
        elif report.nodeid not in self._told:
            self._begun[report.nodeid] = _outcome_of(report) or self._begun.get(report.nodeid, "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take off all patches, and exit with 1 if there are bugs, with 2 if nothing is proved."""
        if self._signs is not None:
            self._signs.close()
        if self._shared is not None:
            self._shared.close()
        # Where the process of a test ended, or the session in the middle of it, nobody told more.
        for test, outcome in self._begun.items():
            self._told.setdefault(test, {**NOT_EXPLORED, "reason": outcome or "interrupted"})
        self._told.update(self._config.stash.get(TOLD_OF_INTERRUPTED, {}))
        if self._reports and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = self._summary.exit_code
            self._summary.changes_exit_code = session.exitstatus != pytest.ExitCode.OK

    @property
    def _reports(self) -> bool:
        """Whether this process reports what all tests have shown."""
        config = self._config
        return not (hasattr(config, "workerinput") or config.option.collectonly)

    @cached_property
    def _summary(self) -> Summary:
        from flask_filibuster.pytest_plugin.all_tests.summary import Summary

        return Summary(self._config, self._told)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List the bugs of all tests, and count the tests."""
        if self._reports:
            terminalreporter.section("filibuster: all tests")
            self._summary.write(terminalreporter)


def _has_services(item: pytest.Item) -> bool:
    """Whether a fixture of the suite returns services, so that it knows us already."""
    found = definitions_of(item, "filibuster_services")
    return bool(found) and found[-1].func.__module__ != "flask_filibuster.pytest_plugin.plugin"


def _outcome_of(report: pytest.TestReport) -> str:
    """How a test ended, according to a report of one of its phases; empty: it goes on."""
    if str(report.when) == "???":  # Pytest-xdist's, of a worker that crashed.
        return "interrupted"
    if report.outcome == "failed":
        return "failed without faults"
    return "skipped" if report.outcome == "skipped" else ""


def _of_other(item: pytest.Item) -> dict[str, Any]:
    """What is known of a test that nothing watches."""
    if isinstance(item, pytest.Function):
        marked = item.get_closest_marker(MARKER) is not None
        reason = "left alone by its mark" if marked else "run by another plugin"
        return {**NOT_EXPLORED, "reason": reason}
    return {**NOT_EXPLORED, "reason": f"no test function, but a {type(item).__name__}"}
