"""Explore a functional test: run it repeatedly while its remote calls fail."""

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
from flask_filibuster.exploring.quiet import quiet_tracebacks
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
    """The result of an exploration, complete or interrupted.

    :ivar result: the result.
    :ivar interrupted: the exception that interrupted it; ``None`` if it is complete.
    :ivar recorded: whether a journal has its executions, so that it can be resumed.
    :ivar recalled: the executions read from the journal, each with the text stored with it.
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
    """Explore a subject; an interruption keeps the result so far.

    :param subject: the subject.
    :param options: the options of the exploration.
    :param recording: where to record executions; ``None``: nowhere.
    :param workers: runs executions in parallel; ``None``: they run one after the other.
    :param progress: called after each execution, with the search and the execution.
    :param begun: called with the exploration, before its first execution.
    :raises FilibusterError: the set-up is wrong, so nothing was executed.
    :raises KeyboardInterrupt: the interruption came before the first execution.
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
    """The parts of an exploration that exist when it is interrupted."""

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
        quiet_tracebacks(unless=bool(getattr(options, "verbose", False))),
        subject.ready(options.settle) as setting,
        recording.recorder(subject) as recorder,
    ):
        setting.session.is_virtual = options.virtual_time is not False
        search = options.explorer(setting.services, setting.config, recorder)
        setting.session.describe_answers(wanted=search.needs_shapes)
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
    """A function that runs the subject under a fault set, in this thread or in workers."""
    if workers is None:
        yield subject.run
        return
    beside = subject.beside()
    pool: Pool | None = None
    try:
        with workers.pool(beside, subject.run) as pool:
            yield partial(_observe_beside, pool, search, subject, isinstance(beside, Portable))
    finally:
        if pool is not None:  # The number of superfluous executions is final only at its end.
            exploration.superfluous = pool.dropped


def _observe_beside(
    pool: Pool, search: Explorer, subject: PreparedSubject, portable: bool, faults: FaultSet
) -> Observation:
    seen = pool.observe(faults, search)
    if faults or not (portable and isinstance(seen.error, TestFailedError)):
        return seen
    # A failure of the test itself needs its traceback, which only this process has.
    again = subject.run(faults)
    return seen if again.error is None else again


@taking(Arguments)
def explore(test: Callable[[], object], given: Arguments) -> Result:
    """Run a functional test under every fault set that can show something new.

    The first execution has no faults; if it fails, it is the only one. Explorations in several
    threads are independent. An argument that is not given has the value of its ``FILIBUSTER_…`` key
    in the first app that sets any, else its default. Tracebacks under faults, which Flask would
    print, are shown if the logger ``flask_filibuster`` is at DEBUG; handlers of yours get them.

    >>> result = explore(test, services, max_executions=10)
    >>> [str(planned.fault) for bug in result.bugs for planned in bug.faults]
    ['raises ConnectionError']

    :param test: a callable without arguments that makes requests and asserts.
    :param executor: runs the executions. If it uses other processes, ``test`` must be a function of
        a module, ``services`` a function of a module or ``"module:name"``, and failures have no
        traceback. For Dask, pass ``client.get_executor(pure=False)``.
    :param name: name of the exploration in the journal; by default, the test's name.
    :param progress: called after each execution, with the search and the execution.
    :returns: executions, distinct failures, findings; ``result.ok`` if every execution passed.
    :raises SetupError: ``services`` or a combination of options is invalid.
    :raises ConfigError: the value of a ``FILIBUSTER_*`` key or of an option is invalid.
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

    :param test: the test of the counterexample.
    :param counterexample: from :meth:`Counterexample.read`.
    :param services: apps by base URL, as for :func:`explore`.
    :returns: the execution; ``"inconclusive"`` if a call of the fault set was not made.
    """
    subject = FunctionSubject(test, services)
    with subject.ready():
        observation = subject.run(counterexample.fault_set)
    return judged(counterexample.fault_set, observation)
