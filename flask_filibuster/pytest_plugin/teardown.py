"""The tear-down of a marked test, after all its executions."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from flask_filibuster.pytest_plugin.reports import add_section, shown

# The exceptions that end the session.
INTERRUPTIONS = (KeyboardInterrupt, pytest.exit.Exception)


def leave(
    item: Any, teardown: pytest.TestReport, nextitem: pytest.Item | None
) -> pytest.TestReport:
    """Tear down the fixtures that the next test does not use, as pytest does after a test.

    :param item: the test.
    :param teardown: the report of the test's own tear-down.
    :param nextitem: the test that pytest runs next.
    :returns: the report of both.
    """
    if item.session.shouldfail or item.session.shouldstop:
        nextitem = None
    item._report_sections.clear()
    with _capture(item):
        call = pytest.CallInfo.from_call(
            lambda: item.session._setupstate.teardown_exact(nextitem),
            when="teardown",
            reraise=INTERRUPTIONS,
        )
    report = pytest.TestReport.from_item_and_call(item, call)
    teardown.duration += report.duration
    teardown.sections += report.sections
    if report.passed:
        return teardown
    if teardown.passed:
        report.sections = teardown.sections
        report.duration = teardown.duration
        return report
    add_section(teardown, "tear-down of shared fixtures", shown(report))
    return teardown


def _capture(item: Any) -> AbstractContextManager[None]:
    manager: Any = item.config.pluginmanager.getplugin("capturemanager")
    if manager is None:
        return nullcontext()
    capture: AbstractContextManager[None] = manager.item_capture("teardown", item)
    return capture
