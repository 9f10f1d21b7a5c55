"""The hooks of ``--filibuster-all``, registered only where it is asked for.

Pytest itself runs each test, with all of its plugins; the exploration follows at the end of the
test's tear-down, before pytest reports that. Nothing of Flask is imported before the suite does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from flask_filibuster.pytest_plugin.state import MARKER, RUNNING

if TYPE_CHECKING:
    from flask_filibuster.pytest_plugin.all_tests.first import FirstRun
    from flask_filibuster.pytest_plugin.all_tests.shared import Shared
    from flask_filibuster.pytest_plugin.all_tests.summary import Summary

ATTRIBUTE = "filibuster_all"
"""Where reports keep what is known of a test, as plain data; xdist's workers send it along."""

WITHOUT_CALLS = {"state": "without calls"}


class AllTests:
    """The plugin.

    :param config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._shared: Shared | None = None
        self._first: FirstRun | None = None
        self._told: dict[str, dict[str, Any]] = {}

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Watch pytest's own run of a test."""
        if not _is_explorable(item):
            return (yield)
        from flask_filibuster.pytest_plugin.all_tests.first import FirstRun

        first = self._first = FirstRun(item, nextitem, self._all_share())
        item.stash[RUNNING] = first.subject
        try:
            with first.subject.watched():
                return (yield)
        finally:
            self._first = None
            del item.stash[RUNNING]

    def _all_share(self) -> Shared:
        if self._shared is None:
            from flask_filibuster.pytest_plugin.all_tests.shared import Shared

            self._shared = Shared(self._config, self._began)
        return self._shared

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        """A test begins; plugins that repeat tests begin it again."""
        if self._first is not None and not self._first.is_exploring:
            self._first.begin()
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Keep fixtures that the executions of a test share, if it is going to be explored."""
        first = self._first
        if first is None or first.is_exploring or not first.can_go_on:
            return (yield)
        with first.shared_fixtures_kept():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Explore a test at its end, and attach what is known of it."""
        report = yield
        first = self._first
        if first is None:
            if call.when == "teardown" and item.stash.get(RUNNING, None) is None:
                setattr(report, ATTRIBUTE, _of_other(item))
        elif not first.is_exploring:
            first.note(report)
            if call.when == "teardown":
                report, told = first.end(report)
                setattr(report, ATTRIBUTE, told.data())
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what is known of the tests; with xdist, in the controller, too."""
        data = getattr(report, ATTRIBUTE, None)
        if data is None and hasattr(report, "filibuster"):
            data = {"state": "marked"}
        if data is not None:
            self._told[report.nodeid] = data

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take off all patches, and exit with 1 if there are bugs, with 2 if nothing is proved."""
        if self._shared is not None:
            self._shared.close()
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


def _is_explorable(item: pytest.Item) -> bool:
    """Whether the test may make requests to a Flask app, and has no mark."""
    return (
        isinstance(item, pytest.Function)
        and item.get_closest_marker(MARKER) is None
        and "flask" in sys.modules
    )


def _of_other(item: pytest.Item) -> dict[str, Any]:
    """What is known of a test that nothing watches."""
    if not isinstance(item, pytest.Function):
        return {"state": "not explored", "reason": f"{type(item).__name__}, no test function"}
    if item.get_closest_marker(MARKER) is not None:
        return {"state": "not explored", "reason": "left alone by its mark"}
    return WITHOUT_CALLS
