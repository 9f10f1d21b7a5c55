"""pytest's hooks as an execution uses them: it reports to us, and no plugin runs its body again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest import runner

from flask_filibuster.pytest_plugin.state import CALL_AND_REPORT

# These run the body of a failed test once more while its report is made.
_RERUN_IN_REPORT = frozenset({"pytest_retry"})

_MAKE_REPORT = "pytest_runtest_makereport"


class Hooks:
    """The hooks of one execution; all but two are pytest's own.

    :param hooks: pytest's own.
    :param config: pytest's configuration.
    :ivar logged: the reports that would have been shown at once: those of subtests.
    """

    def __init__(self, hooks: Any, config: pytest.Config) -> None:
        self._hooks = hooks
        self.logged: list[pytest.TestReport] = []
        self.pytest_runtest_makereport = _without_reruns(hooks, config)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hooks, name)

    def pytest_runtest_logreport(self, *, report: pytest.TestReport) -> None:
        """Keep a report."""
        self.logged.append(report)


def _without_reruns(hooks: Any, config: pytest.Config) -> Any:
    manager = config.pluginmanager
    caller = getattr(hooks, _MAKE_REPORT)
    if not any(map(_reruns, manager.get_plugins())):
        return caller
    # The hooks of a directory lack the conftest.py files of others.
    taking_part = [each.plugin for each in caller.get_hookimpls()]
    removed = [each for each in manager.get_plugins() if each not in taking_part or _reruns(each)]
    return manager.subset_hook_caller(_MAKE_REPORT, removed)


def _reruns(plugin: object) -> bool:
    return getattr(plugin, "__name__", "").partition(".")[0] in _RERUN_IN_REPORT


@contextmanager
def hooks_of(item: Any) -> Iterator[Hooks]:
    """Give a test such hooks while the block runs."""
    with _plugins_unaware(item), _hooks_replaced(item) as hooks:
        yield hooks


@contextmanager
def _plugins_unaware(item: Any) -> Iterator[None]:
    """Keep what follows a failure from pytest's own run of a test, if the block is within that."""
    # The plugin flaky replaces it, and would count an execution as a run of its own.
    replaced: Any = runner
    theirs, replaced.call_and_report = runner.call_and_report, CALL_AND_REPORT
    module: Any = sys.modules.get("_pytest.subtests")
    failed: Any = {} if module is None else item.config.stash[module.failed_subtests_key]
    before = dict(failed)
    try:
        yield
    finally:
        replaced.call_and_report = theirs
        failed.clear()
        failed.update(before)


@contextmanager
def _hooks_replaced(item: Any) -> Iterator[Hooks]:
    session = item.session
    original = session.gethookproxy
    hooks = Hooks(item.ihook, item.config)

    def gethookproxy(path: Any) -> Any:
        return hooks if path == item.path else original(path)

    replaced = vars(session).get("gethookproxy")
    session.gethookproxy = gethookproxy
    try:
        yield hooks
    finally:
        if replaced is None:
            del session.gethookproxy
        else:
            session.gethookproxy = replaced


def fail_for_subtests(reports: list[pytest.TestReport], logged: list[pytest.TestReport]) -> None:
    """Let the body fail as its first failed subtest did.

    :param reports: the reports of an execution.
    :param logged: those of its subtests.
    """
    failed = next((each for each in logged if each.failed), None)
    body = next((each for each in reports if each.when == "call"), None)
    if failed is None or body is None or body.failed:
        return
    body.outcome, body.longrepr = "failed", failed.longrepr
    body.sections += [each for each in failed.sections if each not in body.sections]
