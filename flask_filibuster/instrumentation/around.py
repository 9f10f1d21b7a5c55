"""What surrounds the running code of an exploration: the watcher of the test, and the network."""

from __future__ import annotations

from typing import Protocol

from flask_filibuster.core.call import Call
from flask_filibuster.core.clocks.clock import Clock
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.instrumentation.http import HttpAnswer, HttpRequest


class Watcher(Protocol):
    """Records the requests of a test under exploration, and the threads that they start."""

    @property
    def clock(self) -> Clock:
        """The clock of the execution."""

    def request(self, invocation: Call, *, told_by_callee: bool = False) -> str:
        """Record a request that the test is about to make, and return its id."""

    def request_ended(self, index: ExecutionIndex, outcome: Outcome) -> None:
        """Record the answer or the exception that the test got."""

    def awaits(self, request_id: str, index: ExecutionIndex) -> bool:
        """Whether this is a call of the execution, under way to its callee.

        Whoever hands on the headers of a request sends a copy, which is none.
        """

    def problem(self, index: ExecutionIndex, reason: str) -> None:
        """Record why the execution is not the planned one."""

    def fault_injected(self, service: str | None = None) -> bool:
        """Whether the execution injects a fault (on that service)."""

    def strand_started(self, name: str) -> None:
        """Record the start of a thread or task of the application."""

    def strand_ended(self, name: str) -> None:
        """Record the end of that thread or task."""


class LocalService(Protocol):
    """A service of this process."""

    @property
    def app(self) -> object:
        """The app, which may be a Flask app."""

    def handle(self, request: HttpRequest) -> HttpAnswer:
        """Answer a request; the service produces the body while it is read.

        :raises UnfinishedRequest: the service waits for the rest of the request's body.
        :raises Exception: the exception of the caller's own code that produces the request's body.
        """


class Network(Protocol):
    """The services reachable in this process without a socket."""

    def service_at(self, url: str) -> LocalService | None:
        """The service at this URL, or ``None`` for a URL of the real network."""
