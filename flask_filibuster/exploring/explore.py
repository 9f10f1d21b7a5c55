"""Explore a functional test: run it again and again, with its remote calls failing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.keeping import Keeping
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.session import Session, Surroundings, surroundings
from flask_filibuster.exploring.subjects.function import Services, run_once, services_of
from flask_filibuster.exploring.workers.pool import Pool
from flask_filibuster.exploring.workers.processes import Workers
from flask_filibuster.exploring.workers.sending import Task
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.bug import TestFailedError
from flask_filibuster.results.counterexample import Counterexample
from flask_filibuster.results.execution import Execution, Observation, judged
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer

Progress = Callable[[Any, Execution], None]


class Run:
    """One exploration in this process, which may be broken off and still has a result.

    :param test: the test.
    :param services: apps by base URL, or where to find them.
    :param options: how to explore.
    :param keeping: what is kept of it.
    :param workers: what runs the executions, if not this thread.
    """

    def __init__(
        self,
        test: Callable[[], object],
        services: Services,
        options: Options,
        *,
        keeping: Keeping | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._test = test
        self._source = services
        self._options = options
        self._keeping = keeping or Keeping()
        self._workers = workers
        self._explorer: Explorer | None = None
        self._session: Session | None = None
        self._pool: Pool | None = None

    def to_the_end(self, progress: Progress | None = None) -> None:
        """Run everything.

        :param progress: called after each execution, with the search and the execution.
        :raises FilibusterError: something was set up wrongly, or the journal cannot be used.
        """
        services = services_of(self._source)
        with (
            Interruption() as interruption,
            surroundings(services) as around,
            self._keeping.memory(self._test, around) as memory,
        ):
            explorer = self._explorer = self._options.explorer(services, around.config, memory)
            timeout = self._options.settle or around.config.timeout
            session = self._session = Session(timeout=timeout)
            with self._observer(explorer, session, around) as observe:
                faults = explorer.next()
                while faults is not None:
                    with interruption.noticed():
                        seen = observe(faults)
                    with interruption.held():
                        execution = explorer.learn(faults, seen)
                        faults = explorer.next()
                    if progress is not None:
                        progress(explorer, execution)

    @contextmanager
    def _observer(
        self, explorer: Explorer, session: Session, around: Surroundings
    ) -> Iterator[Callable[[FaultSet], Observation]]:
        """What runs the test under a fault set."""

        def here(faults: FaultSet) -> Observation:
            return run_once(self._test, session, faults, around)

        if self._workers is None:
            yield here
            return
        timeout = self._options.settle or around.config.timeout
        task = Task(self._test, self._source, timeout, session, around)
        with self._workers.pool(task) as pool:
            self._pool = pool

            def anywhere(faults: FaultSet) -> Observation:
                seen = pool.observe(faults, explorer)
                if faults or not isinstance(seen.error, TestFailedError):
                    return seen
                # What is wrong with the test itself shows best where its traceback is.
                again = here(faults)
                return seen if again.error is None else again

            yield anywhere

    def result(self) -> Result:
        """What was found so far."""
        if self._explorer is None or self._session is None:
            return Result()
        result = self._explorer.result()
        dropped = 0 if self._pool is None else self._pool.dropped
        return replace(result, notes=self._session.notes(result), superfluous=dropped)


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
    run = Run(
        test,
        services,
        options,
        keeping=Keeping(journal, name, resume, changed),
        workers=Workers.of(executor, workers),
    )
    run.to_the_end(progress)
    return run.result()


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
    faults = counterexample.fault_set
    with surroundings(services_of(services)) as around:
        session = Session(timeout=around.config.timeout)
        observation = run_once(test, session, faults, around)
    return judged(faults, observation)
