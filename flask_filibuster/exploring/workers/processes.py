"""Processes of our own, which run executions beside one another."""

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
from flask_filibuster.exploring.workers.pool import WorkerLostError

GRACE = 0.5
"""Seconds that processes have to end by themselves when nothing more is wanted of them."""

HASH_SEED = "PYTHONHASHSEED"

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


class Processes(Executor):
    """Processes that are started for the purpose; if one dies, only what it ran is lost.

    (In Python's own pool of processes, one that dies takes with it all that is under way.)

    :param count: how many.
    :param prepare: called first in each.
    """

    def __init__(self, count: int, prepare: Callable[[], None] | None = None) -> None:
        # Not forked: what has threads, as most applications, cannot be relied on then.
        self._context = multiprocessing.get_context("spawn")
        self._prepare = prepare
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._alive: set[_Process] = set()
        self._closed = False
        self._killed = False
        # All of them are to start at once, and not when there is something to do for them.
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
        """Have one of the processes call a function."""
        if self._closed:
            raise RuntimeError("the processes have been ended")
        future: Future[Returned] = Future()
        self._jobs.put(_Job(future, pickle.dumps((fn, args, kwargs))))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """End the processes: those that have something to do, after a moment, all the same."""
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
        """Do one job after the other, in one process as long as it lives."""
        if hasattr(signal, "pthread_sigmask"):
            # Ctrl-C reaches every process of a terminal, and is for this one alone; what is
            # started here inherits this. Starting Python's tracker takes the block away.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process: _Process | None = None
        while (job := self._jobs.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                process = process or self._start()
                value = process.call(job.content)
            except BaseException as error:  # noqa: BLE001 - it is raised where the job is waited for
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
                raise WorkerLostError("the processes have been ended")
            # Hashes, and so the order of sets, are to be the same in all of them.
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
    """A process that does jobs, seen from the one that has started it.

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
        """Have it do a job.

        :returns: what came of it, or the exception that did.
        :raises SetupError: the process has ended before it began.
        :raises WorkerLostError: it has ended since.
        """
        try:
            if not self._began:
                self._received()
                self._began = True
            self._connection.send_bytes(content)
            return pickle.loads(self._received())  # noqa: S301 - from a process of ours
        except (EOFError, OSError) as error:
            self.process.join(GRACE)
            how = _ending(self.process.exitcode)
            if self._began:
                raise WorkerLostError(
                    f"the worker process that ran this has died ({how})"
                ) from error
            raise SetupError(
                f"a worker process has ended before it began ({how}); a script that explores with "
                'workers must do so under if __name__ == "__main__", and be a file'
            ) from error

    def _received(self) -> bytes:
        # Not only the connection: a process that was forked by this one may hold it open.
        connection.wait([self._connection, self.process.sentinel])
        if not self._connection.poll():
            raise EOFError
        return self._connection.recv_bytes()

    def end(self) -> None:
        """Wait until it has ended: by itself, if it does that soon."""
        self._connection.close()
        self.process.join(GRACE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


def _ending(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "it answers no more"
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _work(jobs: connection.Connection, prepare: Callable[[], None] | None) -> None:
    """What a process of ours does."""
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
    """Have the functions of a script here the names that they have in the process that asks.

    They are part of execution indexes, which others are to find again.
    """
    for each in list(vars(sys.modules["__main__"]).values()):
        names = getattr(each, "__globals__", {})
        if names.get("__name__") == "__mp_main__":
            names["__name__"] = "__main__"


def _end_with_parent() -> None:
    """Leave no process behind, whatever it is that it does, when the one that asks is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _done(content: bytes) -> bytes:
    """Do a job.

    :returns: what came of it, or the exception that did, pickled.
    """
    value: object
    try:
        function, arguments, keywords = pickle.loads(content)  # noqa: S301 - from who started us
        value = function(*arguments, **keywords)
    except BaseException as error:  # noqa: BLE001 - it is raised over there
        value = error
    try:
        return pickle.dumps(value)
    except Exception as error:  # noqa: BLE001 - that may be anything
        return pickle.dumps(SetupError(f"{value!r} cannot be sent to another process: {error}"))


def _nothing() -> None:
    """What a process does first, to see whether it can do anything."""
