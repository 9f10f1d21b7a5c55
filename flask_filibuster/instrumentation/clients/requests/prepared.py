"""What all calls of requests have in common: a prepared request, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from requests import PreparedRequest

from flask_filibuster.instrumentation.clients.base import Client, Failure, OutgoingCall
from flask_filibuster.instrumentation.clients.requests.bodies import use_up
from flask_filibuster.instrumentation.clients.requests.injection import (
    raise_failure,
    raise_injected,
)
from flask_filibuster.instrumentation.clients.requests.timeouts import timeouts_of

ReplyT = TypeVar("ReplyT")


class PreparedCall(OutgoingCall[ReplyT]):
    """A call with a prepared request.

    :param client: the client requests.
    :param request: the request to send.
    :param timeout: the timeout, as the application gave it.
    :param key: the idempotency key of its headers, or nothing.
    :ivar request: the request to send.
    """

    __slots__ = ("request",)

    def __init__(
        self, client: Client, request: PreparedRequest, timeout: Any, key: str | bytes
    ) -> None:
        super().__init__(
            client,
            request.method or "GET",
            url=request.url or "",
            timeout=timeouts_of(timeout),
            idempotency_key=key.decode("latin-1") if isinstance(key, bytes) else str(key),
        )
        self.request = request

    @property
    def proxies(self) -> Mapping[str, str] | None:
        """The proxies that it would be sent through, by scheme."""
        return None

    @property
    def chain(self) -> object:
        """The hooks of the request, which its copy for the next hop shares."""
        return self.request.hooks

    @property
    def origin(self) -> object:
        """The request, of which each hop has a copy."""
        return self.request

    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        """Raise the exception of requests, with those of urllib3 and of Python below it."""
        raise_injected(kind, self.request, self.timeout, sent=sent)

    def meet(self, failure: Failure, kind: str, *, sent: bool) -> NoReturn:  # noqa: ARG002
        """Raise the exception of requests for a failure of the network."""
        raise_failure(failure, self.request, self.timeout, self.proxies)

    def use_up(self) -> None:
        """Read the request's body to its end."""
        use_up(self.request)
