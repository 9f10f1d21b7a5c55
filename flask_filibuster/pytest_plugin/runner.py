"""One marked test: its executions within pytest."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from flask import Flask

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import FilibusterError, JournalError, ServerError, SetupError
from flask_filibuster.exploring.driven.remote import RemoteSearch
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.session import Surroundings, surroundings
from flask_filibuster.exploring.subjects.command import EXECUTION
from flask_filibuster.instrumentation.clients.registry import instrument
from flask_filibuster.instrumentation.frames import Scope, current_scope, enter
from flask_filibuster.journal.memory import Memory
from flask_filibuster.pytest_plugin.journal import memory_of, read, written
from flask_filibuster.pytest_plugin.network import Network
from flask_filibuster.pytest_plugin.progress import Progress
from flask_filibuster.pytest_plugin.reports import (
    Reports,
    broken_off,
    explored,
    interruption_lines,
    replayed,
)
from flask_filibuster.pytest_plugin.search import AnySearch, AnySession, begin, server_of
from flask_filibuster.pytest_plugin.state import INTERRUPTED, REPLAYED
from flask_filibuster.pytest_plugin.teardown import INTERRUPTIONS
from flask_filibuster.report import text
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import REPEAT, Execution, Observation, judged
from flask_filibuster.results.result import Result

logger = logging.getLogger(__name__)

# What pytest's own functions raise to end a test that has not failed.
NO_FAILURES = (pytest.skip.Exception, pytest.xfail.Exception)


class MarkedTest:
    """Runs a marked test under one fault set after the other.

    :param item: the test.
    :ivar faults: the faults of the execution under way.
    :ivar recalls: whether the body need not be run, as the journal has what it would show.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item: Any = item
        self._config = item.config
        self._session: AnySession | None = None
        self._counterexample: Counterexample | None = None
        self._searching = False
        self._explorer: AnySearch | None = None
        self._network: Network | None = None
        self._services: Mapping[str, Any] = {}
        self._seconds: dict[str | None, float] = defaultdict(float)
        self._failed: dict[int, Reports] = {}
        self._unprepared: Reports | None = None
        self._skips = 0
        self._memory: Memory | None = None
        self._closing = ExitStack()
        self._interruption = Interruption()
        self._progress = Progress(item.config)
        self.recalls = False
        # Of the execution under way:
        self.faults = FaultSet()
        self._observation: Observation | None = None
        self._exception: BaseException | None = None
        self._skipped: BaseException | None = None

    def run(self) -> Reports:
        """Run all executions.

        :returns: the reports of the test as a whole, for pytest to log; the last is of tear-down.
        """
        counterexample = self._config.stash.get(REPLAYED, None)
        if counterexample is not None:
            self._counterexample = counterexample
            reports = self._replay(counterexample)
        elif self._config.getoption("no_filibuster") or EXECUTION in os.environ:
            # In a command that is explored itself, it is one of the executions.
            reports = self._run_once(FaultSet())
        else:
            with self._interruption, closing(self._progress), self._closing:
                reports = self._explore()
        for report in reports:
            report.duration = self._seconds[report.when]
        return reports

    def _run_once(self, faults: FaultSet) -> Reports:
        """One execution: set-up, body, tear-down, with everything of function scope made afresh."""
        item = self._item
        self.faults = faults
        self._observation = None
        self._exception = None
        self._skipped = None
        item._report_sections.clear()
        if isinstance(item.parent, pytest.Class):
            # Otherwise what one execution leaves on self is there in the next.
            for name in ("_instance", "_obj"):
                item.__dict__.pop(name, None)
        with self._interruption.noticed(), self._surrounded():
            # As far as pytest knows the parent comes next: only what is the test's is torn down.
            reports = runtestprotocol(item, log=False, nextitem=item.parent)
        for report in reports:
            self._seconds[report.when] += report.duration
        return reports

    @contextmanager
    def _surrounded(self) -> Iterator[None]:
        before = current_scope()
        with ExitStack() as stack:
            stack.enter_context(instrument())
            self._network = Network(lambda: stack.enter_context(self._surroundings()))
            enter(Scope(None, self._network))
            try:
                yield
            finally:
                enter(before)
                self._network = None

    def _surroundings(self) -> AbstractContextManager[Surroundings]:
        """The services that the fixtures give."""
        request = getattr(self._item, "_request", None)
        if request is None:
            raise SetupError("only tests that have fixtures can be explored")
        services = request.getfixturevalue("filibuster_services")
        if not isinstance(services, Mapping):
            raise SetupError(
                f"the fixture filibuster_services gave {services!r}; "
                "it must give a dict of apps by base URL"
            )
        app = request.getfixturevalue("app") if "app" in self._item.fixturenames else None
        self._services = services
        return surroundings(services, [app] if isinstance(app, Flask) else [])

    def gather(self) -> None:
        """Have the services, and the search if there is one, ready at the end of set-up."""
        network = self._network
        if network is None:
            return
        try:
            around = network.joined()
            if self._session is None:
                self._begin(around)
        except FilibusterError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from error

    def _begin(self, around: Surroundings) -> None:
        """Make the session and the search."""
        item, config = self._item, around.config
        if self._searching and server_of(item, config) is None:
            self._memory = self._closing.enter_context(memory_of(item, config, around))
        self._session, self._explorer = begin(
            item, config, self._services, self._searching, self._counterexample, self._memory
        )
        self.recalls = self._memory is not None and self._memory.has(FaultSet())

    @contextmanager
    def execution(self) -> Iterator[None]:
        """Run the block, the body of the test, under the faults whose turn it is."""
        network, session = self._network, self._session
        if network is None or session is None:
            yield
            return
        interrupted = False
        running: Any = session  # Of either kind.
        with running.execution(self.faults, network.joined()) as execution:
            try:
                yield
            except INTERRUPTIONS:
                interrupted = True
                raise
            finally:
                if not interrupted:
                    self._observation = running.observe(execution, None)

    def note_exception(self, exception: BaseException) -> None:
        """Keep the exception that a phase ended in."""
        if isinstance(exception, NO_FAILURES):
            self._skipped = exception
        elif self._exception is None:
            self._exception = exception

    def _observed(self) -> Observation:
        """What is to be learned from the last execution."""
        observation = self._observation
        ended = self._exception or self._skipped
        if observation is None:
            how = "failed" if self._exception is not None else "was skipped"
            line = "" if ended is None else f": {text.error_line(ended)}"
            return Observation(Trace(), problems=(f"the set-up {how}{line}",))
        if self._exception is None and self._skipped is not None and observation.problems:
            problem = f"the test skipped this execution: {text.error_line(self._skipped)}"
            return replace(observation, problems=(problem, *observation.problems))
        return replace(observation, error=self._exception)

    def _explore(self) -> Reports:
        self._searching = True
        first = reports = self._run_once(FaultSet())
        explorer, session = self._explorer, self._session
        if (
            explorer is None
            or session is None
            or self._exception is not None
            or any(each.skipped for each in first)
        ):
            if isinstance(explorer, RemoteSearch):
                self._give_up(explorer)
            return first
        try:
            result = self._search(explorer, reports)
        except (ServerError, JournalError) as error:
            broken_off(first, error, explorer.executed)
            return first
        except INTERRUPTIONS:
            self._tell_of_interruption(explorer)
            raise
        notes = session.notes(result)
        return explored(
            self._item,
            replace(result, notes=notes),
            first=first,
            failed=self._failed,
            unprepared=self._unprepared,
            skips=self._skips,
        )

    def _tell_of_interruption(self, explorer: AnySearch) -> None:
        """Have the summary say what is known of an exploration that is broken off."""
        if isinstance(explorer, RemoteSearch):
            return
        lines = self._config.stash.setdefault(INTERRUPTED, [])
        lines += interruption_lines(
            self._item.nodeid, explorer.result(), resumable=self._memory is not None
        )

    def _give_up(self, search: RemoteSearch) -> None:
        """End an exploration that has not come to its second execution."""
        try:
            search.end()
        except ServerError as error:
            logger.warning("the exploration could not be ended: %s", error)

    def _search(self, explorer: AnySearch, reports: Reports) -> Result:
        """Run the executions after the first, whose reports these are.

        :raises ServerError: the server elsewhere does not answer as it should.
        """
        faults = explorer.next()
        if self.recalls:  # Its body was not run, and the search knows what it would have shown.
            self.recalls = False
            reports = self._reports_under(faults, reports)
        while faults is not None:
            with self._held(explorer):
                execution = self._learn(explorer, faults, reports)
                faults = explorer.next()
            self._progress(explorer, execution)
            reports = self._reports_under(faults, reports)
        if self._memory is not None:
            for execution, kept in self._memory.recalled:
                if kept and execution.purpose != REPEAT:
                    self._failed[execution.number], skipped = read(self._config, kept)
                    self._skips += skipped
        return explorer.result()

    def _held(self, explorer: AnySearch) -> AbstractContextManager[None]:
        # A server elsewhere may be waited for in vain, and what is recorded there is its affair.
        return nullcontext() if isinstance(explorer, RemoteSearch) else self._interruption.held()

    def _reports_under(self, faults: FaultSet | None, reports: Reports) -> Reports:
        """The reports of an execution under these faults, or those of the last if there is none."""
        return reports if faults is None else self._run_once(faults)

    def _learn(self, explorer: AnySearch, faults: FaultSet, reports: Reports) -> Execution:
        before = explorer.executed
        kept, skipped = "", self._exception is None and self._skipped is not None
        if self._memory is not None and (skipped or self._exception is not None):
            kept = written(self._config, [] if skipped else reports, skipped=skipped)
        execution = explorer.learn(faults, self._observed(), kept)
        if execution.verdict == "failed":
            self._failed[execution.number] = reports
        counted = explorer.executed > before
        if counted and self._observation is None and self._exception is not None:
            self._unprepared = self._unprepared or reports
        if self._skipped is not None and execution.verdict == "passed":
            self._skips += counted
        return execution

    def _replay(self, counterexample: Counterexample) -> Reports:
        reports = self._run_once(counterexample.fault_set)
        if self._observation is not None:
            observed = self._observed()
            if isinstance(self._explorer, RemoteSearch):
                try:
                    execution = self._explorer.learn(counterexample.fault_set, observed)
                except ServerError as error:
                    broken_off(reports, error, 0)
                    return reports
            else:
                execution = judged(counterexample.fault_set, observed)
            replayed(execution, counterexample, reports, skipped=self._skipped is not None)
        return reports
