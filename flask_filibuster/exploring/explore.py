"""Explore a functional test: run it again and again, with its remote calls failing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.exploration import Exploration, Progress
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.recording import Recording
from flask_filibuster.exploring.subjects.base import Portable, PreparedSubject, Services
from flask_filibuster.exploring.subjects.function import FunctionSubject
from flask_filibuster.exploring.workers.pool import Pool
from flask_filibuster.exploring.workers.workers import Workers
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.journal.memory import Memory
from flask_filibuster.results.bug import TestFailedError
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import Execution, Observation, judged
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer


@dataclass(frozen=True, slots=True)
class Explored:
    """What came of an exploration, whether it came to its end or not.

    :ivar result: what was found.
    :ivar interrupted: why it did not come to its end; ``None`` if it did.
    :ivar recorded: whether its executions are in a journal, from which it can be resumed.
    :ivar recalled: the executions that come from there, and what was kept with each.
    """

    result: Result
    interrupted: BaseException | None = None
    recorded: bool = False
    recalled: list[tuple[Execution, str]] = field(default_factory=list)


def explore_subject(
    subject: PreparedSubject,
    options: Options,
    *,
    recording: Recording | None = None,
    workers: Workers | None = None,
    progress: Progress | None = None,
    begun: Callable[[Exploration], object] | None = None,
) -> Explored:
    """Explore a subject, and keep what was found when that is interrupted.

    :param subject: what is explored.
    :param options: how.
    :param recording: where executions are recorded; ``None``: nowhere.
    :param workers: what runs executions beside one another; ``None``: one after the other.
    :param progress: called after each execution, with the search and the execution.
    :param begun: called with the exploration, before its first execution.
    :raises FilibusterError: something was set up wrongly, so that nothing was executed.
    :raises KeyboardInterrupt: before the first execution began.
    """
    recording = recording or Recording()
    exploration: Exploration | None = None
    memory: Memory | None = None
    interrupted: BaseException | None = None
    try:
        with (
            Interruption(*subject.ending) as interruption,
            subject.ready(options.settle) as setting,
            recording.memory(subject) as memory,
        ):
            search = options.explorer(setting.services, setting.config, memory)
            exploration = Exploration(
                subject.words, search, setting.session, interruption=interruption, progress=progress
            )
            if begun is not None:
                begun(exploration)
            try:
                with _observer(subject, exploration, search, workers) as observe:
                    exploration.run(subject, observe)
            finally:
                exploration.abandon()
                if memory is not None and setting.session.lost():
                    memory.give_up()
    except (KeyboardInterrupt, FilibusterError, OSError) as error:
        if exploration is None:
            raise
        if not (exploration.search.executed or isinstance(error, KeyboardInterrupt)):
            raise
        interrupted = error
    return Explored(
        exploration.result(), interrupted, memory is not None, memory.recalled if memory else []
    )


@contextmanager
def _observer(
    subject: PreparedSubject, exploration: Exploration, search: Explorer, workers: Workers | None
) -> Iterator[Callable[[FaultSet], Observation]]:
    """What runs a subject under a fault set: this thread, or workers."""
    if workers is None:
        yield subject.run
        return
    beside = subject.beside()
    pool: Pool | None = None
    try:
        with workers.pool(beside, subject.run) as pool:
            yield partial(_observe_beside, pool, search, subject, isinstance(beside, Portable))
    finally:
        if pool is not None:  # Only after its end is it known how many were in vain.
            exploration.superfluous = pool.dropped


def _observe_beside(
    pool: Pool, search: Explorer, subject: PreparedSubject, portable: bool, faults: FaultSet
) -> Observation:
    seen = pool.observe(faults, search)
    if faults or not (portable and isinstance(seen.error, TestFailedError)):
        return seen
    # What is wrong with the test itself shows best where its traceback is.
    again = subject.run(faults)
    return seen if again.error is None else again


def explore(
    test: Callable[[], object],
    services: Services = None,
    faults: FaultModel | None = None,
    *,
    reduction: ReductionName | None = None,
    max_faults: int | None = None,
    max_executions: int | None = None,
    max_seconds: float | None = None,
    check_determinism: bool | None = None,
    exhaustive: bool | None = None,
    audit: int | None = None,
    audit_seed: int | None = None,
    analysis_file: str | os.PathLike[str] | None = None,
    slow: bool | None = None,
    settle: float | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    journal: str | os.PathLike[str] | None = None,
    name: str | None = None,
    resume: bool = False,
    changed: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Run a functional test under every set of faults that can show something new.

    The first execution has no faults; if it fails, it is the only one. Explorations in several
    threads do not see each other.

    :param test: a callable without arguments that makes requests and asserts.
    :param services: Flask (or other WSGI) apps to run in this process, by base URL; or a function
        that returns them, or ``"module:name"`` of either. Calls to other hosts go where they
        always go.
    :param faults: which calls can fail how. ``None``: the configured analysis file, else what the
        views of ``services`` are seen to answer with, else the defaults of :class:`FaultModel`.
    :param reduction: ``"equivalence"``: of ways to fail that lead to the same, build on one;
        ``"exact"``: leave out only what would show nothing new; ``"none"``: run all.
        ``None`` here and below: as configured by ``FILIBUSTER_…`` in the first app that has any.
    :param max_faults: how many faults at a time (count), without those that it takes to reach a
        call: the failure of a fallback is one.
    :param max_executions: how many test executions to run.
    :param max_seconds: for how long to begin new executions, in seconds.
    :param check_determinism: whether to run the fault-free execution twice before all others, and
        to report what differs.
    :param exhaustive: whether to run what reduction has left out, after the rest.
    :param audit: how many of the sets that reduction has left out to run, to see whether it holds.
    :param audit_seed: of the choice of these.
    :param analysis_file: path of an analysis file that says which calls can fail how, instead of
        ``faults``.
    :param slow: whether to hold each call that has a timeout until just past it, instead of
        failing it.
    :param settle: how long to wait, after each execution, for threads and calls that still run, in
        seconds.
    :param executor: runs the executions. Where it has other processes, ``test`` must be a function
        of a module and ``services`` a function of one or ``"module:name"``, and failures are told
        in words. Dask's is ``client.get_executor(pure=False)``.
    :param workers: how many executions to run at once; without ``executor``, in processes that are
        started for it. The result does not depend on it.
    :param journal: path of a file that every execution is kept in.
    :param name: what the exploration is called there; by default, the test's name.
    :param resume: take from the journal what the last exploration of that name has run.
    :param changed: take from the journal what has passed there, as long as the source files of the
        services that took part, and of the test, are the same.
    :param progress: called after each execution, with the search and the execution.
    :returns: executions, distinct failures, findings; ``result.ok`` if every execution passed.
    :raises SetupError: ``services`` or an option does not fit.
    :raises ConfigError: a ``FILIBUSTER_*`` key or an option does not fit.
    :raises JournalError: the journal cannot be used.
    """
    options = Options(
        faults=faults,
        reduction=reduction,
        max_faults=max_faults,
        max_executions=max_executions,
        max_seconds=max_seconds,
        check_determinism=check_determinism,
        exhaustive=exhaustive,
        audit=audit,
        audit_seed=audit_seed,
        analysis_file=None if analysis_file is None else str(analysis_file),
        slow=slow,
        settle=settle,
    )
    explored = explore_subject(
        FunctionSubject(test, services),
        options,
        recording=Recording(journal, name, resume, changed),
        workers=Workers.of(executor, workers),
        progress=progress,
    )
    if explored.interrupted is not None:
        raise explored.interrupted
    return explored.result


def replay(
    test: Callable[[], object],
    counterexample: Counterexample,
    services: Services = None,
) -> Execution:
    """Run a functional test once, under the faults of a counterexample.

    :param test: the test that the counterexample is about.
    :param counterexample: from :meth:`Counterexample.read`.
    :param services: apps by base URL, as for :func:`explore`.
    :returns: the execution; ``"inconclusive"`` where a call that was to fail was not made.
    """
    subject = FunctionSubject(test, services)
    with subject.ready():
        observation = subject.run(counterexample.fault_set)
    return judged(counterexample.fault_set, observation)
