"""The report of an exploration, as data: everything that a rendering may show, in its order.

A rendering takes the document and nothing else. What is known of an exploration only where it is
run (the commands that replay a bug, the output of a command) is put in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.report.text import counts_line, error_line
from flask_filibuster.results.bug import Bug, Failure
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import EquivalenceClass, Result

NOTHING: Mapping[FaultSet, str] = MappingProxyType({})
NO_OUTPUT: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class About:
    """What was explored, in words.

    :ivar title: the request, the test or the command.
    :ivar failure: what a failure of it is called.
    :ivar advice: what to do where it fails without any fault, in lines.
    """

    title: str = ""
    failure: str = "the test fails"
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Symptom:
    """One of the things that a bug shows itself by.

    :ivar kind: the oracle's name, or what a failure of the subject is called.
    :ivar message: what was seen, in a line.
    :ivar site: where in the application.
    """

    kind: str
    message: str
    site: CallSite | None = None


@dataclass(frozen=True, slots=True)
class BugEntry:
    """One bug.

    :ivar number: its number in the report, from 1.
    :ivar symptoms: what it shows itself by; the one nearest to its cause comes first.
    :ivar faults: the smallest fault set that shows it.
    :ivar executions: numbers of the executions that show it.
    :ivar replay: the command that replays it, if there is one.
    :ivar output: the end of what the command printed, where a command is explored.
    """

    number: int
    symptoms: tuple[Symptom, ...]
    faults: FaultSet
    executions: tuple[int, ...]
    replay: str | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One call that was seen, and what was made of it.

    :ivar call: the call, as it was seen first.
    :ivar faults: how it was made to fail, in words, each once.
    """

    call: Call
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutionEntry:
    """One execution.

    :ivar answers: how the requests of the test itself ended, in words.
    :ivar error: the failure in a line, if it failed.
    """

    number: int
    verdict: str
    purpose: str
    faults: FaultSet
    answers: tuple[str, ...]
    error: str | None
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """The report.

    :ivar about: what was explored.
    :ivar ok: whether no bug was found, and the exploration proves something.
    :ivar exit_code: 0, 1 (bugs) or 2 (it proves nothing).
    :ivar verdict: what came out, in a few words.
    :ivar counts: the size of the exploration, in a line.
    :ivar gaps: why it proves nothing, in words.
    :ivar bugs: the bugs.
    :ivar failures: what the test itself noticed; each is a symptom of a bug, unless it needs no
        fault.
    :ivar findings: what oracles found; those of severity ``"error"`` are symptoms of bugs, too.
    :ivar notes: what to know of the exploration itself, in words.
    :ivar problems: what went wrong with it, in words.
    :ivar calls: the calls that were seen, and how they were made to fail.
    :ivar executions: the executions, in order.
    :ivar inconclusive: those that prove nothing.
    :ivar classes: of each call, the faults that are followed by the same.
    :ivar pruned: how many fault sets were pruned.
    :ivar not_run: how many were not run because of a limit, by limit; more may lie behind them.
    :ivar recalled: how many executions are from the journal.
    :ivar superfluous: how many were begun ahead and not needed.
    :ivar replays: the commands that replay bugs, by fault set.
    :ivar shows_classes: whether a rendering for people lists the classes.
    """

    about: About
    ok: bool
    exit_code: int
    verdict: str
    counts: str
    gaps: tuple[str, ...]
    bugs: tuple[BugEntry, ...]
    failures: tuple[Failure, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    calls: tuple[CallEntry, ...]
    executions: tuple[ExecutionEntry, ...]
    inconclusive: tuple[Execution, ...]
    classes: tuple[EquivalenceClass, ...]
    pruned: int
    not_run: Mapping[str, int]
    recalled: int = 0
    superfluous: int = 0
    replays: Mapping[FaultSet, str] = field(default_factory=dict)
    shows_classes: bool = False

    def of_severity(self, severity: str) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(each for each in self.findings if each.severity == severity)


def document_of(
    result: Result,
    about: About | None = None,
    *,
    replays: Mapping[FaultSet, str] = NOTHING,
    outputs: Mapping[int, str] = NO_OUTPUT,
    limit: str | None = None,
    shows_classes: bool = False,
) -> Document:
    """The report of a result.

    :param result: the result.
    :param about: what was explored.
    :param replays: the commands that replay bugs, by fault set.
    :param outputs: the end of what a command printed, by number of the execution.
    :param limit: why it ended before everything was run, where the result does not know.
    :param shows_classes: whether a rendering for people lists the classes of faults.
    """
    about = about or About()
    return replace(
        _of_result(result),
        about=about,
        counts=counts_line(result, limit=limit),
        bugs=tuple(_bugs(result.bugs, about, replays, outputs)),
        replays=replays,
        shows_classes=shows_classes,
    )


def _of_result(result: Result) -> Document:
    """The part of the document that depends on the result alone."""
    return Document(
        about=About(),
        ok=result.ok,
        exit_code=result.exit_code,
        verdict=result.verdict,
        counts="",
        gaps=result.gaps,
        bugs=(),
        failures=result.failures,
        findings=result.findings,
        notes=result.notes,
        problems=result.problems,
        calls=_calls(result.executions),
        executions=tuple(map(_execution, result.executions)),
        inconclusive=result.inconclusive,
        classes=result.classes,
        pruned=result.left_out,
        not_run=_not_run(result),
        recalled=result.recalled,
        superfluous=result.superfluous,
    )


def _bugs(
    bugs: Sequence[Bug],
    about: About,
    replays: Mapping[FaultSet, str],
    outputs: Mapping[int, str],
) -> Iterator[BugEntry]:
    for number, bug in enumerate(bugs, start=1):
        failures = [each for each in bug.symptoms if isinstance(each, Failure)]
        findings = [each for each in bug.symptoms if isinstance(each, Finding)]
        symptoms = [Symptom(each.kind, each.message, each.site) for each in findings]
        symptoms += [Symptom(about.failure, error_line(each.error)) for each in failures]
        printed = (outputs.get(each.executions[0].number, "") for each in failures)
        yield BugEntry(
            number=number,
            symptoms=tuple(symptoms),
            faults=bug.faults,
            executions=bug.executions,
            replay=replays.get(bug.faults),
            output=next(filter(None, printed), ""),
        )


def _calls(executions: Iterable[Execution]) -> tuple[CallEntry, ...]:
    """Every call of a service, in the order in which the calls were first seen."""
    calls: dict[ExecutionIndex, Call] = {}
    faults: dict[ExecutionIndex, dict[str, None]] = {}
    for execution in executions:
        for call in execution.trace.invocations:
            calls.setdefault(call.index, call)
            if call.fault is not None:
                faults.setdefault(call.index, {})[str(call.fault)] = None
    return tuple(CallEntry(call, tuple(faults.get(index, ()))) for index, call in calls.items())


def _execution(execution: Execution) -> ExecutionEntry:
    return ExecutionEntry(
        number=execution.number,
        verdict=execution.verdict,
        purpose=execution.purpose,
        faults=execution.faults,
        answers=tuple(str(request.outcome) for request in execution.trace.requests),
        error=None if execution.error is None else error_line(execution.error),
        problems=execution.problems,
    )


def _not_run(result: Result) -> Mapping[str, int]:
    left = {"max_executions": 0, "max_faults": result.cut_by_size}
    if result.remaining:
        left[result.limit] = result.remaining
    return MappingProxyType(left)
