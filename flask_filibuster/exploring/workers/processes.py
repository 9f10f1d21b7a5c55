"""Worker processes of this package, which run executions in parallel."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from typing import Any, ParamSpec, TypeVar

from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.room import with_room
from flask_filibuster.exploring.workers.pool import WorkerLostError

GRACE = 0.5
"""Seconds that processes have to end by themselves after the last job."""

HASH_SEED = "PYTHONHASHSEED"

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


class Processes(Executor):
    """An executor in processes of its own; if one dies, only its current job is lost.

    (In Python's own process pool, a process that dies breaks all jobs under way.)

    :param count: number of processes.
    :param prepare: called first in each process.
    """

    def __init__(self, count: int, prepare: Callable[[], None] | None = None) -> None:
        # Not forked: a fork of a process with threads, as most applications have, is unreliable.
        self._context = multiprocessing.get_context("spawn")
        self._prepare = prepare
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._alive: set[_Process] = set()
        self._closed = False
        self._killed = False
        # All processes start at once, not with their first job.
        for _ in range(count):
            self.submit(_nothing)
        self._threads = [
            threading.Thread(target=self._serve, name="filibuster-worker", daemon=True)
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        fn: Callable[Arguments, Returned],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Returned]:
        """Call a function in one of the processes."""
        if self._closed:
            raise RuntimeError("the worker processes have been stopped")
        future: Future[Returned] = Future()
        self._jobs.put(_Job(future, pickle.dumps((fn, args, kwargs))))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """End the processes, busy ones after a grace period."""
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        try:
            deadline = time.monotonic() + GRACE
            for thread in self._threads:
                thread.join(max(0.0, deadline - time.monotonic()))
        finally:
            self.kill()
        for thread in self._threads:
            thread.join()

    def kill(self) -> None:
        """End the processes at once."""
        with self._lock:
            self._killed = True
            for each in self._alive:
                each.process.kill()

    def _serve(self) -> None:
        """Do one job after the other, in one process until it dies."""
        if hasattr(signal, "pthread_sigmask"):
            # Ctrl-C reaches every process of a terminal, but only this one may handle it; processes
            # started here inherit the block. The start of Python's tracker removes the block.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process: _Process | None = None
        while (job := self._jobs.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                process = process or self._start()
                value = process.call(job.content)
            except BaseException as error:  # noqa: BLE001 - raised again by future.result()
                if process is not None:
                    self._forget(process)
                process = None
                job.future.set_exception(error)
            else:
                if isinstance(value, BaseException):
                    job.future.set_exception(value)
                else:
                    job.future.set_result(value)
        if process is not None:
            self._forget(process)

    def _start(self) -> _Process:
        with self._lock:
            if self._killed:
                raise WorkerLostError("the worker processes have been stopped")
            # Hashes, and so the order of sets, must be equal in all processes.
            seed = os.environ.get(HASH_SEED)
            if seed in (None, "", "random"):
                os.environ[HASH_SEED] = "0"
            try:
                process = _Process(self._context, self._prepare)
            finally:
                if seed is None:
                    del os.environ[HASH_SEED]
                else:
                    os.environ[HASH_SEED] = seed
            self._alive.add(process)
        return process

    def _forget(self, process: _Process) -> None:
        process.end()
        with self._lock:
            self._alive.discard(process)
            process.process.close()


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to do: a function with its arguments, pickled, and who waits for it."""

    future: Future[Any]
    content: bytes


class _Process:
    """The parent's side of a process that does jobs.

    :ivar process: the process.
    """

    def __init__(
        self, context: multiprocessing.context.SpawnContext, prepare: Callable[[], None] | None
    ) -> None:
        self._connection, theirs = context.Pipe()
        self._began = False
        self.process = context.Process(target=_work, args=(theirs, prepare))
        try:
            self.process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()

    def call(self, content: bytes) -> Any:
        """Do a job in the process.

        :returns: its result, or the exception that it raised.
        :raises SetupError: the process ended before its first job.
        :raises WorkerLostError: the process ended later.
        """
        try:
            if not self._began:
                self._received()
                self._began = True
            self._connection.send_bytes(content)
            return pickle.loads(self._received())  # noqa: S301 - from a worker process
        except (EOFError, OSError) as error:
            self.process.join(GRACE)
            how = _ending(self.process.exitcode)
            if self._began:
                raise WorkerLostError(
                    f"the worker process of this execution died ({how})"
                ) from error
            raise SetupError(
                f"a worker process ended before its first execution ({how}); a script that "
                'explores with workers must be a file, and do so under if __name__ == "__main__"'
            ) from error

    def _received(self) -> bytes:
        # The sentinel, too: a process that this one has forked may hold the connection open.
        connection.wait([self._connection, self.process.sentinel])
        if not self._connection.poll():
            raise EOFError
        return self._connection.recv_bytes()

    def end(self) -> None:
        """Close its connection and wait for its end; kill it after a grace period."""
        self._connection.close()
        self.process.join(GRACE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


def _ending(code: int | None) -> str:
    """The end of a process, in words."""
    if code is None:
        return "no answer"
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


@with_room
def _work(jobs: connection.Connection, prepare: Callable[[], None] | None) -> None:
    """The main function of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _be_main()
    if prepare is not None:
        prepare()
    jobs.send_bytes(b"")
    while True:
        try:
            content = jobs.recv_bytes()
        except EOFError:
            return
        jobs.send_bytes(_done(content))


def _be_main() -> None:
    """Give the functions of a script the names that they have in the parent process.

    Execution indexes contain these names and must be equal in all processes.
    """
    for each in list(vars(sys.modules["__main__"]).values()):
        names = getattr(each, "__globals__", {})
        if names.get("__name__") == "__mp_main__":
            names["__name__"] = "__main__"


def _end_with_parent() -> None:
    """End this process as soon as its parent has been killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _done(content: bytes) -> bytes:
    """Do a job.

    :returns: its result, or the exception that it raised, pickled.
    """
    value: object
    try:
        function, arguments, keywords = pickle.loads(content)  # noqa: S301 - from the parent process
        value = function(*arguments, **keywords)
    except BaseException as error:  # noqa: BLE001 - raised again in the parent
        value = error
    try:
        return pickle.dumps(value)
    except Exception as error:  # noqa: BLE001 - pickling may raise anything
        return pickle.dumps(SetupError(f"{value!r} cannot be sent to another process: {error}"))


def _nothing() -> None:
    """The first job of a process, which shows whether it works."""
