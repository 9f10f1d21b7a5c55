"""Runs executions ahead of the search in an executor, so that several run in parallel.

The search still processes one set after the other. While it waits for one, the pool already runs
the sets that probably come next. If the search then prunes such a set, its execution is dropped:
the result does not depend on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from itertools import islice

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import FilibusterError, SetupError
from flask_filibuster.results.execution import Observation
from flask_filibuster.search.explorer import Explorer

Run = Callable[[FaultSet], Observation]

AHEAD = 2
"""Executions under way for each worker: one that runs, and one that waits for the worker."""

PATIENCE = 5.0
"""Interval of the checks, during an execution, that it can still end, in seconds."""


class WorkerLostError(Exception):
    """The worker of an execution ended before it returned the observation."""


class EndedError(Exception):
    """The test was interrupted in its worker, or its services tried to exit the process.

    :ivar by: the exception raised there: ``SystemExit``, ``KeyboardInterrupt``.
    """

    def __init__(self, by: BaseException) -> None:
        super().__init__(by)
        self.by = by


class Pool:
    """Runs fault sets in an executor.

    :param executor: the executor.
    :param run: runs the test under one set; the executor calls it.
    :param workers: number of sets to run in parallel.
    :param lost: exceptions of the executor that are equivalent to :class:`WorkerLostError`.
    :param check: called every few seconds while waiting; raises if the executor has failed.
    :ivar dropped: number of sets begun but not needed.
    """

    def __init__(
        self,
        executor: Executor,
        run: Run,
        workers: int,
        *,
        lost: tuple[type[Exception], ...] = (),
        check: Callable[[], None] | None = None,
    ) -> None:
        self.dropped = 0
        self._executor = executor
        self._run = run
        self._most = workers * AHEAD
        # Looking ahead visits all pruned sets, so it is not repeated for each set.
        self._few = self._most - max(1, workers // 2)
        self._lost: tuple[type[Exception], ...] = (WorkerLostError, *lost)
        self._check = check
        # If a process dies after a cancellation, some versions of Python (3.11.7, for one) never
        # wake the other waiting threads.
        self._cancels = not isinstance(executor, ProcessPoolExecutor)
        self._running: dict[FaultSet, Future[Observation]] = {}
        self._in_vain: set[Future[Observation]] = set()

    def observe(self, faults: FaultSet, explorer: Explorer) -> Observation:
        """Run a set to its end, and others in parallel.

        :param faults: the set that the search waits for.
        :param explorer: knows the next sets.
        :returns: the observation; only a problem if the worker was lost.
        :raises SetupError: the executor cannot run it.
        :raises SystemExit: the services raised it in the worker.
        """
        self._begin(faults)
        self._look_ahead(faults, explorer)
        future = self._running[faults]
        while not wait([future], PATIENCE).done:
            if self._check is not None:
                self._check()
        del self._running[faults]
        try:
            return future.result()
        except self._lost as error:
            return Observation(Trace(), problems=(str(error),))
        except EndedError as error:
            raise error.by from None
        except FilibusterError:
            raise
        except Exception as error:  # Exceptions of the test are in its observation.
            raise self._trouble(error) from error

    def _look_ahead(self, faults: FaultSet, explorer: Explorer) -> None:
        """Begin the next sets, and drop those that are no longer among them."""
        self._in_vain = {each for each in self._in_vain if not each.done()}
        if len(self._running) + len(self._in_vain) > self._few:
            return
        wanted = list(islice(explorer.upcoming(), self._most))
        self._drop(self._running.keys() - {faults, *wanted})
        for each in wanted:
            if len(self._running) >= self._most:
                break
            self._begin(each)

    def _begin(self, faults: FaultSet) -> None:
        if faults in self._running:
            return
        try:
            self._running[faults] = self._executor.submit(self._run, faults)
        except Exception as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> SetupError:
        """The error for a failure of the executor."""
        name = type(self._executor).__name__
        cause: BaseException | None = error
        while cause is not None:  # The executor may have wrapped it.
            if isinstance(cause, FilibusterError):
                return SetupError(str(cause))
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, BrokenExecutor | CancelledError):
            what = str(error) or type(error).__name__
            return SetupError(
                f"{name} has stopped working ({what}), and Filibuster can't restart it; with "
                "workers=… and no executor, the exploration continues when a process dies, and "
                "reports the faults of that execution"
            )
        return SetupError(
            f"{name} could not run an execution: {error!r}; its workers must be able to import the "
            "test and the function that returns its services"
        )

    def _drop(self, unwanted: Iterable[FaultSet]) -> None:
        """Drop sets that were begun and are no longer needed."""
        for faults in unwanted:
            future = self._running.pop(faults)
            if not (self._cancels and future.cancel()):
                self.dropped += 1
                self._in_vain.add(future)

    def end(self, *, waiting: bool) -> None:
        """Drop the executions under way.

        :param waiting: whether to wait for their end. In threads of this process, they must not
            continue after the mesh of the services is gone.
        """
        self._drop(list(self._running))
        if waiting:
            wait(self._in_vain)
