"""A functional test on its way into another process, and what runs it there."""

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
from flask_filibuster.errors import FilibusterError, SetupError
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

    Where an executor takes it to another process, it arrives there as a :class:`RemoteTask`.

    :param portable: the test, and what other processes need to run it.
    :param here: runs it in this process.
    """

    def __init__(self, portable: Portable, here: Callable[[FaultSet], Observation]) -> None:
        self._here = here
        self._remote = RemoteTask(portable.test, portable.services, portable.timeout, uuid4().hex)

    def __call__(self, faults: FaultSet) -> Observation:
        """Run the test once."""
        return self._here(faults)

    def __reduce__(self) -> tuple[Any, ...]:
        remote = self._remote
        services = remote.services
        apps = services.values() if isinstance(services, Mapping) else ()
        if any(isinstance(app, Flask) for app in apps):
            raise SetupError(
                f"services is a mapping of apps, which stay in their process; {SENDABLE}"
            )
        return RemoteTask, (remote.test, services, remote.timeout, remote.exploration)


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """Runs a test in a process that has nothing but what it was sent.

    :ivar test: the test.
    :ivar services: where the services are to be found.
    :ivar timeout: how long to wait for what the services have under way, in seconds.
    :ivar exploration: a name like no other, of the exploration that this is part of.
    """

    test: Callable[[], object]
    services: Services
    timeout: float
    exploration: str

    def __call__(self, faults: FaultSet) -> Observation:
        """Run the test once.

        :returns: the observation, with a failure in words only: a traceback cannot be sent.
        :raises SetupError: what surrounds the test is not right, whatever that raised.
        :raises EndedError: something wanted to end the process, which is not its own.
        """
        try:
            seen = self._run(faults)
        except SystemExit as error:
            code = error.code
            sent = code if code is None or isinstance(code, int | str) else str(code)
            raise EndedError(SystemExit(sent)) from None
        except (KeyboardInterrupt, GeneratorExit) as error:
            raise EndedError(type(error)()) from None
        except FilibusterError as error:
            # Only the text: most exceptions do not survive being sent to another process.
            raise SetupError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - its kind may not be known over there
            raise SetupError(
                f"the services could not be had where the test was to run: {error_line(error)}"
            ) from None
        return Observation(seen.trace, _in_words(seen.error), seen.problems, seen.asked)

    def _run(self, faults: FaultSet) -> Observation:
        place = _place(self.exploration)
        with surroundings(place.services(self.services)) as around:
            return run_once(self.test, place.session(self.timeout), faults, around)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A task as bytes, so that it is opened where what goes wrong then can be told of.

    :ivar content: the task, pickled.
    """

    content: bytes

    @classmethod
    def of(cls, task: Task) -> Parcel:
        """Make a parcel.

        :raises SetupError: the test or its services cannot be sent.
        """
        try:
            return cls(pickle.dumps(task))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise SetupError(
                f"the test and its services cannot be sent to other processes ({error}); {SENDABLE}"
            ) from error

    def __call__(self, faults: FaultSet) -> Observation:
        """Open it, and run the test once."""
        task: RemoteTask = pickle.loads(self.content)  # noqa: S301 - from the process that asks
        return task(faults)


class _Place:
    """What an exploration has in another process, from its first execution there on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: dict[str, Any] | None = None
        self._session: Session | None = None

    def services(self, source: Services) -> dict[str, Any]:
        """The services, made once: what makes them may take its time."""
        with self._lock:
            if self._services is None:
                self._services = services_of(source)
            return self._services

    def session(self, timeout: float) -> Session:
        """What observes the executions."""
        with self._lock:
            if self._session is None:
                self._session = Session(timeout=timeout)
            return self._session


@functools.lru_cache(maxsize=4)
def _place(exploration: str) -> _Place:  # noqa: ARG001 - it is what they are told apart by
    """The same place for the same exploration, as long as there are not many at once."""
    return _Place()


def _in_words(error: BaseException | None) -> TestFailedError | None:
    """A failure as it is told in the process that asks."""
    if error is None:
        return None
    # So is named here what is __main__ there, where it is a script that explores.
    kind = re.sub(r"^__mp_main__\.", "__main__.", signature(error))
    return TestFailedError(error_line(error), kind)
