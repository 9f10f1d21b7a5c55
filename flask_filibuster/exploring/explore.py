"""Explore a functional test: run it again and again, with its remote calls failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.arguments import Arguments, taking
from flask_filibuster.exploring.exploration import Exploration, Progress
from flask_filibuster.exploring.interruption import Interruption
from flask_filibuster.exploring.options import Options
from flask_filibuster.exploring.recording import Recording
from flask_filibuster.exploring.subjects.base import Portable, PreparedSubject
from flask_filibuster.exploring.subjects.function import FunctionSubject
from flask_filibuster.exploring.workers.pool import Pool
from flask_filibuster.exploring.workers.workers import Workers
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.options.table import Services
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
    state = _State()
    interrupted: BaseException | None = None
    try:
        _explore(state, subject, options, recording or Recording(), workers, progress, begun)
    except (KeyboardInterrupt, FilibusterError, OSError) as error:
        if not (state.executed or (state.exploration and isinstance(error, KeyboardInterrupt))):
            raise
        interrupted = error
    recorder, exploration = state.recorder, state.exploration
    result = Result() if exploration is None else exploration.result()
    recalled = [] if recorder is None else recorder.recalled
    return Explored(result, interrupted, recorder is not None, recalled)


@dataclass(slots=True)
class _State:
    """What there is of an exploration already, should it be interrupted."""

    exploration: Exploration | None = None
    recorder: Recorder | None = None

    @property
    def executed(self) -> int:
        return 0 if self.exploration is None else self.exploration.search.executed


def _explore(
    state: _State,
    subject: PreparedSubject,
    options: Options,
    recording: Recording,
    workers: Workers | None,
    progress: Progress | None,
    begun: Callable[[Exploration], object] | None,
) -> None:
    """Explore a subject to its end; see :func:`explore_subject`."""
    with (
        Interruption(*subject.ending) as interruption,
        subject.ready(options.settle) as setting,
        recording.recorder(subject) as recorder,
    ):
        search = options.explorer(setting.services, setting.config, recorder)
        exploration = Exploration(
            subject.words, search, setting.session, interruption=interruption, progress=progress
        )
        state.exploration, state.recorder = exploration, recorder
        if begun is not None:
            begun(exploration)
        try:
            with _observer(subject, exploration, search, workers) as observe:
                exploration.run(subject, observe)
        finally:
            exploration.abandon()
            if recorder is not None and setting.session.lost():
                recorder.give_up()


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


@taking(Arguments)
def explore(test: Callable[[], object], given: Arguments) -> Result:
    """Run a functional test under every set of faults that can show something new.

    The first execution has no faults; if it fails, it is the only one. Explorations in several
    threads do not see each other. Arguments that are not given are those of ``FILIBUSTER_…`` in the
    first app that has any, else the defaults.

    >>> result = explore(test, services, max_executions=10)
    >>> [str(planned.fault) for bug in result.bugs for planned in bug.faults]
    ['raises ConnectionError']

    :param test: a callable without arguments that makes requests and asserts.
    :param faults: which calls can fail how. ``None``: the analysis file, else what the views of
        ``services`` are seen to answer with, else the defaults of :class:`FaultModel`.
    :param executor: runs the executions. Where it has other processes, ``test`` must be a function
        of a module and ``services`` a function of one or ``"module:name"``, and failures are told
        in words. Dask's is ``client.get_executor(pure=False)``.
    :param name: what the exploration is called in the journal; by default, the test's name.
    :param progress: called after each execution, with the search and the execution.
    :returns: executions, distinct failures, findings; ``result.ok`` if every execution passed.
    :raises SetupError: ``services`` or an option does not fit.
    :raises ConfigError: a ``FILIBUSTER_*`` key or an option does not fit.
    :raises JournalError: the journal cannot be used.
    """
    explored = explore_subject(
        FunctionSubject(test, given.services),
        given,
        recording=Recording(
            given.journal_path, given.name, bool(given.resume), bool(given.changed)
        ),
        workers=Workers.of(given.executor, given.workers),
        progress=given.progress,
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

    >>> bug = explore(test, services).bugs[0]
    >>> replay(test, Counterexample("test", bug.faults, seen=""), services).verdict
    'failed'

    :param test: the test that the counterexample is about.
    :param counterexample: from :meth:`Counterexample.read`.
    :param services: apps by base URL, as for :func:`explore`.
    :returns: the execution; ``"inconclusive"`` where a call that was to fail was not made.
    """
    subject = FunctionSubject(test, services)
    with subject.ready():
        observation = subject.run(counterexample.fault_set)
    return judged(counterexample.fault_set, observation)
