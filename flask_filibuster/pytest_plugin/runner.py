"""One marked test: explored, replayed or just run, within pytest."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import Any

import pytest

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import EXECUTION
from flask_filibuster.errors import JournalError, ServerError
from flask_filibuster.exploring.driven.remote import RemoteSearch
from flask_filibuster.exploring.exploration import Exploration
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.session import Surroundings, surroundings
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.pytest_plugin.beside.reruns import reruns_of
from flask_filibuster.pytest_plugin.beside.timeouts import TimeLimit
from flask_filibuster.pytest_plugin.journal import recorder_of
from flask_filibuster.pytest_plugin.progress import Progress
from flask_filibuster.pytest_plugin.reports import (
    Reports,
    broken_off,
    explored,
    failed_at_first,
    hang_lines,
    interruption_lines,
    replayed,
    tell_at_once,
)
from flask_filibuster.pytest_plugin.search import AnySearch, begin, options_of, server_of
from flask_filibuster.pytest_plugin.state import ALL_TESTS, ALL_TESTS_TOLD, INTERRUPTED, REPLAYED
from flask_filibuster.pytest_plugin.statements import statements_known
from flask_filibuster.pytest_plugin.subject import PytestItem
from flask_filibuster.pytest_plugin.teardown import INTERRUPTIONS
from flask_filibuster.report.text import counted
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import REPEAT, Execution, judged

logger = logging.getLogger(__name__)


class MarkedTest:
    """Runs all executions of a marked test.

    :param item: the test.
    :ivar subject: the test as a subject; pytest's hooks report to it.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item: Any = item
        self._config = item.config
        self._interruption = Interruption()
        limit = TimeLimit(item, self._tell_of_hang)
        self.subject = PytestItem(item, self._interruption, self._begin, limit)
        self._counterexample: Counterexample | None = item.config.stash.get(REPLAYED, None)
        self._searching = False
        self._exploration: Exploration | None = None
        self._recorder: Recorder | None = None
        self._failed: dict[int, Reports] = {}
        self._unprepared: Reports | None = None
        self._skips = 0
        self._failed_before = 0
        self._closing = ExitStack()
        self._progress = Progress(item.config)

    def run(self) -> Reports:
        """Run all executions.

        :returns: the reports of the test as a whole, for pytest to log; the last is of tear-down.
        """
        with statements_known(self._config):
            reports = self._run()
        for report in reports:
            report.duration = self.subject.seconds[report.when]
        return reports

    def _run(self) -> Reports:
        if self._counterexample is not None:
            return self._replay(self._counterexample)
        if self._config.getoption("no_filibuster") or EXECUTION in os.environ:
            # In an explored command, the test is part of one execution.
            return self._with_reruns(lambda: self.subject.run_once(FaultSet()))
        # The patches stay on between the executions: taking them off takes as long as one.
        with self._interruption, closing(self._progress), self._closing, surroundings({}):
            return self._explore()

    def _begin(self, around: Surroundings, services: Mapping[str, Any]) -> Any:
        """Make the search once the fixtures of the first execution have returned the services.

        :returns: the session, which observes the executions.
        """
        item, config = self._item, around.config
        if self._searching and server_of(item, config) is None:
            recorder = recorder_of(item, config, self.subject)
            self._recorder = self._closing.enter_context(recorder)
            self.subject.recorded = self._recorder is not None
            self.subject.recalls = self._recorder is not None and self._recorder.has(FaultSet())
        session, search = begin(
            item, config, services, self._searching, self._counterexample, self._recorder
        )
        if search is not None:
            self._exploration = Exploration(
                item.nodeid,
                search,
                session,
                interruption=self._held_by(search),
                progress=self._learned,
            )
        return session

    def _held_by(self, search: AnySearch) -> Interruption | None:
        # Waiting for a remote server must stay interruptible, and that server records by itself.
        return None if isinstance(search, RemoteSearch) else self._interruption

    def _explore(self) -> Reports:
        self._searching = True
        first = self._with_reruns(self.subject.open)
        exploration = self._exploration
        if exploration is None or not self.subject.opened_well:
            self._give_up(exploration)
            failed_at_first(first)
            return first
        try:
            exploration.run(self.subject)
            result = exploration.result()
        except (ServerError, JournalError) as error:
            broken_off(first, error, exploration.search.executed)
            return first
        except INTERRUPTIONS:
            self._tell_of_interruption(exploration)
            raise
        self._take_recalled()
        reports = explored(
            self._item,
            self.subject,
            result,
            first=first,
            failed=self._failed,
            unprepared=self._unprepared,
            skips=self._skips,
            notes=self._notes(),
            strict=bool(options_of(self._item).strict),
        )
        if self._config.pluginmanager.has_plugin(ALL_TESTS):
            from flask_filibuster.pytest_plugin.all_tests.first import told_of_marked

            told = told_of_marked(self._item.nodeid, result)
            setattr(reports[-1], ALL_TESTS_TOLD, told)
        return reports

    def _with_reruns(self, run: Callable[[], Reports]) -> Reports:
        """Run the test without faults, as often as plugins would that rerun failed tests."""
        reports, left = run(), reruns_of(self._item)
        while self.subject.has_failed and left and not self._is_remote:
            self._failed_before += 1
            reports, left = run(), left - 1
        return reports

    def _notes(self) -> Iterator[str]:
        if self._failed_before:
            times = counted(self._failed_before, "time")
            yield f"the test is flaky: without faults, it failed {times} before it passed"
        if self.subject.example is not None:
            yield from self.subject.example.notes()

    @property
    def _is_remote(self) -> bool:
        """Whether a remote server counts the executions."""
        exploration = self._exploration
        return exploration is not None and isinstance(exploration.search, RemoteSearch)

    def _learned(self, search: Any, execution: Execution) -> None:
        """Keep the reports of an execution that may be shown later."""
        subject, exploration = self.subject, self._exploration
        counted = exploration is not None and exploration.counted
        if execution.verdict == "failed":
            self._failed[execution.number] = subject.reports
        if counted and subject.unprepared:
            self._unprepared = self._unprepared or subject.reports
        if subject.skipped is not None and execution.verdict == "passed":
            self._skips += counted
        self._progress(search, execution)

    def _take_recalled(self) -> None:
        """The reports of executions that come from the journal."""
        for execution, kept in [] if self._recorder is None else self._recorder.recalled:
            if kept and execution.purpose != REPEAT:
                self._failed[execution.number], skipped = self.subject.read(kept)
                self._skips += skipped

    def _tell_of_interruption(self, exploration: Exploration) -> None:
        """Add an interrupted exploration to the summary."""
        if isinstance(exploration.search, RemoteSearch):
            return
        test, result = self._item.nodeid, exploration.search.result()
        lines = self._config.stash.setdefault(INTERRUPTED, [])
        lines += interruption_lines(test, result, resumable=self._recorder is not None)
        if self._config.pluginmanager.has_plugin(ALL_TESTS):
            from flask_filibuster.pytest_plugin.all_tests.first import (
                tell_of_interrupted,
                told_of_marked,
            )

            tell_of_interrupted(self._config, test, told_of_marked(test, result))

    def _tell_of_hang(self) -> None:
        """Say what is known before pytest-timeout ends the process, in a thread of its own."""
        result = None if self._exploration is None else self._exploration.search.result()
        lines = hang_lines(self._item, self.subject, self.subject.faults, result)
        tell_at_once(self._config, lines)

    def _give_up(self, exploration: Exploration | None) -> None:
        """End an exploration that has no second execution."""
        if exploration is None or not isinstance(exploration.search, RemoteSearch):
            return
        try:
            exploration.search.end()
        except ServerError as error:
            logger.warning("cannot end the exploration: %s", error)

    def _replay(self, counterexample: Counterexample) -> Reports:
        subject, faults = self.subject, counterexample.fault_set
        reports = subject.run_once(faults)
        if not subject.observed:
            return reports
        try:
            execution = self._judged(faults)
        except ServerError as error:
            broken_off(reports, error, 0)
            return reports
        replayed(execution, counterexample, reports, skipped=subject.skipped is not None)
        return reports

    def _judged(self, faults: FaultSet) -> Execution:
        """The one execution of a replay; a remote server, if there is one, judges it.

        :raises ServerError: the server's answer is invalid.
        """
        observation, exploration = self.subject.observation(), self._exploration
        if exploration is None:
            return judged(faults, observation)
        exploration.begin()
        return exploration.end(observation)
