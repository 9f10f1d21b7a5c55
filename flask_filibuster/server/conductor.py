"""What a server over HTTP needs of whoever searches: which execution is next, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import FilibusterError
from flask_filibuster.server.embedded import EmbeddedServer


class OutOfTurnError(FilibusterError):
    """A driver asks for something that does not fit how far its exploration is."""


class UnknownExplorationError(FilibusterError):
    """A driver names an exploration that there is none of, or no more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a test execution ended for the driver that ran it.

    :ivar failed: whether the test failed.
    :ivar error: the failure in a line, where the driver tells.
    :ivar signature: equal for executions that failed in the same way.
    :ivar problem: why the execution proves nothing, or ``None``.
    """

    failed: bool
    error: str = ""
    signature: str = ""
    problem: str | None = None


class Conductor(Protocol):
    """Conducts explorations for drivers that ask for one execution after the other.

    Where ``exploration`` is empty, the one of a driver that knows only the protocol is meant.
    """

    @property
    def embedded(self) -> EmbeddedServer:
        """Where what services tell goes to."""

    def begin(self, options: Mapping[str, Any]) -> str:
        """Open an exploration of its own, for a driver of this project.

        :returns: its name.
        """

    def has_next(self, number: int, exploration: str) -> FaultSet | None:
        """The faults of execution ``number`` (from 1), which begins; ``None`` after the last."""

    def complete(self, number: int, exploration: str, verdict: Verdict) -> dict[str, Any]:
        """Execution ``number`` has ended.

        :returns: what was seen, as plain data.
        """

    def remaining(self, exploration: str) -> int:
        """How many executions are known to be still to come."""

    def outcome(self, exploration: str) -> dict[str, Any]:
        """What the exploration found, beyond its executions, as plain data."""

    def end(self, exploration: str) -> None:
        """No further executions of this exploration."""

    def adopt(self, request_id: str, exploration: str) -> bool:
        """Whether a request is now one of the execution under way in this exploration."""

    def terminate(self) -> None:
        """No further executions at all."""

    def use_analysis(self, content: Any) -> None:
        """The fault model of explorations that begin from now on."""

    def describe(self) -> dict[str, Any]:
        """What runs, and how far it is, as plain data."""
