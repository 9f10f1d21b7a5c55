"""Explains recorded explorations: their searches are gone through once more, from the records.

A search is deterministic: with the same settings and faults, and given the same observations, it
takes the same decisions. So it is repeated here without a single execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.vocabulary import PURPOSES, VERDICTS
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.journal.journal import Recorded
from flask_filibuster.journal.reading import RecordedExecution, RecordedExploration
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.protocol.reading import one_of
from flask_filibuster.results.execution import Execution, Observation
from flask_filibuster.results.outcomes import MOST_LISTED
from flask_filibuster.results.result import Pruned, Result
from flask_filibuster.results.why.explanation import Explanation
from flask_filibuster.search.again import recalled
from flask_filibuster.search.explorer import Explorer
from flask_filibuster.search.why.asking import Why
from flask_filibuster.search.why.naming import Asked

SEARCHING = (
    "reduction",
    "max_faults",
    "outages",
    "check_determinism",
    "exhaustive",
    "audit",
    "seed",
    "retries",
)
"""The settings of an explorer that decide what it runs next."""


class RecordedFaults(FaultModel):
    """The faults that an exploration knew, by the index of their call.

    :param faults: the faults, in the order of the search for each call.
    """

    def __init__(self, faults: Iterable[PlannedFault]) -> None:
        super().__init__((), default_statuses=())
        self._by_index: dict[ExecutionIndex, list[Fault]] = {}
        for planned in faults:
            if planned.outage is None:
                self._by_index.setdefault(planned.index, []).append(planned.fault)

    def faults_of(self, call: Call) -> tuple[Fault, ...]:
        """The faults of a call."""
        return tuple(sorted(self._by_index.get(call.index, ()), key=lambda fault: fault.rank))


class Recalled(Recorder):
    """Recalls the executions of a finished exploration, whatever has changed since.

    :param executions: the executions.
    :ivar left: those that were not recalled so far.
    """

    def __init__(self, executions: Iterable[RecordedExecution]) -> None:
        self.left = {(each.faults, each.occurrence): each for each in executions}
        self._counts: dict[FaultSet, int] = {}

    def has(self, faults: FaultSet) -> bool:
        """Whether the next execution under these faults is recorded."""
        return (faults, self._counts.get(faults, 0) + 1) in self.left

    def recall(self, faults: FaultSet) -> Observation | None:
        """The next execution under these faults, if it is recorded."""
        number = self._counts[faults] = self._counts.get(faults, 0) + 1
        found = self.left.pop((faults, number), None)
        return None if found is None else found.recorded.observation

    def keep(
        self,
        execution: Execution,
        observation: Observation,
        *,
        decision: str,
        pruned: list[tuple[Pruned, str]],
        extra: str,
    ) -> None:
        """Keep nothing."""

    def keep_pruned(self, pruned: list[tuple[Pruned, str]]) -> None:
        """Keep nothing."""

    def keep_faults(self, faults: FaultSet) -> None:
        """Keep nothing."""


def why_recorded(recorded: RecordedExploration) -> Why:
    """Explains the fault sets of a recorded exploration.

    :param recorded: the exploration.
    """
    known, settings = Recalled(recorded.executions), recorded.settings
    explorer = Explorer(RecordedFaults(recorded.faults), recorder=known, **_searching(settings))
    why, goes_on = recalled(explorer)
    for number, each in enumerate(known.left.values(), start=explorer.executed + 1):
        # The search took another turn, as the settings are not known: no less was executed.
        _enter(why, number, each)
    if not goes_on:
        return why.ended(None, stopped=explorer.stopped)
    return why.ended(_limit(recorded, settings), stopped=False)


def why_of_result(result: Result, settings: Mapping[str, Any], asked: Asked) -> Explanation:
    """Explain a fault set of an exploration that another process has searched.

    :param result: its result.
    :param settings: how it searched, as far as known.
    :param asked: the fault set.
    """
    counts: dict[FaultSet, int] = {}
    executions = []
    for each in result.executions:
        occurrence = counts[each.faults] = counts.get(each.faults, 0) + 1
        observation = Observation(each.trace, each.error, each.problems, result.asked)
        recorded = Recorded(observation, each.verdict, each.purpose, "")
        executions.append(RecordedExecution(each.faults, occurrence, recorded))
    sets = [each.faults for each in result.executions]
    sets += [each.faults for each in islice(result.pruned, MOST_LISTED)]
    faults = {planned.key: planned for faults in sets for planned in faults}
    # The fault-free execution was repeated, but results have it once.
    known = {**settings, "check_determinism": False}
    whole = RecordedExploration("", "complete", known, tuple(faults.values()), tuple(executions))
    return why_recorded(whole)(asked)


def _searching(settings: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: settings[name] for name in SEARCHING if name in settings}
    return {"check_determinism": True, "retries": 1, "audit": None, **known}


def _enter(why: Why, number: int, each: RecordedExecution) -> None:
    observation = each.recorded.observation
    execution = Execution(
        number,
        each.faults,
        observation.trace,
        one_of(each.recorded.verdict, VERDICTS, "verdict"),
        observation.error,
        observation.problems,
        one_of(each.recorded.purpose, PURPOSES, "purpose"),
    )
    if why.ledger.attempt_at(each.faults) is None:
        why.ledger.enter(execution, observation)


def _limit(recorded: RecordedExploration, settings: Mapping[str, Any]) -> str | None:
    """The limit that ended a search that would have gone on."""
    if recorded.state != "complete":
        return None
    most = settings.get("max_executions")
    if most is not None and len(recorded.executions) >= most:
        return "max_executions"
    failed = any(each.recorded.verdict == "failed" for each in recorded.executions)
    return "fail_fast" if settings.get("fail_fast") and failed else "max_seconds"
