"""The seam of subjects: the interface between the loop and the subject that it explores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any, Protocol

from flask_filibuster.config import Config
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.session import Session
from flask_filibuster.journal.recorder import SourcesOf
from flask_filibuster.options.table import Services
from flask_filibuster.results.execution import Observation


@dataclass(frozen=True, slots=True)
class Setting:
    """The surroundings of a subject whose services are ready.

    :ivar services: apps of this process, by base URL; empty if services run in other processes.
    :ivar config: the settings of the services, or the defaults.
    :ivar session: observes the executions.
    """

    services: Mapping[str, Any]
    config: Config
    session: Session


@dataclass(frozen=True, slots=True)
class Portable:
    """The parts of a subject that another process needs to run it.

    :ivar test: the test.
    :ivar services: where the other process finds the services.
    :ivar timeout: time to wait for the services' threads and calls, in seconds.
    :ivar is_virtual: whether time is virtual.
    """

    test: Callable[[], object]
    services: Services
    timeout: float
    is_virtual: bool = True


@dataclass(frozen=True, slots=True)
class InThreads:
    """A subject whose executions are processes already, so threads suffice to run several.

    :ivar stop: ends the executions under way, which then raise.
    """

    stop: Callable[[], None]


class Subject(Protocol):
    """The subject of an exploration: a function, a request, a command, a pytest item."""

    @property
    def words(self) -> str:
        """Its name, for users."""

    @property
    def details(self) -> Mapping[str, Any]:
        """The data, besides the faults, that a counterexample needs for a replay; plain data."""

    def replay_command(self, path: Path) -> str:
        """The command that replays the counterexample in the file at ``path``."""

    def identity(self, *, unique: bool) -> str:
        """Its name in the journal.

        :param unique: whether the name must find an earlier exploration of the subject.
        :raises SetupError: the name must be unique, but is not.
        """

    def run(self, faults: FaultSet) -> Observation:
        """Run it once.

        :param faults: the faults to inject.
        :returns: the observation; its ``error`` is the exception that the subject raised.
        :raises SetupError: it cannot run any more.
        """

    def kept(self, observation: Observation) -> str:
        """The text to store with its last execution in the journal."""

    def sources(self, *, needed: bool) -> SourcesOf:
        """A function that returns the source files of an execution.

        :param needed: whether the exploration recalls executions of earlier ones.
        :raises SetupError: the source files are needed, but unknown.
        """

    def beside(self) -> Portable | InThreads:
        """How to run several executions in parallel.

        :raises SetupError: it does not support that; the message says why.
        """


class PreparedSubject(Subject, Protocol):
    """A subject whose services are ready before its first execution.

    (Those of a pytest item come from the fixtures of its first execution.)

    :ivar ending: signals, besides Ctrl-C, that end the process and its children.
    """

    @property
    def ending(self) -> tuple[Signals, ...]:
        """See above."""

    def ready(self, settle: float | None = None) -> AbstractContextManager[Setting]:
        """Make its services ready while the block runs.

        :param settle: time to wait after each execution for threads and calls, in seconds;
            ``None``: as configured.
        :raises FilibusterError: the services cannot be loaded or started.
        """

    def timed(self, faults: FaultSet) -> tuple[float, Observation]:
        """Run it once, and return the duration of the subject itself, in seconds."""
