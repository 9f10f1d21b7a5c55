"""Send a functional test to another process, and run it there."""

from __future__ import annotations

import functools
import pickle
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flask import Flask

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError, ForeignHostError, SetupError
from flask_filibuster.exploring.quiet import quiet_tracebacks
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.exploring.subjects.base import Portable
from flask_filibuster.exploring.subjects.function import run_once, services_of
from flask_filibuster.exploring.workers.pool import EndedError
from flask_filibuster.options.table import Services
from flask_filibuster.report.text import error_line
from flask_filibuster.results.bug import TestFailedError, signature
from flask_filibuster.results.execution import Observation

SENDABLE = (
    "the test must be a function of a module, and services a function of a module that returns "
    "them, or 'module:name'"
)


class Task:
    """Runs a test under the fault sets that it is called with.

    Pickled by an executor, it becomes a :class:`RemoteTask` in the other process.

    :param portable: the parts of the test that another process needs.
    :param here: runs the test in this process.
    """

    def __init__(self, portable: Portable, here: Callable[[FaultSet], Observation]) -> None:
        self._here = here
        self._remote = RemoteTask(
            portable.test, portable.services, portable.timeout, uuid4().hex, portable.is_virtual
        )

    def __call__(self, faults: FaultSet) -> Observation:
        """Run the test once."""
        return self._here(faults)

    def __reduce__(self) -> tuple[Any, ...]:
        remote = self._remote
        services = remote.services
        apps = services.values() if isinstance(services, Mapping) else ()
        if any(isinstance(app, Flask) for app in apps):
            raise SetupError(f"services is a mapping of apps, which cannot be sent; {SENDABLE}")
        return RemoteTask, (remote.test, services, remote.timeout, remote.exploration)


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """Runs a test in a process that gets no other data.

    :ivar test: the test.
    :ivar services: where to find the services.
    :ivar timeout: time to wait for the services' threads and calls, in seconds.
    :ivar exploration: unique name of the exploration.
    :ivar is_virtual: whether time is virtual.
    """

    test: Callable[[], object]
    services: Services
    timeout: float
    exploration: str
    is_virtual: bool = True

    def __call__(self, faults: FaultSet) -> Observation:
        """Run the test once.

        :returns: the observation; a failure has no traceback, which cannot be pickled.
        :raises SetupError: the services cannot be created.
        :raises ForeignHostError: the fault-free execution called a host on another machine.
        :raises EndedError: the services tried to exit the process, or it was interrupted.
        """
        try:
            seen = self._run(faults)
        except SystemExit as error:
            code = error.code
            sent = code if code is None or isinstance(code, int | str) else str(code)
            raise EndedError(SystemExit(sent)) from None
        except (KeyboardInterrupt, GeneratorExit) as error:
            raise EndedError(type(error)()) from None
        except ForeignHostError:
            raise  # Commands add advice to it; it can be pickled.
        except FilibusterError as error:
            # Only the text: most exceptions cannot be pickled and unpickled.
            raise SetupError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - the parent may not know its class
            raise SetupError(
                f"cannot create the services in the worker: {error_line(error)}"
            ) from None
        return Observation(seen.trace, _in_words(seen.error), seen.problems, seen.asked)

    def _run(self, faults: FaultSet) -> Observation:
        place = _place(self.exploration)
        verbose = bool(getattr(self.test, "verbose", False))
        services = place.services(self.services)
        with quiet_tracebacks(unless=verbose), surroundings(services) as around:
            session = place.session(self.timeout, is_virtual=self.is_virtual)
            return run_once(self.test, session, faults, around)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task as bytes, unpickled in the worker, where an error becomes part of the result.

    :ivar content: the task, pickled.
    """

    content: bytes

    @classmethod
    def of(cls, task: Task) -> Parcel:
        """Pickle a task.

        :raises SetupError: the test or its services cannot be sent.
        """
        try:
            return cls(pickle.dumps(task))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise SetupError(
                f"the test and its services cannot be sent to other processes ({error}); {SENDABLE}"
            ) from error

    def __call__(self, faults: FaultSet) -> Observation:
        """Unpickle the task, and run the test once."""
        task: RemoteTask = pickle.loads(self.content)  # noqa: S301 - from the parent process
        return task(faults)


class _Place:
    """The services and the session of an exploration in a worker process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: dict[str, Any] | None = None
        self._session: Session | None = None

    def services(self, source: Services) -> dict[str, Any]:
        """The services, created once, as that may take long."""
        with self._lock:
            if self._services is None:
                self._services = services_of(source)
            return self._services

    def session(self, timeout: float, *, is_virtual: bool) -> Session:
        """The observer of the executions."""
        with self._lock:
            if self._session is None:
                self._session = Session(timeout=timeout, describes=True, is_virtual=is_virtual)
            return self._session


@functools.lru_cache(maxsize=4)
def _place(exploration: str) -> _Place:  # noqa: ARG001 - the key of the cache
    """One place for each exploration, kept for the last few explorations."""
    return _Place()


def _in_words(error: BaseException | None) -> TestFailedError | None:
    """A failure for the parent process."""
    if error is None:
        return None
    # The parent's __main__, if it is a script, has this name in a worker process.
    kind = re.sub(r"^__mp_main__\.", "__main__.", signature(error))
    return TestFailedError(error_line(error), kind)
