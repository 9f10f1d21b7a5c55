"""The interface between a server over HTTP and the explorations that it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.server.embedded import EmbeddedServer


class OutOfTurnError(FilibusterError):
    """A driver's request does not match the state of its exploration."""


class UnknownExplorationError(FilibusterError):
    """A driver names an exploration that does not exist, or not any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of an execution, as its driver reports it.

    :ivar failed: whether the test failed.
    :ivar error: the failure in one line, if the driver reports it.
    :ivar signature: equal for executions with the same failure.
    :ivar problem: why the execution proves nothing, or ``None``.
    """

    failed: bool
    error: str = ""
    signature: str = ""
    problem: str | None = None


class Conductor(Protocol):
    """Conducts explorations for drivers that request one execution after the other.

    An empty ``exploration`` means that of a driver that knows only the protocol.
    """

    @property
    def embedded(self) -> EmbeddedServer:
        """The receiver of the reports of services."""

    def begin(self, options: Mapping[str, Any]) -> str:
        """Open a separate exploration, for a driver of this project.

        :returns: its name.
        """

    def has_next(self, number: int, exploration: str) -> FaultSet | None:
        """Begin execution ``number`` (from 1) and return its faults; ``None`` after the last."""

    def complete(self, number: int, exploration: str, verdict: Verdict) -> dict[str, Any]:
        """Execution ``number`` has ended.

        :returns: the observation, as plain data.
        """

    def remaining(self, exploration: str) -> int:
        """Number of known executions to come."""

    def outcome(self, exploration: str) -> dict[str, Any]:
        """The results of the exploration beyond its executions, as plain data."""

    def end(self, exploration: str) -> None:
        """End this exploration: it has no further executions."""

    def adopt(self, request_id: str, exploration: str) -> bool:
        """Assign a request to the execution under way in this exploration, if there is one."""

    def terminate(self) -> None:
        """End all explorations."""

    def use_analysis(self, content: Any) -> None:
        """Set the fault model of explorations that begin from now on."""

    def describe(self) -> dict[str, Any]:
        """The explorations and their progress, as plain data."""
