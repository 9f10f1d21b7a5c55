"""Executions ahead of their turn, in whatever executor, so that several run at once.

The search decides on one set after the other, as ever. While it waits for one, those that come next
as far as is known are run already. What it then leaves out was run for nothing, and is dropped: the
result does not depend on how many workers there are.
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
"""Executions under way for each worker: one that runs, and one for it to go on with."""

PATIENCE = 5.0
"""How often to look, while waiting for an execution, whether it can still come to its end."""


class WorkerLostError(Exception):
    """What ran an execution has gone before it could tell what it saw."""


class EndedError(Exception):
    """The test was interrupted where it ran, or what makes its services wanted to end the process.

    :ivar by: what it has raised: ``SystemExit``, ``KeyboardInterrupt``.
    """

    def __init__(self, by: BaseException) -> None:
        super().__init__(by)
        self.by = by


class Pool:
    """Runs fault sets in an executor.

    :param executor: the executor.
    :param run: runs the test under one set, wherever the executor has it run.
    :param workers: how many sets run at once.
    :param lost: exceptions of the executor's that mean what :class:`WorkerLostError` does.
    :param check: called now and then while waiting; raises if it is in vain.
    :ivar dropped: how many sets were begun that nobody wanted in the end.
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
        # Looking ahead goes past all that is left out, so it is not done for each set anew.
        self._few = self._most - max(1, workers // 2)
        self._lost: tuple[type[Exception], ...] = (WorkerLostError, *lost)
        self._check = check
        # Where something was cancelled and then a process dies, some versions of Python (3.11.7 is
        # one) never tell the others that wait.
        self._cancels = not isinstance(executor, ProcessPoolExecutor)
        self._running: dict[FaultSet, Future[Observation]] = {}
        self._in_vain: set[Future[Observation]] = set()

    def observe(self, faults: FaultSet, explorer: Explorer) -> Observation:
        """Run a set to its end, and others beside it.

        :param faults: the set whose turn it is.
        :param explorer: knows what comes next.
        :returns: what was seen; a problem and nothing else if the worker was lost.
        :raises SetupError: the executor cannot run it.
        :raises SystemExit: what makes the services did, where it ran.
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
        except Exception as error:  # What the test raises is in its observation.
            raise self._trouble(error) from error

    def _look_ahead(self, faults: FaultSet, explorer: Explorer) -> None:
        """Begin what comes next, and give up what does not come any more."""
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
        """What to tell of an executor that does not do what it is for."""
        name = type(self._executor).__name__
        cause: BaseException | None = error
        while cause is not None:  # Where it was wrapped on its way.
            if isinstance(cause, FilibusterError):
                return SetupError(str(cause))
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, BrokenExecutor | CancelledError):
            what = str(error) or type(error).__name__
            return SetupError(
                f"{name} has stopped working ({what}), and it is not ours to start anew; "
                "workers=… without an executor goes on when a process dies, and says under which "
                "faults that was"
            )
        return SetupError(
            f"{name} could not run an execution: {error!r}; the test and what makes its services "
            "must be importable where it runs them"
        )

    def _drop(self, unwanted: Iterable[FaultSet]) -> None:
        """Give up sets that were begun and need not be run after all."""
        for faults in unwanted:
            future = self._running.pop(faults)
            if not (self._cancels and future.cancel()):
                self.dropped += 1
                self._in_vain.add(future)

    def end(self, *, waiting: bool) -> None:
        """Drop what is still under way.

        :param waiting: whether to wait until it is over. In threads of this process, it must not
            go on when the services are no longer joined to one another.
        """
        self._drop(list(self._running))
        if waiting:
            wait(self._in_vain)
