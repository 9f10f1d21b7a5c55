"""The loop of the search: plan, run, learn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from flask_filibuster.core.clocks.clock import real_seconds
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import Verdict
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.faultmodel.names import misnamed
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.results.execution import PASSED, PROBE, REPEAT, Execution, Observation
from flask_filibuster.results.judging import judge
from flask_filibuster.results.oracles.base import Oracle
from flask_filibuster.results.result import Pruned, Result, count_of
from flask_filibuster.results.unexplored import UNEXPLORED_WARNS, UnexploredPolicy
from flask_filibuster.search.budget import FAIL_FAST, MAX_SECONDS, Limits
from flask_filibuster.search.frontier import Search, reduction_named
from flask_filibuster.search.ledger import Ledger
from flask_filibuster.search.outages import Outages
from flask_filibuster.search.phases.audit import Audit, Doubts, Everything
from flask_filibuster.search.phases.probing import Probing, as_made
from flask_filibuster.search.phases.repetition import Repetition
from flask_filibuster.search.phases.shrinking import Shrinking
from flask_filibuster.search.phases.suspects import Suspects
from flask_filibuster.search.plan import Phase, Plan
from flask_filibuster.search.why.asking import Why

CUT_BY_BUG = "fail_fast stopped the exploration at the first bug; there may be others"

logger = logging.getLogger(__name__)

__all__ = ["Explorer", "Observation"]


class Explorer:
    """Decides which fault set to run next, and learns from each execution.

    First the fault-free execution, and its repetition with ``check_determinism``; then the search,
    see :class:`Search`; then pruned sets, with ``exhaustive`` or ``audit``; then the sets that show
    whether each fault of a failure is needed.

    :param model: the faults of each call.
    :param reduction: ``"equivalence"``, ``"exact"`` or ``"none"``.
    :param max_faults: maximum number of faults in a set, without those needed to reach a call.
    :param max_executions: maximum number of executions, or ``None``.
    :param max_seconds: how long to begin new executions, in seconds, or ``None``.
    :param assumed: names of the limits that nobody has set: an exploration that they end proves
        nothing.
    :param fail_fast: whether to stop at the first bug.
    :param exhaustive: whether to run all pruned sets, after the rest.
    :param audit: number of pruned sets to run, to check the reduction; ``None``: a few suspects.
    :param seed: seed of their choice.
    :param outages: whether to try outages, see :class:`Outages`.
    :param check_determinism: whether to run the fault-free execution twice.
    :param retries: maximum number of retries of an inconclusive execution.
    :param recorder: records every execution, and recalls recorded ones; ``None``: no journal.
    :param oracles: by which executions are judged; ``None``: all that there are.
    :param policy: the consequence of unexplored calls.
    :param clock: the time, in seconds.
    """

    def __init__(
        self,
        model: FaultModel,
        *,
        reduction: str = "equivalence",
        max_faults: int | None = None,
        max_executions: int | None = None,
        max_seconds: float | None = None,
        assumed: Container[str] = (),
        fail_fast: bool = False,
        exhaustive: bool = False,
        audit: int | None = 0,
        seed: int = 0,
        outages: bool = False,
        check_determinism: bool = False,
        retries: int = 0,
        recorder: Recorder | None = None,
        oracles: tuple[Oracle, ...] | None = None,
        policy: UnexploredPolicy = UNEXPLORED_WARNS,
        clock: Callable[[], float] = real_seconds,
    ) -> None:
        # Exact reduction follows the paper, which does not distinguish injected statuses.
        self._ledger = Ledger(model, faults_show=reduction == "equivalence")
        self._limits = Limits(max_executions, max_seconds, clock, assumed)
        self._fail_fast = fail_fast
        self._retries = retries
        self._recorder = recorder
        self._oracles = oracles
        self._policy = policy
        self._reduction = reduction_named(reduction, self._ledger.behaviour)
        self._repetition = Repetition(self._ledger, wanted=check_determinism)
        found = Outages(self._ledger) if outages else None
        self._search = Search(self._ledger, self._reduction, max_faults, outages=found)
        self._doubts = Doubts(self._ledger, self._reduction, self._search)
        self._phases = self._phases_of(max_faults, exhaustive=exhaustive, audit=audit, seed=seed)
        self.why = Why(self._ledger, self._reduction, self._search, max_faults, outages, oracles)
        self._pending: tuple[Phase, Plan] | None = None
        self._failed_attempts = 0
        self._limit: str | None = None
        self.stopped = False
        self._notes: list[str] = []
        self._model = model
        self._recalled = 0

    def __repr__(self) -> str:
        return f"<Explorer, {self.executed} executed, {self.waiting} to go>"

    def _phases_of(
        self, max_faults: int | None, *, exhaustive: bool, audit: int | None, seed: int
    ) -> Sequence[Phase]:
        ledger = self._ledger
        phases: list[Phase] = [self._repetition, Probing(ledger), self._search]
        if audit is None:
            phases.append(Suspects(ledger, self._reduction, self._doubts, max_faults))
        if exhaustive:
            phases.append(Everything(ledger, self._doubts, max_faults))
        if audit:
            phases.append(
                Audit(ledger, self._reduction, self._search, self._doubts, count=audit, seed=seed)
            )
        phases.append(Shrinking(ledger))
        return phases

    @property
    def needs_shapes(self) -> bool:
        """Whether faults depend on the parts of JSON answers, which callers then describe."""
        return self._model.needs_shapes

    def next(self) -> FaultSet | None:
        """The next fault set to run, or ``None`` when nothing is left or a limit is reached.

        Counts the sets that reduction prunes, and takes in recorded executions. The first set is
        the empty one.
        """
        while (faults := self._planned()) is not None:
            remembered = None if self._recorder is None else self._recorder.recall(faults)
            if remembered is None:
                return faults
            before = self.executed
            self._take_in(faults, remembered, "")
            self._recalled += self.executed - before
        if self._recorder is not None:
            self._recorder.keep_pruned(self._newly_pruned())
            self._recorder.keep_faults(FaultSet(tuple(self.why.known())))
        return None

    def _planned(self) -> FaultSet | None:
        """The next fault set, recorded or not."""
        if self._pending is not None:
            return self._pending[1].faults
        if self.stopped or self._limit == FAIL_FAST or self._out_of_time():
            return None
        for phase in self._phases:
            plan = phase.next()
            if plan is not None:
                # Checked only now: without a next set, no limit ends the exploration.
                if self.executed:  # A test without any execution must not pass.
                    self._limit = self._limits.reached(self.executed)
                if self._limit is not None:
                    logger.debug("%s is reached after %d executions", self._limit, self.executed)
                    return None
                self._pending = phase, plan
                return plan.faults
        return None

    def _out_of_time(self) -> bool:
        # Checked before the search for the next set, which may take long.
        limit = self._limits.reached(self.executed)
        if limit == MAX_SECONDS and self.executed:
            self._limit = limit
        return self._limit == MAX_SECONDS

    def upcoming(self) -> Iterator[FaultSet]:
        """The next sets, as far as known; later results may prune some of them."""
        if self.stopped or self._limit is not None:
            return
        yield from islice(self._expected(), self._limits.left(self.executed))

    def _expected(self) -> Iterator[FaultSet]:
        recorder = self._recorder
        for phase in self._phases:
            for faults in phase.upcoming():
                if recorder is None or not recorder.has(faults):
                    yield faults

    def learn(self, faults: FaultSet, observation: Observation, extra: str = "") -> Execution:
        """Learn from the execution of ``faults``, the set returned by :meth:`next`.

        :param extra: further data for the journal.
        :returns: the execution with its verdict. The result contains neither retried inconclusive
            executions nor the repetition of the fault-free one.
        :raises ValueError: :meth:`next` returned another set.
        """
        if self._planned() != faults:
            raise ValueError(f"next() did not return {faults!r}")
        return self._take_in(faults, observation, extra)

    def _take_in(self, faults: FaultSet, observation: Observation, extra: str) -> Execution:
        if self._pending is None:
            raise ValueError(f"next() returned no set, so {faults!r} is unexpected")
        phase, plan = self._pending
        if plan.purpose == PROBE:
            plan, observation = as_made(plan, observation, self._ledger.planned)
        execution = self._judged(plan, observation)
        self._ledger.note(observation)
        pruned = self._newly_pruned()
        again = execution.verdict == "inconclusive" and self._failed_attempts < self._retries
        if again:
            self._failed_attempts += 1
        else:
            self._pending = None
            execution = self._enter(phase, plan, execution, observation)
        if self._recorder is not None:
            decision = "retried" if again else self._decision(plan)
            self._recorder.keep(
                execution, observation, decision=decision, pruned=pruned, extra=extra
            )
        return execution

    def _judged(self, plan: Plan, observation: Observation) -> Execution:
        problems = self._ledger.judge(plan.faults, observation, plan.predicted)
        return Execution(
            number=self.executed + 1,
            faults=plan.faults,
            trace=observation.trace,
            verdict=_verdict(problems, observation.error),
            error=observation.error,
            problems=problems,
            purpose=plan.purpose,
        )

    def _enter(
        self, phase: Phase, plan: Plan, execution: Execution, observation: Observation
    ) -> Execution:
        if self._failed_attempts and execution.verdict != "inconclusive":
            which = f"execution {execution.number}"
            if plan.purpose == REPEAT:
                which = "the second fault-free execution"
            self._notes.append(
                f"{which} was inconclusive on the first attempt; the retry succeeded"
            )
        self._failed_attempts = 0
        if plan.purpose == REPEAT:
            execution = replace(execution, number=self.executed)
            self.stopped = not self._repetition.compare(execution, observation)
            return execution
        seen = self._ledger.enter(execution, observation)
        self.stopped = not plan.faults and execution.verdict != PASSED
        phase.learned(plan, execution, seen)
        if self._fail_fast and self._is_bug(execution):
            self._limit = FAIL_FAST
        return execution

    def _is_bug(self, execution: Execution) -> bool:
        """Whether an execution shows a bug; all of them are judged only if it seems to."""
        executions = self._ledger.executions
        seeming = judge((executions[0], execution), oracles=self._oracles).bugs
        return bool(seeming and judge(executions, oracles=self._oracles).bugs)

    def _decision(self, plan: Plan) -> str:
        """The decision of the search on an executed set, in words."""
        stand = self._reduction.representative_of(plan.faults)
        if stand is None or stand == plan.faults:
            return "built upon"
        return f"equivalent to {'; '.join(map(str, stand))}"

    def _newly_pruned(self) -> list[tuple[Pruned, str]]:
        """The sets pruned since the last call."""
        newly, self._search.newly_pruned = self._search.newly_pruned, []
        return newly

    @property
    def waiting(self) -> int:
        """Number of known fault sets that are neither run nor pruned."""
        return sum(phase.waiting for phase in self._phases)

    @property
    def executed(self) -> int:
        """Number of executed fault sets."""
        return len(self._ledger.executions)

    @property
    def pruned_count(self) -> int:
        """Number of fault sets that reduction has pruned so far."""
        return count_of(self._reduction.all_pruned(self._search.pruned, self._ledger))

    @property
    def failed(self) -> int:
        """Number of failed executions so far."""
        return self._ledger.failed

    @property
    def under_way(self) -> FaultSet | None:
        """The set to run now, if any."""
        return None if self._pending is None else self._pending[1].faults

    def _remaining(self) -> int:
        """Number of known sets that are neither run nor pruned; others may follow."""
        # Pruned sets that an audit will run count as pruned.
        checks = sum(each.waiting for each in self._phases if isinstance(each, Audit | Everything))
        return self.waiting - checks - self._search.to_be_pruned

    def _unchecked(self) -> Iterator[str]:
        """A note for each check of pruned sets that a limit has cut short."""
        if self._limit is None:
            return
        for phase in self._phases:
            if isinstance(phase, Audit | Everything) and not phase.over:
                yield f"{self._limit} was reached before running {phase.aim} pruned fault sets"

    def result(self) -> Result:
        """The result so far."""
        ledger = self._ledger
        return Result(
            executions=tuple([each.ended() for each in ledger.executions]),
            pruned=self._reduction.all_pruned(self._search.pruned, ledger),
            remaining=0 if self.stopped else self._remaining(),
            cut_by_size=self._search.cut_by_size,
            ambiguities=tuple(ledger.ambiguities),
            notes=(
                *self._repetition.notes,
                *self._notes,
                *self._unchecked(),
                *misnamed(self._model, ledger.reached),
                *(n for each in self._phases if isinstance(each, Suspects) for n in each.notes),
                *(() if self._limit != FAIL_FAST else (CUT_BY_BUG,)),
            ),
            problems=(*self._repetition.problems, *self._limits.unset(self._limit)),
            classes=self._reduction.classes,
            limit=self._limit or "interrupted",
            observed=(*self._repetition.findings, *self._doubts.findings),
            recalled=self._recalled,
            reached=frozenset(ledger.reached),
            asked=frozenset(ledger.asked),
            oracles=self._oracles,
            policy=self._policy,
            explain=self.why.ended(self._limit, stopped=self.stopped),
        )


def _verdict(problems: Sequence[str], error: BaseException | None) -> Verdict:
    if problems:
        return "inconclusive"
    return PASSED if error is None else "failed"
