"""The report of an exploration, as data: everything that a rendering can show, in order.

A rendering takes the document and nothing else. The document includes data that only the subject
knows: the commands that replay a bug, the output of a command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from flask_filibuster.core.call import Call, CallSite
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import UnexploredCall
from flask_filibuster.report.text import counts_line, error_line
from flask_filibuster.results.bug import Bug, Failure
from flask_filibuster.results.execution import Execution
from flask_filibuster.results.findings import Finding
from flask_filibuster.results.result import EquivalenceClass, Result
from flask_filibuster.results.waiting.waits import Wait

NOTHING: Mapping[FaultSet, str] = MappingProxyType({})
NO_OUTPUT: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class About:
    """The subject, in words.

    :ivar title: the request, the test or the command.
    :ivar failure: label of its failures.
    :ivar advice: remedies if it fails without faults, in lines.
    """

    title: str = ""
    failure: str = "the test fails"
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Symptom:
    """One symptom of a bug.

    :ivar kind: the oracle's name, or the label of failures of the subject.
    :ivar message: the symptom in a line.
    :ivar site: where in the application.
    """

    kind: str
    message: str
    site: CallSite | None = None


@dataclass(frozen=True, slots=True)
class BugEntry:
    """One bug.

    :ivar number: its number in the report, from 1.
    :ivar symptoms: its symptoms; the one nearest to the cause first.
    :ivar faults: the smallest fault set that shows it.
    :ivar executions: numbers of the executions that show it.
    :ivar replay: the command that replays it, if there is one.
    :ivar output: the end of the command's output, if the subject is a command.
    """

    number: int
    symptoms: tuple[Symptom, ...]
    faults: FaultSet
    executions: tuple[int, ...]
    replay: str | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class CallEntry:
    """One call, and its faults.

    :ivar call: the call, as first seen.
    :ivar faults: the faults injected on the call, in words, each once.
    """

    call: Call
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutionEntry:
    """One execution.

    :ivar answers: how the requests of the test itself ended, in words.
    :ivar error: the failure in a line, if it failed.
    :ivar seconds: how long the requests of the test took, by the clock of the execution.
    """

    number: int
    verdict: str
    purpose: str
    faults: FaultSet
    answers: tuple[str, ...]
    error: str | None
    problems: tuple[str, ...]
    seconds: float = 0.0


@dataclass(frozen=True)
class Document:
    """The report.

    :ivar about: the subject.
    :ivar ok: whether no bug was found, and the exploration proves something.
    :ivar exit_code: 0, 1 (bugs) or 2 (it proves nothing).
    :ivar verdict: the verdict, in a few words.
    :ivar counts: the size of the exploration, in a line.
    :ivar gaps: reasons why it proves nothing, in words.
    :ivar weakens: what makes it prove less, in words, besides the gaps.
    :ivar waits: the longest wait for each route.
    :ivar unexplored: what left the process and could not be made to fail.
    :ivar bugs: the bugs.
    :ivar failures: the failures of the test; each is a symptom of a bug, unless it needs no fault.
    :ivar findings: the findings of oracles; severity ``"error"`` makes them symptoms of bugs.
    :ivar notes: notes on the exploration itself, in words.
    :ivar problems: reasons why the exploration is incomplete, in words.
    :ivar calls: the calls, and the faults injected on each.
    :ivar executions: the executions, in order.
    :ivar inconclusive: the inconclusive executions.
    :ivar classes: the classes of faults with the same observable effect, by call.
    :ivar pruned: number of pruned fault sets.
    :ivar not_run: minimum number of fault sets that a limit excluded, by limit.
    :ivar recalled: number of executions from the journal.
    :ivar superfluous: number of executions that workers ran ahead and discarded.
    :ivar replays: the commands that replay bugs, by fault set.
    :ivar shows_classes: whether a rendering for people lists the classes.
    """

    about: About
    ok: bool
    exit_code: int
    verdict: str
    counts: str
    gaps: tuple[str, ...]
    weakens: tuple[str, ...]
    unexplored: tuple[UnexploredCall, ...]
    waits: tuple[Wait, ...]
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
    :param about: the subject.
    :param replays: the commands that replay bugs, by fault set.
    :param outputs: the end of a command's output, by number of the execution.
    :param limit: the limit that ended it, if the result does not have it.
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
        weakens=tuple(each for each in result.weakens if each not in result.gaps),
        unexplored=result.unexplored,
        waits=result.waits,
        bugs=(),
        failures=result.failures,
        findings=result.findings,
        notes=tuple(each for each in result.notes if each not in result.weakens),
        problems=result.problems,
        calls=_calls(result.executions),
        executions=tuple(map(_execution, result.executions)),
        inconclusive=result.inconclusive,
        classes=result.classes,
        pruned=result.pruned_count,
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
    """Every call of a service, in order of first appearance."""
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
        seconds=execution.seconds,
    )


def _not_run(result: Result) -> Mapping[str, int]:
    left = {"max_executions": 0, "max_faults": result.cut_by_size}
    if result.remaining:
        left[result.limit] = result.remaining
    return MappingProxyType(left)
