"""One marked test: its executions within pytest, and the one report that is made of them."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from flask import Flask

from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import FilibusterWarning, SetupError
from flask_filibuster.exploration.counterexample import DIRECTORY, Counterexample
from flask_filibuster.exploration.explorer import Explorer, Observation
from flask_filibuster.exploration.failures import Failure
from flask_filibuster.exploration.result import Execution, Result
from flask_filibuster.report import text
from flask_filibuster.testing.explore import Options, judged
from flask_filibuster.testing.pytest_plugin import MARKER
from flask_filibuster.testing.session import Session, Surroundings, surroundings

# What pytest's own functions raise to end a test that has not failed.
NO_FAILURES = (pytest.skip.Exception, pytest.xfail.Exception)


@dataclass
class Outcome:
    """How the body of the test ended in one execution."""

    error: BaseException | None = None


class MarkedTest:
    """Runs a marked test under one fault set after the other.

    :param item: the test.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._config = item.config
        self._session = Session(timeout=Config().timeout)
        self._explorer: Explorer | None = None
        self._around: Surroundings | None = None
        self._services: Mapping[str, Any] = {}
        self._observation: Observation | None = None
        self._exception: BaseException | None = None
        self._reports: dict[int, list[pytest.TestReport]] = {}
        self.faults = FaultSet()

    @contextmanager
    def among(self, services: Mapping[str, Any], app: object) -> Iterator[None]:
        """Set up the services for one execution.

        :param services: value of the fixture ``filibuster_services``.
        :param app: value of pytest-flask's fixture ``app``, or ``None``.
        """
        if not isinstance(services, Mapping):
            raise SetupError(
                f"the fixture filibuster_services gave {services!r}; "
                "it must give a dict of apps by base URL"
            )
        apps = [app] if isinstance(app, Flask) else []
        with surroundings(services, apps) as around, self._session.network(around):
            self._around = around
            self._services = services
            try:
                yield
            finally:
                self._around = None

    @contextmanager
    def execution(self) -> Iterator[Outcome]:
        """Run the block, the body of the test, under the faults whose turn it is."""
        around = self._around
        if around is None:
            raise SetupError("a marked test needs its fixtures; it cannot be run without them")
        if self._explorer is None:
            self._explorer = self._options().explorer(self._services, around.config)
            self._session = Session(timeout=around.config.timeout)
        outcome = Outcome()
        with self._session.execution(self.faults, around) as execution:
            try:
                yield outcome
            finally:
                failed = not isinstance(outcome.error, (*NO_FAILURES, type(None)))
                error = outcome.error if failed else None
                self._observation = self._session.observe(execution, error)

    def note_exception(self, report: pytest.TestReport, exception: BaseException) -> None:
        """Keep the exception of a phase that failed, set-up and tear-down included."""
        if report.failed and self._exception is None:
            self._exception = exception

    def _options(self) -> Options:
        marker = self._item.get_closest_marker(MARKER)
        arguments = dict(marker.kwargs) if marker is not None else {}
        for name in ("reduction", "max_faults", "max_executions"):
            option = self._config.getoption(f"filibuster_{name}")
            if option is not None:
                arguments[name] = option
        return Options(**arguments)

    def run(self, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
        """Run all executions.

        :param nextitem: the test that pytest runs next.
        :returns: the reports of the test as a whole, for pytest to log.
        """
        replayed = self._config.getoption("filibuster_replay")
        if replayed is not None:
            reports = self._replay(Path(replayed))
        elif self._config.getoption("no_filibuster"):
            reports = self._run_once(FaultSet())
        else:
            reports = self._explore()
        return self._leave(reports, nextitem)

    def _run_once(self, faults: FaultSet) -> list[pytest.TestReport]:
        """One execution: set-up, body, tear-down, with everything of function scope made afresh."""
        item: Any = self._item
        self.faults = faults
        self._observation = None
        self._exception = None
        item._report_sections.clear()
        if isinstance(item.parent, pytest.Class):
            # Otherwise what one execution leaves on self is there in the next.
            for name in ("_instance", "_obj"):
                item.__dict__.pop(name, None)
        # As far as pytest knows the parent comes next: only what belongs to the test is torn down.
        return runtestprotocol(item, log=False, nextitem=item.parent)

    def _observed(self) -> Observation:
        observation = self._observation or Observation(Trace())
        if observation.error is None and self._exception is not None:
            return replace(observation, error=self._exception)
        return observation

    def _explore(self) -> list[pytest.TestReport]:
        first = self._run_once(FaultSet())
        explorer = self._explorer
        if explorer is None or self._exception is not None or not all(r.passed for r in first):
            return first
        faults = explorer.next()
        reports = first
        while faults is not None:
            execution = explorer.learn(faults, self._observed())
            self._keep(execution, reports)
            faults = explorer.next()
            if faults is not None:
                reports = self._run_once(faults)
        result = explorer.result()
        result = replace(result, notes=self._session.notes(result.executions[0].trace))
        return self._summed_up(result, first)

    def _keep(self, execution: Execution, reports: list[pytest.TestReport]) -> None:
        if execution.verdict == "failed":
            self._reports[execution.number] = reports

    def _summed_up(self, result: Result, first: list[pytest.TestReport]) -> list[pytest.TestReport]:
        reports = first
        if result.failures:
            reports = self._failed(result)
        elif result.inconclusive:
            reports = self._inconclusive(result, first)
        warned = self._warn(result)
        if warned is not None and reports is first:
            reports = [first[0], warned, *first[2:]]
        self._attach(reports, result)
        return reports

    def _failed(self, result: Result) -> list[pytest.TestReport]:
        """The reports of the smallest failing execution, with what is to be known of the others."""
        main, *others = result.failures
        reports = self._reports[main.executions[0].number]
        failed = next((each for each in reports if not each.passed), reports[-1])
        _add_section(failed, "filibuster: this failure", self._failure_text(main, result))
        for number, failure in enumerate(others, start=2):
            body = self._reports[failure.executions[0].number]
            shown = next((str(each.longrepr) for each in body if not each.passed), "")
            _add_section(
                failed,
                f"filibuster: failure {number} of {len(result.failures)}",
                f"{shown}\n\n{self._failure_text(failure, result)}",
            )
        if result.inconclusive:
            lines = text.inconclusive_lines(result.inconclusive)
            _add_section(failed, "filibuster: inconclusive executions", "\n".join(lines))
        return reports

    def _failure_text(self, failure: Failure, result: Result) -> str:
        counterexample = Counterexample(
            self._item.nodeid, failure.faults, text.error_line(failure.error)
        )
        try:
            path = counterexample.write(self._config.rootpath / DIRECTORY)
        except OSError as error:
            command = f"not possible, as the counterexample could not be written ({error})"
        else:
            command = self._command(path)
        return "\n".join(text.failure_lines(failure, result, command))

    def _command(self, path: Path) -> str:
        def below(place: Path) -> str:
            relative = os.path.relpath(place, self._config.invocation_params.dir)
            return str(place) if relative.startswith("..") else relative

        file, _, rest = self._item.nodeid.partition("::")
        nodeid = f"{below(self._config.rootpath / file)}::{rest}"
        return f"pytest {shlex.quote(nodeid)} --filibuster-replay {shlex.quote(below(path))}"

    def _inconclusive(
        self, result: Result, first: list[pytest.TestReport]
    ) -> list[pytest.TestReport]:
        count = len(result.inconclusive)
        lines = [
            f"{text.counted(count, 'execution')} of {len(result.executions)} proved nothing, "
            "so it is not known whether the test survives these faults:",
            *text.inconclusive_lines(result.inconclusive),
        ]
        return _with_call_failed(first, "\n".join(lines))

    def _warn(self, result: Result) -> pytest.TestReport | None:
        """Warn of findings; where warnings are errors, the report of the failure that makes."""

        def warn() -> None:
            for finding in result.findings:
                message = "\n".join(text.finding_lines(finding))
                self._warn_of(f"{finding.kind}: {message}")
            for note in result.notes:
                self._warn_of(note)

        call = pytest.CallInfo.from_call(warn, when="call")
        if call.excinfo is None:
            return None
        return pytest.TestReport.from_item_and_call(self._item, call)

    def _warn_of(self, message: str) -> None:
        file, line, _ = self._item.location
        warnings.warn_explicit(
            FilibusterWarning(message),
            category=None,
            filename=str(self._config.rootpath / file),
            lineno=(line or 0) + 1,
        )

    def _replay(self, path: Path) -> list[pytest.TestReport]:
        counterexample = Counterexample.read(path)
        reports = self._run_once(counterexample.fault_set)
        if self._observation is None:
            return reports
        execution = judged(counterexample.fault_set, self._observed())
        failed = next((each for each in reports if not each.passed), None)
        if execution.verdict == "inconclusive":
            lines = text.inconclusive_lines([execution])
            reports = _with_call_failed(
                reports, "not reproduced, the faults could not be injected:\n" + "\n".join(lines)
            )
            said = "not reproduced: the faults could not be injected"
        elif execution.error is None:
            said = f"not reproduced: the test passes (it was: {counterexample.seen})"
        else:
            said = f"reproduced: {text.error_line(execution.error)}"
        if failed is not None:
            faults = "\n".join(text.fault_set_lines(counterexample.fault_set))
            _add_section(failed, "filibuster: replayed with", faults)
        result = Result(executions=(execution,))
        self._attach(reports, result, verdict=said)
        return reports

    def _attach(
        self, reports: list[pytest.TestReport], result: Result, verdict: str | None = None
    ) -> None:
        """Let the numbers travel with a report, to wherever the summary is written."""
        summary = {
            "counts": text.counts_line(result),
            "verdict": verdict or text.verdict_line(result),
            "notes": list(result.notes),
        }
        body: Any = next((each for each in reports if each.when == "call"), reports[-1])
        body.filibuster = summary

    def _leave(
        self, reports: list[pytest.TestReport], nextitem: pytest.Item | None
    ) -> list[pytest.TestReport]:
        """Tear down what does not belong to the next test, as pytest does after the last run."""
        session: Any = self._item.session
        if session.shouldfail or session.shouldstop:
            nextitem = None
        call = pytest.CallInfo.from_call(
            lambda: session._setupstate.teardown_exact(nextitem), when="teardown"
        )
        if call.excinfo is None:
            return reports
        others = [each for each in reports if each.when != "teardown"]
        return [*others, pytest.TestReport.from_item_and_call(self._item, call)]


def _with_call_failed(reports: list[pytest.TestReport], why: str) -> list[pytest.TestReport]:
    """The reports of an execution, with its body failed for this reason."""
    call = next((each for each in reports if each.when == "call"), None)
    if call is not None and call.passed:
        call.outcome = "failed"
        call.longrepr = why
    return reports


def _add_section(report: pytest.TestReport, name: str, content: str) -> None:
    add: Any = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(name, content)
    else:
        report.sections.append((name, content))
