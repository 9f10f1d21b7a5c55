"""Run executions in parallel: in any executor, in threads, or in worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import ConfigError, SetupError
from flask_filibuster.exploring.subjects.base import InThreads, Portable
from flask_filibuster.exploring.workers.pool import Pool, Run
from flask_filibuster.exploring.workers.processes import Processes
from flask_filibuster.exploring.workers.sending import Parcel, Task
from flask_filibuster.results.execution import Observation


@dataclass(frozen=True, slots=True)
class Workers:
    """How to run executions in parallel.

    :ivar count: number of parallel executions.
    :ivar executor: runs them; ``None``: new worker processes.
    :ivar lost: exceptions of the executor for an execution whose worker has ended.
    :ivar check: raises if the executor has failed for good.
    :ivar prepare: called first in each new worker process.
    """

    count: int
    executor: Executor | None = None
    lost: tuple[type[Exception], ...] = ()
    check: Callable[[], None] | None = None
    prepare: Callable[[], None] | None = None

    @classmethod
    def of(
        cls,
        executor: Executor | None,
        count: int | None,
        prepare: Callable[[], None] | None = None,
    ) -> Workers | None:
        """The workers for these arguments; ``None``: sequential executions in this thread.

        :raises ConfigError: the count is invalid.
        :raises SetupError: the executor is not an executor.
        """
        if count is not None and (type(count) is not int or count < 0):
            raise ConfigError("workers", count, "a whole number from 0, or None")
        if executor is None:
            return cls(count, prepare=prepare) if count else None
        if not isinstance(executor, Executor):
            raise SetupError(f"executor is {executor!r}; it must be a concurrent.futures.Executor")
        own = getattr(executor, "_max_workers", None)
        return cls(count or own or os.cpu_count() or 1, executor)

    @contextmanager
    def pool(
        self, beside: Portable | InThreads, here: Callable[[FaultSet], Observation]
    ) -> Iterator[Pool]:
        """A pool that runs a subject in the executor while the block runs.

        :param beside: how to run several executions of the subject in parallel.
        :param here: runs the subject in this process.
        :raises SetupError: the subject cannot be sent to other processes.
        """
        if isinstance(beside, InThreads):
            with self._threads(beside, here) as pool:
                yield pool
            return
        theirs = self.executor
        task = Task(beside, here)
        sent = theirs is None or isinstance(theirs, ProcessPoolExecutor)
        run: Run = Parcel.of(task) if sent else task
        if theirs is not None:
            pool = Pool(theirs, run, self.count, lost=self.lost, check=self.check)
            try:
                yield pool
            finally:
                pool.end(waiting=True)
            return
        processes = Processes(self.count, self.prepare)
        pool = Pool(processes, run, self.count)
        try:
            yield pool
        finally:
            pool.end(waiting=False)
            processes.shutdown()

    @contextmanager
    def _threads(
        self, beside: InThreads, here: Callable[[FaultSet], Observation]
    ) -> Iterator[Pool]:
        """Threads of this process, each of which waits for an execution in another process."""
        if self.executor is not None:
            raise SetupError(
                "an executor cannot run commands: they and their services run on this machine; "
                "use workers without an executor"
            )
        with ThreadPoolExecutor(self.count, "filibuster-command") as threads:
            pool = Pool(threads, here, self.count)
            try:
                yield pool
            finally:
                beside.stop()
                pool.end(waiting=True)
