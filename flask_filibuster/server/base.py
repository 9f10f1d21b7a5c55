"""The seam between services and search."""

from __future__ import annotations

from typing import Any, Protocol

from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
    RequestAnswered,
    RequestReceived,
)


class Server(Protocol):
    """Decides which calls fail, and receives the reports of services.

    Instrumentation uses only this interface, so an embedded and a remote server are
    interchangeable. Every message carries the request id, by which a server assigns it to one of
    several concurrent executions. Any method may raise; callers treat that as a lost report, never
    as an error of the application.
    """

    @property
    def takes_notes(self) -> bool:
        """Whether it takes :meth:`answered` and :meth:`injection_failed`, absent on the wire."""

    @property
    def wants_digests(self) -> bool:
        """Whether callers report the digests of bodies, because callees cannot."""

    @property
    def wants_shapes(self) -> bool:
        """Whether callers describe the JSON answers that they get, for faults of their parts."""

    def create(self, message: InvocationStarted) -> Decision:
        """A call is about to be made: returns its number, and its fault, if any."""

    def received(self, message: RequestReceived) -> bool:
        """A service received a request: this identifies the service behind a URL.

        :returns: whether the server confirms the request, so that the service obeys its sleep.
        """

    def completed(self, message: InvocationCompleted) -> None:
        """A call has ended."""

    def answered(self, message: RequestAnswered) -> None:
        """A service has answered, or crashed."""

    def injection_failed(self, message: InjectionFailed) -> None:
        """A fault could not be injected."""

    def fault_injected(self, request_id: str, service: str | None = None) -> bool:
        """Whether the execution of that request injects a fault (on that service)."""


class RequestIds(Protocol):
    """The source of the ids of an execution's requests."""

    def new_request_id(self, execution: Any) -> str:
        """An id that leads back to this execution."""

    def under_way(self, request_id: str) -> Any:
        """The execution that an id leads to, if it is under way."""

    def adopt(self, request_id: str, execution: Any) -> None:
        """Assign an id of another origin to this execution."""
