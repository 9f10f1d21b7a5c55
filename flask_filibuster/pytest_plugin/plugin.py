"""The pytest plugin: marker, fixtures, options, summary.

Loaded into every session where the package is installed, so it imports nothing of Flask or
requests before a marked test is collected.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.unittest import TestCaseFunction

from flask_filibuster.pytest_plugin.options import (
    add_marker,
    add_options,
    check_options,
    explores_all,
    named_services,
)
from flask_filibuster.pytest_plugin.state import (
    ALL_TESTS,
    INTERRUPTED,
    JOURNALS,
    MARKER,
    REPLAYED,
    RUNNING,
    SETTING_UP,
    TIMEOUT,
)

if TYPE_CHECKING:
    from flask_filibuster.core.fault_set import FaultSet
    from flask_filibuster.results.counterexample import Counterexample


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and read the counterexample to replay."""
    add_marker(config)
    check_options(config)
    path = config.getoption("filibuster_replay")
    if path is None:
        if explores_all(config):
            from flask_filibuster.pytest_plugin.all_tests.plugin import AllTests

            config.pluginmanager.register(AllTests(config), ALL_TESTS)
        return
    if config.getoption("no_filibuster"):
        raise pytest.UsageError("--no-filibuster contradicts --filibuster-replay")
    # Here, not on use: pytest doesn't show the usage errors of xdist's workers.
    config.stash[REPLAYED] = _counterexample(path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the journals of marked tests, and follow no more what tests replace."""
    journals = config.stash.get(JOURNALS, None)
    if journals is not None:
        journals.close()
    used: Any = sys.modules.get("flask_filibuster.instrumentation.standins.replacements")
    if used is not None:
        used.replacements().rest()


def _counterexample(path: str) -> Counterexample:
    from flask_filibuster.errors import CounterexampleError
    from flask_filibuster.results.counterexample import Counterexample

    try:
        counterexample = Counterexample.read(path)
    except CounterexampleError as error:
        raise pytest.UsageError(str(error)) from error
    if "request" in counterexample.details:
        raise pytest.UsageError(
            f"{path} is a counterexample of {counterexample.test}, not of a test; "
            f"replay it with flask --app … filibuster replay {path}"
        )
    return counterexample


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Report invalid marks as errors of the collection."""
    report = yield
    problems: dict[str, str] = {}
    for item in report.result or ():
        if isinstance(item, pytest.Item) and item.get_closest_marker(MARKER) is not None:
            from flask_filibuster.pytest_plugin.search import problem_of_mark

            problem = problem_of_mark(item)
            if problem is not None:
                problems.setdefault(problem, item.nodeid)
    if problems:
        report.outcome = "failed"
        report.longrepr = "\n".join(f"{nodeid}: {why}" for why, nodeid in problems.items())
        report.result = []
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the test of the counterexample to replay."""
    counterexample = config.stash.get(REPLAYED, None)
    if counterexample is None:
        return
    test, kind = counterexample.test, "marked tests" if _asserts(counterexample) else "tests"
    chosen = [item for item in items if item.nodeid == test and is_explored(item)]
    if not chosen:
        raise pytest.UsageError(
            f"{config.getoption('filibuster_replay')} is a counterexample of {test}, "
            f"which is not among the collected {kind}"
        )
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


NOT_EXPLORED = (
    "this test is marked with filibuster, but another plugin runs it, which would run it once and "
    "without faults: a plugin whose pytest_runtest_protocol comes first, or that has no such hook; "
    "switch the plugin off for this test, or explore it in a session of its own (-p no:PLUGIN)"
)


def _asserts(counterexample: Counterexample | None) -> bool:
    """Whether the assertions of the test count in a replay: not after ``--filibuster-all``."""
    return counterexample is None or counterexample.details.get("assertions") is not False


def is_explored(item: pytest.Item) -> bool:
    """Whether a test is explored or replayed here, in place of pytest's own run."""
    if not _asserts(item.config.stash.get(REPLAYED, None)):
        return isinstance(item, pytest.Function)
    marker = item.get_closest_marker(MARKER)
    marked = marker is not None and marker.kwargs.get("explore") is not False
    return marked and not item.config.getoption("setuponly", False)


def _test_of(item: pytest.Item) -> Any:
    """The test, which runs all its executions."""
    if not _asserts(item.config.stash.get(REPLAYED, None)):
        from flask_filibuster.pytest_plugin.all_tests.replay import ReplayedTest

        return ReplayedTest(item)
    from flask_filibuster.pytest_plugin.runner import MarkedTest

    return MarkedTest(item)


@pytest.hookimpl(tryfirst=True)  # Before plugins that run failed tests again and again.
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Explore or replay a marked test."""
    if not is_explored(item):
        return None
    from flask_filibuster.pytest_plugin.teardown import leave

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    test = _test_of(item)
    item.stash[RUNNING] = test.subject
    try:
        *reports, teardown = test.run()
    finally:
        del item.stash[RUNNING]
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    # The reports above decide whether the session stops here.
    with test.subject.limit.once():
        left = leave(item, teardown, nextitem)
    item.ihook.pytest_runtest_logreport(report=left)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Note which fixtures are being set up: those that make requests may be among the services."""
    under_way = request.config.stash.setdefault(SETTING_UP, [])
    under_way.append(fixturedef.argname)
    try:
        return (yield)
    finally:
        under_way.pop()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, object, object]:
    """Keep the limit of a test, for each of its executions."""
    test = item.stash.get(RUNNING, None)
    if test is not None:
        return (yield from test.limit.setting())
    if not settings.func_only:  # Otherwise it is set anew for each body.
        item.stash[TIMEOUT] = settings
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Provide the services of a marked test before its body begins."""
    test = item.stash.get(RUNNING, None)
    if test is None and is_explored(item):
        pytest.fail(NOT_EXPLORED, pytrace=False)
    if test is None:
        return (yield)
    with test.limit.phase():
        result = yield
        test.gather()
    return result


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the body of a marked test, and nothing else, under the faults of the execution."""
    test = item.stash.get(RUNNING, None)
    if test is None:
        return (yield)
    with test.limit.phase(), test.execution():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Limit the time of the tear-down of an execution."""
    test = item.stash.get(RUNNING, None)
    if test is None:
        return (yield)
    with test.limit.phase():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the exception that ended a phase of a marked test."""
    test = item.stash.get(RUNNING, None)
    if test is None:
        return (yield)
    if call.excinfo is None and not isinstance(item, TestCaseFunction):
        return (yield)  # The exception of a test of unittest gets there only now.
    from flask_filibuster.pytest_plugin.reports import own_frames_hidden

    with own_frames_hidden():
        report = yield
    if call.excinfo is not None:
        test.note_exception(call.excinfo.value)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Exit with code 2 if the faults of a counterexample could not be injected."""
    reporter: Any = session.config.pluginmanager.getplugin("terminalreporter")
    for reports in getattr(reporter, "stats", {}).values():
        for report in reports:
            if getattr(report, "filibuster", {}).get("misused"):
                session.exitstatus = pytest.ExitCode.INTERRUPTED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Summarise the explorations; reports carry the numbers, also from xdist's workers."""
    lines = [
        (report.nodeid, report.filibuster)
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "filibuster")
    ]
    interrupted = terminalreporter.config.stash.get(INTERRUPTED, [])
    if not lines and not interrupted:
        return
    terminalreporter.section("filibuster")
    for nodeid, summary in sorted(lines, key=lambda line: line[0]):
        terminalreporter.write_line(f"{nodeid}: {summary['counts']}: {summary['verdict']}")
        for note in summary["notes"]:
            terminalreporter.write_line(f"  {note}")
    for line in interrupted:
        terminalreporter.write_line(line)


@pytest.fixture
def filibuster_services(pytestconfig: pytest.Config) -> dict[str, Any]:
    """The services of marked tests: Flask apps by base URL. Override it in a conftest.py.

    By default, those that ``services`` in ``[tool.filibuster]``, the ini key or the option name.
    """
    return named_services(pytestconfig)


class FilibusterFixture:
    """The faults of the current execution, for tests."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    @property
    def faults(self) -> FaultSet:
        """The faults of this execution; empty in the first."""
        from flask_filibuster.core.fault_set import FaultSet

        test = self._item.stash.get(RUNNING, None)
        return FaultSet() if test is None else test.faults

    @property
    def fault_injected(self) -> bool:
        """Whether this execution injects any fault."""
        from flask_filibuster.instrumentation.asking import was_fault_injected

        asked = was_fault_injected()  # Tells the search that the verdict may depend on the faults.
        return asked or len(self.faults) > 0

    def fault_injected_on(self, service: str) -> bool:
        """Whether this execution injects a fault on a call that reaches that service.

        :param service: the service's name, or the host of its URL where it does not report itself.
        """
        from flask_filibuster.instrumentation.asking import was_fault_injected_on

        asked = was_fault_injected_on(service)  # Reveals names of services that no call reaches.
        return asked or any(planned.service == service for planned in self.faults)


@pytest.fixture
def filibuster(request: pytest.FixtureRequest) -> FilibusterFixture:
    """The faults of this execution: ``fault_injected``, ``fault_injected_on``, ``faults``."""
    return FilibusterFixture(request.node)
