"""The reports of a marked test: one for each phase, made of all its executions."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest._io import TerminalWriter

from flask_filibuster.core.fault_set import FaultSet, UnknownFaults
from flask_filibuster.errors import FilibusterWarning
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.report import text
from flask_filibuster.results.bug import Failure
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.directory import DIRECTORY
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import Result

Reports = list[pytest.TestReport]


def explored(
    item: pytest.Item,
    subject: Subject,
    result: Result,
    *,
    first: Reports,
    failed: Mapping[int, Reports],
    unprepared: Reports | None,
    skips: int,
    notes: Iterable[str] = (),
    strict: bool = False,
) -> Reports:
    """The reports of an explored test: those of its smallest failing execution, if one failed.

    :param item: the test.
    :param subject: the same as a subject.
    :param result: the result.
    :param first: the reports of the fault-free execution, which passed.
    :param failed: the reports of failed executions, by number.
    :param unprepared: the reports of an execution whose set-up failed.
    :param skips: how many executions ended in ``pytest.skip()`` or ``pytest.xfail()``.
    :param notes: what else weakens the result.
    :param strict: whether bugs that oracles found are failures, and not warnings.
    """
    reports = first
    if result.failures:
        reports = failed[result.failures[0].executions[0].number]
        _add_failures(item, subject, result, reports, failed)
    elif result.inconclusive:
        reports = unprepared or first
        _fail(reports, "filibuster", _inconclusive_text(result))
    if result.problems:
        _fail(reports, "filibuster: incomplete", "\n".join(result.problems))
    gaps = text.gaps_without_section(result)
    if gaps:
        told = (*gaps, *(each for each in result.notes if each not in gaps))
        _fail(reports, "filibuster: proves nothing", "Proves nothing: " + "\n".join(told))
    _tell_findings(item, result, reports, strict=strict)
    notes = [*result.notes, *_skip_notes(skips), *notes]
    summarise(reports, text.counts_line(result), text.verdict_line(result), notes)
    return reports


def _inconclusive_text(result: Result) -> str:
    total = text.counted(len(result.executions), "execution")
    return (
        f"{len(result.inconclusive)} of {total} inconclusive; "
        "the outcome of the test under these faults is unknown:\n"
        f"{_inconclusive(result.inconclusive)}"
    )


def _skip_notes(skips: int) -> Iterator[str]:
    if skips:
        proof = "proves" if skips == 1 else "prove"
        yield f"the test skipped {text.counted(skips, 'execution')}, which {proof} nothing"


def failed_at_first(reports: Reports) -> None:
    """Say that a test that fails without faults was not explored."""
    for each in reports:
        if each.when == "call" and each.failed:
            add_section(each, "filibuster", "The fault-free execution failed: no fault injected.")


def broken_off(reports: Reports, error: BaseException, executed: int) -> None:
    """Fail a test whose exploration stopped early.

    :param reports: the reports of one of its executions.
    :param error: the cause.
    :param executed: number of executions so far.
    """
    said = f"the exploration stopped after {text.counted(executed, 'execution')}"
    _fail(reports, "filibuster", f"{said}: {error}")
    summarise(reports, said, str(error))


def interruption_lines(nodeid: str, result: Result, *, resumable: bool) -> Iterator[str]:
    """The summary of an interrupted exploration.

    :param nodeid: node id of the test.
    :param result: the result so far.
    :param resumable: whether its executions are recorded.
    """
    yield f"{nodeid}: {text.counts_line(result, limit='interrupted')}: {text.verdict_line(result)}"
    for failure in result.failures:
        yield from (f"  {line}" for line in text.failure_lines(failure, result, None))
    if resumable:
        yield "  to continue, use --filibuster-resume"


def hang_lines(
    item: pytest.Item, subject: Subject, faults: FaultSet, result: Result | None
) -> Iterator[str]:
    """What is known when a hang ends the process.

    :param item: the test.
    :param subject: the same as a subject.
    :param faults: the faults of the execution that hangs.
    :param result: the result so far, if the search has begun.
    """
    yield f"{subject.words}: hangs, longer than the limit of pytest-timeout"
    if faults:
        yield from text.under_lines(faults)
        yield f"replay: {_replay_command(item, subject, faults, 'hangs')}"
    yield (
        "The exploration ends here, as the thread method of pytest-timeout ends the process; "
        "with --timeout-method=signal, it goes on after a hang."
    )
    if result is not None:
        yield from interruption_lines(subject.words, result, resumable=False)


def tell_at_once(config: pytest.Config, lines: Iterable[str]) -> None:
    """Write lines in the middle of a test, past what captures its output."""
    writer: Any = config.get_terminal_writer()
    if hasattr(config, "workerinput"):  # pytest-xdist does not show what its workers write.
        writer = TerminalWriter(sys.__stderr__)
    writer.line()
    writer.sep("=", "filibuster")
    for line in lines:
        writer.line(line)
    writer.flush()


def replayed(
    execution: Execution,
    counterexample: Counterexample,
    reports: Reports,
    *,
    skipped: bool,
    found: str = "",
) -> None:
    """Report the outcome of a replay.

    :param execution: the execution under its faults.
    :param counterexample: the counterexample.
    :param reports: the reports of the execution.
    :param skipped: whether the test ended in ``pytest.skip()``.
    :param found: the bugs that oracles found, where these count and not the test's assertions.
    """
    faults = "\n".join(text.fault_set_lines(counterexample.fault_set))
    if execution.verdict == "inconclusive":
        said = "not reproduced: the faults could not be injected"
        _fail(reports, f"filibuster: {said}", f"{said}\n{_inconclusive([execution])}")
        counts = text.counts_line(Result(executions=(execution,)))
        summarise(reports, counts, said, misused=True)
        return
    if execution.error is not None:
        said = f"reproduced: {text.error_line(execution.error)}"
        _fail(reports, "filibuster: replayed with", faults)
    elif found:
        said = f"reproduced: {found.splitlines()[0]}"
        _fail(reports, "filibuster: replayed with", found)
    else:
        outcome = "is skipped" if skipped else "passes"
        said = f"not reproduced: the test {outcome} (recorded: {counterexample.seen})"
    summarise(reports, text.counts_line(Result(executions=(execution,))), said)


def summarise(
    reports: Reports,
    counts: str,
    verdict: str,
    notes: Iterable[str] = (),
    *,
    misused: bool = False,
) -> None:
    """Attach the numbers to a report, which carries them to the process that writes the summary.

    :param misused: whether the request could not be carried out; pytest then exits with code 2.
    """
    body: Any = next((each for each in reports if each.when == "call"), reports[-1])
    body.filibuster = {
        "counts": counts,
        "verdict": verdict,
        "notes": list(notes),
        "misused": misused,
    }


def add_section(report: pytest.TestReport, name: str, content: str) -> None:
    """Add a section to the text of a report."""
    add: Any = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(name, content)
    else:
        report.sections.append((name, content))


def shown(report: pytest.TestReport) -> str:
    """The text of a report on a terminal; pytest's ``longreprtext`` loses the first indent."""
    out = io.StringIO()
    report.toterminal(TerminalWriter(out))
    return out.getvalue().strip("\n")


@contextmanager
def own_frames_hidden() -> Iterator[None]:
    """Leave the frames of this package out of what pytest shows, unless ``--full-trace`` is given.

    Between a view and the library that it calls, they say nothing about a bug. pytest looks for
    this name in each frame, and in its module.
    """
    package = __name__.partition(".")[0] + "."
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith(package)]
    names = [vars(module) for module in loaded if module is not None]
    for each in names:
        each["__tracebackhide__"] = True
    try:
        yield
    finally:
        for each in names:
            each.pop("__tracebackhide__", None)


def _fail(reports: Reports, name: str, why: str) -> None:
    """Fail the test for this reason, or add the reason to an earlier failure."""
    failed = next((each for each in reports if not each.passed), None)
    if failed is not None:
        add_section(failed, name, why)
        return
    body = next(each for each in reports if each.when == "call")
    body.outcome = "failed"
    body.longrepr = why


def _add_failures(
    item: pytest.Item,
    subject: Subject,
    result: Result,
    reports: Reports,
    failed: Mapping[int, Reports],
) -> None:
    """Add faults and replay commands to the first failure, then the other failures."""
    main, *others = result.failures
    name = f"failure 1 of {len(result.failures)}" if others else "failure"
    _fail(reports, f"filibuster: {name}", _failure_text(item, subject, main, result))
    for number, failure in enumerate(others, start=2):
        its_own = failed[failure.executions[0].number]
        how = next((shown(each) for each in its_own if not each.passed), "")
        _fail(
            reports,
            f"filibuster: failure {number} of {len(result.failures)}",
            f"{how}\n\n{_failure_text(item, subject, failure, result)}",
        )
    if result.inconclusive:
        _fail(reports, "filibuster: inconclusive executions", _inconclusive(result.inconclusive))


def _inconclusive(executions: Iterable[Execution]) -> str:
    return "\n".join(text.inconclusive_lines(executions))


def _failure_text(item: pytest.Item, subject: Subject, failure: Failure, result: Result) -> str:
    if isinstance(failure.faults, UnknownFaults):
        return "\n".join(text.failure_lines(failure, result, None))
    command = _replay_command(item, subject, failure.faults, text.error_line(failure.error))
    return "\n".join(text.failure_lines(failure, result, command))


def _replay_command(item: pytest.Item, subject: Subject, faults: FaultSet, seen: str) -> str:
    counterexample = Counterexample(subject.words, faults, seen, subject.details)
    try:
        path = counterexample.write(item.config.rootpath / DIRECTORY)
    except OSError as error:
        return f"not possible: cannot write the counterexample ({error})"
    return subject.replay_command(path)


def _tell_findings(item: pytest.Item, result: Result, reports: Reports, *, strict: bool) -> None:
    """Fail the test for bugs that oracles found if ``strict``; warn of the other findings.

    A finding behind a failure is shown with that failure, and not again.
    """
    shown_already = [
        each for failure in result.failures for each in result.findings_behind(failure)
    ]
    findings = [each for each in result.findings if each not in shown_already]
    bugs = [each for each in findings if strict and each.broken]
    if bugs:
        _fail(reports, "filibuster: bugs found by oracles", "\n\n".join(map(_told, bugs)))
    others = (each for each in findings if each not in bugs)
    # The text of a test that proves nothing has the notes already.
    notes = () if text.gaps_without_section(result) else result.notes
    refused = _warn(item, others, notes)
    if refused:
        _fail(reports, "filibuster: warnings turned into errors", "\n\n".join(refused))


def _warn(item: pytest.Item, findings: Iterable[Finding], notes: Iterable[str]) -> list[str]:
    """Warn of findings and notes.

    :returns: the warnings that the user's filters turn into errors.
    """
    return [each for each in (*map(_told, findings), *notes) if not _warned(item, each)]


def _told(finding: Finding) -> str:
    first, *others = text.finding_lines(finding)
    return "\n".join((f"{finding.kind}: {first}", *others))


def _warned(item: pytest.Item, message: str) -> bool:
    """Emit a warning that points to the test; ``False`` if a filter turns it into an error."""
    file, line, _ = item.location
    try:
        warnings.warn_explicit(
            FilibusterWarning(message),
            category=None,
            filename=str(item.config.rootpath / file),
            lineno=(line or 0) + 1,
        )
    except FilibusterWarning:
        return False
    return True
