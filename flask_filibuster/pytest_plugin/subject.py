"""A pytest item as a subject: set-up, body and tear-down, once for each fault set."""

from __future__ import annotations

import os
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.runner import runtestprotocol
from flask import Flask

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import FilibusterError, SetupError
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.session import Surroundings, surroundings
from flask_filibuster.exploring.subjects.function import sources_behind
from flask_filibuster.instrumentation.callsite import ENDS
from flask_filibuster.instrumentation.clients.registry import instrument
from flask_filibuster.instrumentation.frames import Scope, current_scope, enter
from flask_filibuster.journal.recorder import SourcesOf
from flask_filibuster.pytest_plugin.beside.bodies import in_body
from flask_filibuster.pytest_plugin.beside.examples import OneExample
from flask_filibuster.pytest_plugin.beside.hooks import fail_for_subtests, hooks_of
from flask_filibuster.pytest_plugin.beside.timeouts import TimeLimit, fail_for_hang
from flask_filibuster.pytest_plugin.journal import Reports, conftests, read, written
from flask_filibuster.pytest_plugin.network import SERVICES, Network, can_be_had
from flask_filibuster.pytest_plugin.sharing import work_of
from flask_filibuster.pytest_plugin.teardown import INTERRUPTIONS
from flask_filibuster.report import text
from flask_filibuster.results.execution import Observation

# The exceptions of pytest that end a test without a failure.
NO_FAILURES = (pytest.skip.Exception, pytest.xfail.Exception)

RUN_TWICE = (
    "another plugin ran the body of this test twice within one execution; what the second run "
    "shows belongs to no set of faults: switch the plugin off for this test"
)

Begin = Callable[[Surroundings, Mapping[str, Any]], Any]
"""Makes the session, from the services of the first execution."""


class PytestItem:
    """A marked test.

    Its services are fixtures. So its first execution precedes the search, and counts as the first
    execution of the search: see :meth:`open`.

    :param item: the test.
    :param interruption: handles signals meanwhile.
    :param begin: called at the end of the first set-up.
    :param limit: the time limit of each execution.
    :ivar faults: the faults of the execution under way.
    :ivar recalls: whether the journal has the first execution, so that its body is skipped.
    :ivar recorded: whether executions are recorded.
    :ivar reports: pytest's reports of the last execution.
    :ivar skipped: the exception by which the test skipped the last execution, or ``None``.
    :ivar example: the example that is explored, if the test is a property of Hypothesis.
    :ivar seconds: duration of each phase, summed over all executions.
    """

    def __init__(
        self,
        item: pytest.Item,
        interruption: Interruption,
        begin: Begin,
        limit: TimeLimit | None = None,
    ) -> None:
        self._item: Any = item
        self._interruption = interruption
        self._begin = begin
        self.limit = TimeLimit(item) if limit is None else limit
        self._session: Any = None
        self._network: Network | None = None
        self._services: Mapping[str, Any] = {}
        self._is_open = False
        self._stops = True
        self._ends = ENDS
        self.example: OneExample | None = OneExample()
        self.seconds: dict[str | None, float] = defaultdict(float)
        self.recalls = False
        self.recorded = False
        # Of the last execution:
        self.faults = FaultSet()
        self.reports: Reports = []
        self.skipped: BaseException | None = None
        self._observation: Observation | None = None
        self._exception: BaseException | None = None
        self._has_body = self._in_body = False

    @property
    def words(self) -> str:
        """The node id."""
        nodeid: str = self._item.nodeid
        return nodeid

    @property
    def details(self) -> Mapping[str, Any]:
        """The directory to which the node id is relative."""
        return {"rootdir": str(self._item.config.rootpath)}

    def replay_command(self, path: Path) -> str:
        """The command that replays a counterexample, relative to pytest's directory."""
        item = self._item

        def below(place: Path) -> str:
            relative = os.path.relpath(place, item.config.invocation_params.dir)
            return str(place) if relative.startswith("..") else relative

        file, _, rest = item.nodeid.partition("::")
        nodeid = f"{below(item.config.rootpath / file)}::{rest}"
        return f"pytest {shlex.quote(nodeid)} --filibuster-replay {shlex.quote(below(path))}"

    def identity(self, *, unique: bool) -> str:  # noqa: ARG002 - it always is
        """The node id."""
        return self.words

    def open(self) -> Reports:
        """Run the first execution, without faults; its fixtures return the services.

        :returns: its reports.
        """
        self._is_open = True
        return self.run_once(FaultSet())

    @property
    def has_failed(self) -> bool:
        """Whether the last execution failed."""
        return self._exception is not None

    @property
    def opened_well(self) -> bool:
        """Whether the first execution neither failed nor was skipped."""
        return self._exception is None and not any(each.skipped for each in self.reports)

    def run(self, faults: FaultSet) -> Observation:
        """Run it once; the first execution of the search is that of :meth:`open`."""
        opened, self._is_open = self._is_open, False
        if not opened or self.recalls or faults:
            self.recalls = False
            self.run_once(faults)
        return self.observation()

    def run_once(self, faults: FaultSet) -> Reports:
        """One execution: set-up, body, tear-down, with new fixtures of function scope."""
        item = self._item
        self.faults = faults
        self._observation = None
        self._exception = None
        self._has_body = self._in_body = False
        self.skipped = None
        item._report_sections.clear()
        if isinstance(item.parent, pytest.Class):
            # Otherwise attributes of self outlive the execution.
            for name in ("_instance", "_obj"):
                item.__dict__.pop(name, None)
        with (
            self._interruption.noticed(),
            self._surrounded(),
            hooks_of(item) as hooks,
            self.limit.once(),
        ):
            # With the parent as the next item, pytest tears down the fixtures of the test only.
            self.reports = runtestprotocol(item, log=False, nextitem=item.parent)
        fail_for_subtests(self.reports, hooks.logged)
        if self.limit.expired is not None:
            fail_for_hang(self.reports, self.limit.expired)
            self._exception = self.limit.expired
        for report in self.reports:
            self.seconds[report.when] += report.duration
        return self.reports

    @contextmanager
    def _surrounded(self) -> Iterator[None]:
        before = current_scope()
        with ExitStack() as stack:
            stack.enter_context(instrument())
            self._network = Network(
                lambda: stack.enter_context(self._surroundings()), self._services_so_far
            )
            enter(Scope(None, self._network))
            try:
                yield
            finally:
                enter(before)
                self._network = None

    def _surroundings(self) -> AbstractContextManager[Surroundings]:
        """The services that the fixtures return."""
        request = getattr(self._item, "_request", None)
        if request is None:
            raise SetupError("only tests that have fixtures can be explored")
        services = self._services_of(request)
        app = request.getfixturevalue("app") if "app" in self._item.fixturenames else None
        self._services = services
        return surroundings(services, [app] if isinstance(app, Flask) else [])

    def _services_so_far(self) -> Mapping[str, Any] | None:
        """The services, for requests of fixtures; ``None``: theirs is not there yet."""
        request = getattr(self._item, "_request", None)
        if request is None or not can_be_had(self._item, SERVICES):
            return None
        return self._services_of(request)

    def _services_of(self, request: Any) -> Mapping[str, Any]:
        services = request.getfixturevalue(SERVICES)
        if not isinstance(services, Mapping):
            raise SetupError(
                f"the fixture {SERVICES} returned {services!r}; "
                "it must return a dict of apps by base URL"
            )
        return services

    def gather(self) -> None:
        """Provide the services, and the search if there is one, at the end of set-up."""
        network = self._network
        if network is None:
            return
        try:
            around = network.joined()
            if self._session is None:
                self._session = self._begin(around, self._services)
        except FilibusterError as error:
            # Without its cause: pytest would show the same message twice.
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    @contextmanager
    def execution(self) -> Iterator[None]:
        """Run the block, the body of the test, under the faults of this execution."""
        if self._has_body:
            raise pytest.fail.Exception(RUN_TWICE, pytrace=False)
        self._has_body = self._in_body = True
        try:
            with self._observing():
                yield
        finally:
            self._in_body = False

    @contextmanager
    def _observing(self) -> Iterator[None]:
        network, session = self._network, self._session
        if network is None or session is None:
            yield
            return
        interrupted, outside = False, current_scope()
        around, ends = network.joined(), self._ends
        with session.execution(self.faults, around, stops=self._stops, ends=ends) as execution:
            try:
                with in_body(self._item, outside, self.example, skipped=self.recalls):
                    yield
            except INTERRUPTIONS:
                interrupted = True
                raise
            finally:
                if not interrupted:
                    with self.limit.held():
                        self._observation = self._observed(session, execution)

    def _observed(self, session: Any, execution: Any) -> Observation | None:
        """The observation of an execution.

        :raises pytest.fail.Exception: the exploration cannot continue.
        """
        try:
            observation: Observation = session.observe(execution, None)
        except FilibusterError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        return observation

    def note_exception(self, exception: BaseException) -> None:
        """Note the exception that ended a phase."""
        if isinstance(exception, NO_FAILURES):
            # A subtest that is skipped does not skip the test.
            self.skipped = self.skipped if self._in_body else exception
        elif self._exception is None:
            self._exception = exception

    @property
    def observed(self) -> bool:
        """Whether the last execution reached its body."""
        return self._observation is not None

    @property
    def unprepared(self) -> bool:
        """Whether the set-up of the last execution failed."""
        return self._observation is None and self._exception is not None

    def observation(self) -> Observation:
        """The observation of the last execution."""
        observation = self._observation
        ended = self._exception or self.skipped
        if observation is None:
            how = "failed" if self._exception is not None else "was skipped"
            line = "" if ended is None else f": {text.error_line(ended)}"
            return Observation(Trace(), problems=(f"the set-up {how}{line}",))
        if self._exception is None and self.skipped is not None and observation.problems:
            problem = f"the test skipped this execution: {text.error_line(self.skipped)}"
            return replace(observation, problems=(problem, *observation.problems))
        return replace(observation, error=self._exception)

    def kept(self, observation: Observation) -> str:  # noqa: ARG002 - it is the last one's
        """The reports of the last execution, if they may be shown later."""
        if not self.recorded:
            return ""
        if self._exception is not None:
            return written(self._item.config, self.reports, skipped=False)
        return "" if self.skipped is None else written(self._item.config, [], skipped=True)

    def read(self, kept: str) -> tuple[Reports, bool]:
        """Read a text of :meth:`kept`: reports, and whether the test skipped."""
        return read(self._item.config, kept)

    def sources(self, *, needed: bool) -> SourcesOf:  # noqa: ARG002 - always known
        """The source files of the services called, of the test, and of its conftest.py files."""
        if self._network is None:
            raise RuntimeError("services are available only during an execution")
        test = getattr(self._item, "obj", None)
        read = work_of(self._item.config).sources
        return sources_behind(self._network.joined(), test, conftests(self._item), read)

    def beside(self) -> NoReturn:
        """Fixtures belong to this process.

        :raises SetupError: always.
        """
        raise SetupError(
            "executions of a marked test run one after the other, as its fixtures belong to this "
            "process; to run several tests at once, use pytest -n N (pytest-xdist)"
        )
