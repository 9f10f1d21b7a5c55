"""The pytest plugin: marker, fixtures, options, summary.

Loaded into every session where the package is installed, so it imports nothing of Flask or
requests before a marked test is collected.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flask_filibuster.core.fault_set import FaultSet
    from flask_filibuster.testing.pytest_runner import MarkedTest

MARKER = "filibuster"
ARGUMENTS = ("reduction", "max_faults", "max_executions", "faults")
AROUND = "_filibuster_surroundings"
RUNNING: pytest.StashKey[MarkedTest] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    group = parser.getgroup("filibuster", "fault injection for tests marked with filibuster")
    group.addoption(
        "--filibuster-reduction",
        choices=("exact", "none"),
        help="which fault sets to leave out: those that would show nothing new (exact), or none. "
        "This and the next two win over the marker and over FILIBUSTER_* in the app's config.",
    )
    group.addoption(
        "--filibuster-max-faults",
        type=_count,
        metavar="N",
        help="inject at most N faults at a time.",
    )
    group.addoption(
        "--filibuster-max-executions",
        type=_count,
        metavar="N",
        help="run each marked test at most N times.",
    )
    group.addoption(
        "--no-filibuster",
        action="store_true",
        help="run marked tests once, without any fault.",
    )
    group.addoption(
        "--filibuster-replay",
        metavar="FILE",
        help="run the test of this counterexample once, with its faults, and nothing else.",
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "filibuster(reduction=None, max_faults=None, max_executions=None, faults=None): "
        "run the test again and again while the remote calls that it sets off fail, alone and in "
        'combination. reduction: "exact" or "none"; max_faults, max_executions: limits; '
        "faults: a flask_filibuster.FaultModel.",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let marked tests take place among their services."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return
    unknown = [*map(repr, marker.args), *(name for name in marker.kwargs if name not in ARGUMENTS)]
    if unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: the filibuster marker does not take {', '.join(unknown)}; "
            f"it takes, by keyword: {', '.join(ARGUMENTS)}"
        )
    names: list[str] | None = getattr(item, "fixturenames", None)
    if names is not None and AROUND not in names:
        names.insert(0, AROUND)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the test of the counterexample that is to be replayed."""
    path = config.getoption("filibuster_replay")
    if path is None:
        return
    from flask_filibuster.errors import CounterexampleError
    from flask_filibuster.exploration.counterexample import Counterexample

    try:
        nodeid = Counterexample.read(path).test
    except CounterexampleError as error:
        raise pytest.UsageError(str(error)) from error
    chosen = [item for item in items if item.nodeid == nodeid and item.get_closest_marker(MARKER)]
    if not chosen:
        raise pytest.UsageError(
            f"{path} is about the test {nodeid}, which is not among the marked tests collected"
        )
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a marked test as often as it takes."""
    if item.get_closest_marker(MARKER) is None or item.config.getoption("setuponly", False):
        return None
    from flask_filibuster.testing.pytest_runner import MarkedTest

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    test = MarkedTest(item)
    item.stash[RUNNING] = test
    try:
        reports = test.run(nextitem)
    finally:
        del item.stash[RUNNING]
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the body of a marked test, and only that, under the faults that are its turn."""
    test = item.stash.get(RUNNING, None)
    if test is None:
        return (yield)
    with test.execution() as outcome:
        try:
            return (yield)
        except BaseException as error:
            outcome.error = error
            raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the exceptions of set-up and tear-down too."""
    report = yield
    test = item.stash.get(RUNNING, None)
    if test is not None and call.excinfo is not None:
        test.note_exception(report, call.excinfo.value)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say at the end what was explored; the numbers travel with the reports, also from workers."""
    lines = [
        (report.nodeid, report.filibuster)
        for reports in terminalreporter.stats.values()
        for report in reports
        if hasattr(report, "filibuster")
    ]
    if not lines:
        return
    terminalreporter.section("filibuster")
    for nodeid, summary in sorted(lines, key=lambda line: line[0]):
        terminalreporter.write_line(f"{nodeid}: {summary['counts']}: {summary['verdict']}")
        for note in summary["notes"]:
            terminalreporter.write_line(f"  {note}")


@pytest.fixture(name=AROUND)
def _surroundings(request: pytest.FixtureRequest) -> Iterator[None]:
    """The services, reachable while the test and its other fixtures run."""
    test = request.node.stash.get(RUNNING, None)
    if test is None:
        yield
        return
    services = request.getfixturevalue("filibuster_services")
    app = request.getfixturevalue("app") if "app" in request.fixturenames else None
    with test.among(services, app):
        yield


@pytest.fixture
def filibuster_services() -> dict[str, Any]:
    """The services of marked tests: Flask apps by base URL. Override it in a conftest.py."""
    return {}


class FilibusterFixture:
    """What a test may ask about the execution that it is run in."""

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
        return len(self.faults) > 0

    def fault_injected_on(self, service: str) -> bool:
        """Whether this execution injects a fault on a call that reaches that service.

        :param service: the service's name, or the host of its URL where it does not report itself.
        """
        from flask_filibuster.instrumentation.asking import was_fault_injected_on

        was_fault_injected_on(service)  # So that a name that nothing reaches is pointed out.
        return any(planned.service == service for planned in self.faults)


@pytest.fixture
def filibuster(request: pytest.FixtureRequest) -> FilibusterFixture:
    """What is injected in this execution: ``fault_injected``, ``fault_injected_on``, ``faults``."""
    return FilibusterFixture(request.node)
