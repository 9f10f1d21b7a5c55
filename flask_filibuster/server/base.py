"""The seam between services and search."""

from __future__ import annotations

from typing import Protocol

from flask_filibuster.core.messages import (
    Decision,
    InjectionFailed,
    InvocationCompleted,
    InvocationStarted,
    RequestAnswered,
    RequestReceived,
)


class Server(Protocol):
    """Decides which calls fail, and hears what happened.

    Instrumentation knows no more of a server than this, so that it cannot tell one in its own
    process from one elsewhere. Every message carries the request id, by which a server that runs
    several test executions at once tells them apart. Any method may raise; a caller treats that as
    a lost report, never as an error of the application.
    """

    @property
    def takes_notes(self) -> bool:
        """Whether it hears :meth:`answered` and :meth:`injection_failed`, which the wire lacks."""

    @property
    def wants_digests(self) -> bool:
        """Whether callers are to tell the digests of bodies, as callees have no say."""

    def create(self, message: InvocationStarted) -> Decision:
        """A call is about to be made: number it, and say whether and how it is to fail."""

    def received(self, message: RequestReceived) -> bool:
        """A service received a request: now it is known which service a URL reached.

        :returns: whether the server stands by the request, so that a sleep it asks for is obeyed.
        """

    def completed(self, message: InvocationCompleted) -> None:
        """A call has ended."""

    def answered(self, message: RequestAnswered) -> None:
        """A service has answered, or crashed."""

    def injection_failed(self, message: InjectionFailed) -> None:
        """A fault could not be made real."""

    def fault_injected(self, request_id: str, service: str | None = None) -> bool:
        """Whether the test execution of that request injects a fault (on that service)."""
