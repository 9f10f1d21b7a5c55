"""Pytest's own run of a test without a mark, and the exploration that may follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.exploration import Exploration
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.instrumentation.witness.instead import OWN_CALLS, has_own_calls
from flask_filibuster.pytest_plugin.all_tests.item import UnmarkedItem
from flask_filibuster.pytest_plugin.all_tests.run import PytestRun
from flask_filibuster.pytest_plugin.all_tests.shared import Shared
from flask_filibuster.pytest_plugin.all_tests.told import Told
from flask_filibuster.pytest_plugin.all_tests.words import sentences
from flask_filibuster.pytest_plugin.beside.examples import NOT_EXPLORABLE, is_stateful
from flask_filibuster.pytest_plugin.journal import recorder_of
from flask_filibuster.pytest_plugin.progress import Progress
from flask_filibuster.pytest_plugin.reports import interruption_lines
from flask_filibuster.pytest_plugin.sharing import work_of
from flask_filibuster.pytest_plugin.state import INTERRUPTED, RUNNING, TOLD_OF_INTERRUPTED
from flask_filibuster.pytest_plugin.teardown import INTERRUPTIONS, leave
from flask_filibuster.report.text import counted, error_line
from flask_filibuster.results.bug import Bug, Cause, Failure
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.identity import places_of
from flask_filibuster.results.merged import BugOfTest
from flask_filibuster.results.proof import unexplored_words
from flask_filibuster.results.result import Result
from flask_filibuster.results.unexplored import UnexploredPolicy, unexplored_in

MAX_SECONDS, SESSION_SECONDS = "max_seconds", "session_seconds"


class FirstRun(PytestRun):
    """Pytest's own run of a test as the fault-free execution, and what follows.

    :param item: the test.
    :param nextitem: the test that pytest runs next.
    :param shared: what all tests share.
    """

    def __init__(self, item: pytest.Item, nextitem: pytest.Item | None, shared: Shared) -> None:
        super().__init__(item, nextitem)
        self._shared = shared
        self._interruption = Interruption()
        self.subject = UnmarkedItem(item, self._interruption, shared)

    def begin(self) -> None:
        """Pytest, or a plugin that repeats tests, begins to run it."""
        super().begin()
        self.subject.begin_again()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch pytest's own run in the block."""
        self.item.stash[RUNNING] = self.subject
        try:
            with self.subject.watched():
                yield
        finally:
            del self.item.stash[RUNNING]

    @property
    def goes_on(self) -> bool:
        """Whether it passed so far, and made a call that can fail."""
        return self.passed and self._made_calls

    @property
    def _made_calls(self) -> bool:
        subject = self.subject
        return subject.observed and bool(subject.observation().trace.invocations)

    def end(self, teardown: pytest.TestReport) -> tuple[pytest.TestReport, dict[str, Any]]:
        """Explore the test if that is possible, and tear down what was kept for it.

        :param teardown: the report of its tear-down.
        :returns: the report of the whole tear-down, and what is known of the test.
        """
        kept, self.is_exploring = self.goes_on, True
        self.subject.limit.cancel()
        try:
            if kept and getattr(self.item.obj, "is_hypothesis_test", False):
                self._run_again()  # Of one example, and not of all.
            told = self._told()
        finally:
            self.is_exploring = False
            if kept:
                teardown = self._left(teardown)
        return teardown, told.data()

    def repeat(self, teardown: pytest.TestReport) -> tuple[pytest.TestReport, dict[str, Any]]:
        """Run the test once more, which was not watched the first time, and explore it.

        :param teardown: as for :meth:`end`.
        """
        self.item.stash[RUNNING] = self.subject
        self.is_exploring = True
        self.subject.limit.cancel()
        try:
            self._run_again()
            told = self._told()
        finally:
            self.is_exploring = False
            del self.item.stash[RUNNING]
            teardown = self._left(teardown)
        return teardown, told.data()

    def _run_again(self) -> None:
        if is_stateful(self.item.obj):
            self.subject.problem = NOT_EXPLORABLE
            return
        self.begin()
        for report in self.subject.open():
            self.note(report)

    def _left(self, teardown: pytest.TestReport) -> pytest.TestReport:
        """Tear down the fixtures that the next test does not use."""
        with self.subject.limit.once():
            return leave(self.item, teardown, self.nextitem)

    def _told(self) -> Told:
        try:
            return self._outcome()
        except FilibusterError as error:
            return Told("not explored", "errors of the exploration", str(error))

    def _outcome(self) -> Told:
        subject = self.subject
        if subject.problem:
            return Told("not explored", "cannot be repeated", subject.problem)
        if self.problem:
            return Told("not explored", self.problem)
        if not self._made_calls:
            return self._without_calls()
        if not self.passed:
            return Told("not explored", "the session stops")
        left = self._shared.seconds_left
        if left is not None and left <= 0:
            return Told("not explored", f"{SESSION_SECONDS} reached")
        return self._explored(left)

    def _without_calls(self) -> Told:
        """What is known of a test none of whose calls can fail."""
        unexplored = self._unexplored()
        if unexplored:
            return Told("not explored", "unexplored calls only", unexplored=unexplored)
        if self.subject.observed and has_own_calls(self.subject.observation().trace):
            return Told("not explored", "calls of its own only", OWN_CALLS)
        return Told("without calls")

    def _unexplored(self) -> tuple[UnexploredCall, ...]:
        """What left the process in the only execution, without what the options say is fine."""
        subject, settings = self.subject, self._shared.settings
        if not subject.observed:
            return ()
        around = subject.around
        chosen = settings if around is None else settings.over(around.config_of_found())
        execution = Execution(0, FaultSet(), subject.observation().trace, "passed")
        return unexplored_in((execution,), UnexploredPolicy.of(chosen.unexplored or ()))

    def _explored(self, seconds: float | None) -> Told:
        subject, shared = self.subject, self._shared
        around = subject.around
        if around is None:
            raise RuntimeError("only a test whose services are known can be explored")
        options, config = shared.settings, around.config_of_found()
        limited = seconds is not None and seconds < (options.max_seconds or seconds + 1)
        if limited:
            options = replace(options, max_seconds=max(seconds or 0, 0.001))
        properties = list(self.item.user_properties)
        progress = Progress(self.item.config)
        try:
            with (
                self._interruption,
                closing(progress),
                recorder_of(self.item, config, subject) as recorder,
            ):
                subject.recorded = recorder is not None
                exploration = Exploration(
                    self.item.nodeid,
                    options.explorer(
                        subject.services, config, recorder, made=work_of(self.item.config).model_of
                    ),
                    subject.session,
                    interruption=self._interruption,
                    progress=progress,
                )
                result = self._run(exploration, resumable=recorder is not None)
        finally:
            self.item.user_properties[:] = properties
        if limited and result.limit == MAX_SECONDS:
            result = replace(result, limit=SESSION_SECONDS)
        examples = () if subject.example is None else subject.example.notes()
        result = replace(result, notes=(*result.notes, *examples))
        return told_of_result(self.item.nodeid, result)

    def _run(self, exploration: Exploration, *, resumable: bool) -> Result:
        try:
            exploration.run(self.subject)
        except INTERRUPTIONS:
            test, result = self.item.nodeid, exploration.search.result()
            lines = self.item.config.stash.setdefault(INTERRUPTED, [])
            lines += interruption_lines(test, result, resumable=resumable)
            tell_of_interrupted(self.item.config, test, told_of_result(test, result).data())
            raise
        return exploration.result()


def told_of_result(test: str, result: Result) -> Told:
    """What the exploration of a test has shown.

    :param test: its node id.
    :param result: the result of its exploration.
    """
    unexplored = set(map(unexplored_words, result.unexplored))
    known = Told(
        "explored",
        executions=len(result.executions),
        recalled=result.recalled,
        bugs=tuple(_bug_of(test, each) for each in result.bugs),
        findings=tuple(each for each in result.findings if each.severity != "error"),
        weakens=tuple(each for each in _notes(result) if each not in unexplored),
        unexplored=result.unexplored,
        cut=_cut(result),
    )
    if result.bugs or not result.gaps:
        return known
    why = [each for each in result.gaps if each not in unexplored]
    others = [each for each in why if each not in result.unfollowed]
    reason = _reason(result) if others else "unexplored calls"
    return replace(known, state="not explored", reason=reason, why=sentences(why) if why else "")


def _notes(result: Result) -> Iterable[str]:
    """The notes on an exploration; a gap is the reason of a test that is not explored."""
    if result.bugs:
        return dict.fromkeys((*result.notes, *result.gaps))
    return [each for each in result.notes if each not in result.gaps]


def told_of_marked(test: str, result: Result) -> dict[str, Any]:
    """What the exploration of a marked test adds to that of all tests, as plain data.

    The test's own failures are in its own report.

    :param test: its node id.
    :param result: the result of its exploration.
    """
    whole = told_of_result(test, result)
    bugs = [each for each in result.bugs if all(isinstance(one, Finding) for one in each.symptoms)]
    return Told(
        "marked" if whole.state == "explored" else whole.state,
        whole.reason,
        whole.why,
        executions=whole.executions,
        recalled=whole.recalled,
        bugs=tuple(_bug_of(test, each) for each in bugs),
        failures=len(result.bugs) - len(bugs),
        cut=whole.cut,
    ).data()


def tell_of_interrupted(config: pytest.Config, test: str, told: Mapping[str, Any]) -> None:
    """Keep for the summary what an exploration that was interrupted has shown.

    :param config: pytest's.
    :param test: node id of the test.
    :param told: what the exploration has shown, as plain data, as if it had ended.
    """
    told = {**told, "state": "not explored", "reason": "interrupted", "why": ""}
    config.stash.setdefault(TOLD_OF_INTERRUPTED, {})[test] = told


def _reason(result: Result) -> str:
    """Why an exploration proves nothing, in the words by which tests are counted."""
    if result.problems:
        return "not deterministic"
    if result.inconclusive:
        return "inconclusive"
    if len(result.executions) == 1:
        return "no fault injected"
    return "broken without faults"


def _cut(result: Result) -> str:
    parts = [(result.remaining, result.limit), (result.cut_by_size, "max_faults")]
    told = [
        f"at least {counted(count, 'fault set')} not run ({limit})"
        for count, limit in parts
        if count
    ]
    return ", ".join(told)


def _bug_of(test: str, bug: Bug) -> BugOfTest:
    for each in bug.symptoms:
        if isinstance(each, Finding) and bug.cause is not None:
            return BugOfTest(test, bug.cause, each.message, each.site, bug.faults)
    failure = next(each for each in bug.symptoms if isinstance(each, Failure))
    # Only a hang ends a test that has no say under faults. Where it does is chance.
    cause = Cause("hang", (), places_of(planned.call for planned in bug.faults))
    return BugOfTest(test, cause, error_line(failure.error), None, bug.faults)
