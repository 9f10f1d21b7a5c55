"""The seam of subjects: what can be explored, and what the loop needs to know of it."""

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
    """What a subject has around it, once its services are there.

    :ivar services: apps of this process, by base URL; empty where services run elsewhere.
    :ivar config: the settings of the services, or the defaults.
    :ivar session: observes the executions.
    """

    services: Mapping[str, Any]
    config: Config
    session: Session


@dataclass(frozen=True, slots=True)
class Portable:
    """A subject that other processes can run: what has to be sent to them.

    :ivar test: the test.
    :ivar services: where the other process finds the services.
    :ivar timeout: how long to wait for what the services have under way, in seconds.
    """

    test: Callable[[], object]
    services: Services
    timeout: float


@dataclass(frozen=True, slots=True)
class InThreads:
    """A subject whose executions are processes already, so that threads can wait for several.

    :ivar stop: ends the executions under way, which then raise.
    """

    stop: Callable[[], None]


class Subject(Protocol):
    """What is explored: a function, a request, a command, a pytest item."""

    @property
    def words(self) -> str:
        """What it is called, for people."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What a counterexample must hold, besides the faults, to run it again; plain data."""

    def replay_command(self, path: Path) -> str:
        """What a user types to replay the counterexample in the file at ``path``."""

    def identity(self, *, unique: bool) -> str:
        """What it is called in the journal.

        :param unique: whether an earlier exploration of it has to be found by that name.
        :raises SetupError: it must be unique, and is not.
        """

    def run(self, faults: FaultSet) -> Observation:
        """Run it once.

        :param faults: what is made to fail.
        :returns: what was seen; what the subject itself raises is the observation's ``error``.
        :raises SetupError: it cannot be run any more.
        """

    def kept(self, observation: Observation) -> str:
        """What is kept with its last execution in the journal, besides the observation."""

    def sources(self, *, needed: bool) -> SourcesOf:
        """Which source files stand behind an execution of it.

        :param needed: whether executions are recalled that earlier explorations have made.
        :raises SetupError: it is needed, and cannot be known.
        """

    def beside(self) -> Portable | InThreads:
        """How several executions of it are run at once.

        :raises SetupError: they cannot be; the message says why.
        """


class PreparedSubject(Subject, Protocol):
    """A subject whose services are there before its first execution.

    (Those of a pytest item come from the fixtures of its first execution.)

    :ivar ending: signals that end the process, besides Ctrl-C, and must not leave anything behind.
    """

    @property
    def ending(self) -> tuple[Signals, ...]:
        """See above."""

    def ready(self, settle: float | None = None) -> AbstractContextManager[Setting]:
        """Have its services ready, for the time of the block.

        :param settle: how long to wait after each execution for what is still under way, in
            seconds; ``None``: as configured.
        :raises FilibusterError: they cannot be had.
        """

    def timed(self, faults: FaultSet) -> tuple[float, Observation]:
        """Run it once, and say how long the subject itself took, in seconds."""
