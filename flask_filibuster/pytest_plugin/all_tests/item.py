"""A test without a mark as a subject: pytest's own run of it is the fault-free execution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError, HangError
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.session import Session, Surroundings
from flask_filibuster.exploring.subjects.function import sources_behind
from flask_filibuster.instrumentation.callsite import ends_around_test
from flask_filibuster.instrumentation.frames import Scope, current_scope, enter
from flask_filibuster.journal.recorder import SourcesOf
from flask_filibuster.mesh.network import Mesh
from flask_filibuster.pytest_plugin.all_tests.shared import Shared
from flask_filibuster.pytest_plugin.all_tests.silence import silent, unformatted
from flask_filibuster.pytest_plugin.beside.examples import OneExample
from flask_filibuster.pytest_plugin.beside.timeouts import TimeLimit
from flask_filibuster.pytest_plugin.journal import Reports, conftests
from flask_filibuster.pytest_plugin.network import Network
from flask_filibuster.pytest_plugin.reports import hang_lines, tell_at_once
from flask_filibuster.pytest_plugin.sharing import work_of
from flask_filibuster.pytest_plugin.subject import PytestItem
from flask_filibuster.results.execution import Observation


class UnmarkedItem(PytestItem):
    """A test without a mark.

    Its first execution is pytest's own: nothing that we notice may change its reports. Its later
    executions are silent, and what the test asserts under faults does not count.

    :param item: the test.
    :param interruption: handles signals meanwhile.
    :param shared: what all tests share.
    :ivar problem: why the first execution cannot be repeated, in words; empty if it can.
    :ivar around: the services of the first execution.
    """

    def __init__(
        self,
        item: pytest.Item,
        interruption: Interruption,
        shared: Shared,
    ) -> None:
        limit = TimeLimit(item, self._tell_of_hang)
        session = shared.session
        super().__init__(item, interruption, lambda around, _services: session(around), limit)
        self._shared = shared
        self._first = False
        self.problem = ""
        self.around: Surroundings | None = None

    @property
    def details(self) -> Mapping[str, Any]:
        """The directory of the node id, and that a replay counts no assertions."""
        return {**super().details, "assertions": False}

    def _tell_of_hang(self) -> None:
        tell_at_once(self._item.config, hang_lines(self._item, self, self.faults, None))

    @property
    def session(self) -> Session:
        """What observes its executions."""
        session: Session = self._session
        return session

    @property
    def services(self) -> Mapping[str, Any]:
        """The services by base URL."""
        return self._services

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch pytest's own run of the test in the block."""
        self._first = self._is_open = True
        self.example = None  # Hypothesis runs all examples.
        self._stops = False  # Without us, calls to other machines are made.
        before = current_scope()
        with self._network_joined():
            enter(Scope(None, self._network))
            try:
                yield
            finally:
                enter(before)
                self._network, self._first, self._stops = None, False, True

    def begin_again(self) -> None:
        """Forget what was noted: pytest or a plugin begins to run the test."""
        self._observation = self._exception = self.skipped = None
        self.problem = ""

    def run_once(self, faults: FaultSet) -> Reports:
        """One more execution, of which pytest's other plugins learn nothing."""
        item = self._item
        self._first, self._stops, self.example = False, True, self.example or OneExample()
        item._request = False  # Pytest makes a new one, as before each run of a test.
        with silent(item.config), unformatted(item):
            return super().run_once(faults)

    def gather(self) -> None:
        """Provide the services at the end of set-up; in pytest's own run, without failing it."""
        try:
            super().gather()
        except (Exception, pytest.fail.Exception) as error:
            if not self._first:
                raise
            self.problem = str(error)
            self._session = None
        if self._network is not None and not self.problem:
            self.around = self._network.joined()

    @contextmanager
    def execution(self) -> Iterator[None]:
        """Run the block under the faults."""
        if self._first:
            self._has_body = False  # Plugins may run the body again: it is pytest's own run.
        self._ends = ends_around_test()
        with super().execution():
            yield

    def _observed(self, session: Any, execution: Any) -> Observation | None:
        try:
            observation: Observation = session.observe(execution, None)
        except FilibusterError as error:
            self.problem = str(error)
            return None
        return observation

    def observation(self) -> Observation:
        """The observation of the last execution; under faults, without the test's own failure.

        A hang is no opinion of the test.
        """
        observation = super().observation()
        if not self.faults or isinstance(observation.error, HangError):
            return observation
        return replace(observation, error=None)

    def sources(self, *, needed: bool) -> SourcesOf:  # noqa: ARG002 - always known
        """The source files of the services called, of the test, and of its conftest.py files."""
        if self.around is None:
            raise RuntimeError("services are available only after the first execution")
        test = getattr(self._item, "obj", None)
        read = work_of(self._item.config).sources
        return sources_behind(self.around, test, conftests(self._item), read)

    @contextmanager
    def _network_joined(self) -> Iterator[None]:
        """Join the services on first use, in the block; the session has patched all libraries."""
        joined: list[AbstractContextManager[Surroundings]] = []

        def join() -> Surroundings:
            manager = self._surroundings()
            around = manager.__enter__()
            joined.append(manager)
            return around

        self._network = Network(join, self._services_so_far)
        try:
            yield
        finally:
            for manager in joined:
                manager.__exit__(None, None, None)

    def _services_so_far(self) -> Mapping[str, Any] | None:
        given = self._shared.services_of(self._item)
        return super()._services_so_far() if given is None else given

    def _surroundings(self) -> AbstractContextManager[Surroundings]:
        given = self._shared.services_of(self._item)
        if given is None or given or "app" in self._item.fixturenames:
            return super()._surroundings()
        # As most tests have it: no services, and apps that are found by themselves.
        self._services = given
        return nullcontext(Surroundings(Mesh({}), [], {}, self._shared.handed_over))
