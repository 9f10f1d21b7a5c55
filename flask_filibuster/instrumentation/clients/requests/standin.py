"""A call of requests that a mock answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from flask_filibuster.instrumentation.clients.base import (
    Alteration,
    Answer,
    Client,
    Header,
    InjectionError,
    Outcome,
)
from flask_filibuster.instrumentation.clients.fakes import answer_of_fake, content_of_fake
from flask_filibuster.instrumentation.clients.requests.prepared import PreparedCall
from flask_filibuster.instrumentation.clients.requests.replies import (
    altered,
    content_read,
    digest_of_read,
    drained,
    received,
)
from flask_filibuster.instrumentation.clients.requests.synthesis import synthetic_response


class StandInCall(PreparedCall[Any]):
    """A call that a mock in the place of a function of requests answers, with any object.

    :param client: the client requests.
    :param request: the request that would have been sent.
    :param timeout: the timeout, as the application gave it.
    :param stream: whether the application reads the body of the answer by itself.
    :ivar is_followed: whether a session follows its redirects.
    """

    __slots__ = ("_stream", "is_followed")

    def __init__(
        self, client: Client, request: PreparedRequest, timeout: Any, *, stream: bool
    ) -> None:
        key = request.headers.get("Idempotency-Key", "")
        super().__init__(client, request, timeout, key)
        self._stream = stream
        self.is_followed = False

    def send(self, headers: Mapping[str, str] | None) -> NoReturn:  # noqa: ARG002
        """The mock is asked instead."""
        raise InjectionError(self.words, "only the mock in its place can answer")

    def answer(self, status: int, reason: str, headers: Sequence[Header], body: bytes) -> Response:
        """A real response.

        :raises InjectionError: it leads elsewhere, and only requests itself would follow.
        """
        if not self.is_followed and any(name.lower() == "location" for name, _ in headers):
            raise InjectionError(self.words, "a mock in its place follows no redirect")
        response = synthetic_response(
            HTTPAdapter(), self.request, status=status, reason=reason, headers=headers, body=body
        )
        return response if self._stream else _read(response)

    def outcome(self, reply: Any, digest: str | None) -> Outcome:
        """The status, if the mock's reply has one; otherwise, the call is ok."""
        status = getattr(reply, "status_code", None)
        return Outcome(status=status if type(status) is int else None, digest=digest)

    def digest(self, reply: Any) -> str | None:
        """Digest of the content of a real response that is read already."""
        return digest_of_read(reply) if isinstance(reply, Response) else None

    def content(self, reply: Any) -> bytes | None:
        """The content, as far as it is known without reading it."""
        return content_read(reply) if isinstance(reply, Response) else content_of_fake(reply)

    def received(self, reply: Any) -> Answer:
        """The whole answer.

        :raises InjectionError: it has no status, or no content.
        """
        if not isinstance(reply, Response):
            return answer_of_fake(reply, self)
        return received(reply, self)

    def discard(self, reply: Any) -> str | None:
        """Read a real response to its end."""
        return drained(reply) if isinstance(reply, Response) else None

    def alter_body(self, reply: Any, alter: Alteration) -> Any:
        """A real response, with a body that passes through ``alter``.

        :raises InjectionError: it has no status, or no content.
        """
        if not isinstance(reply, Response):
            fake = answer_of_fake(reply, self)
            length = ("Content-Length", str(len(fake.body)))
            reply = synthetic_response(
                HTTPAdapter(),
                self.request,
                status=fake.status,
                reason=fake.reason,
                headers=[*fake.headers, length],
                body=fake.body,
            )
        response = altered(reply, alter, self)
        return response if self._stream else _read(response)


def _read(response: Response) -> Response:
    """The response with its content read, as a session does without ``stream=True``."""
    _ = response.content
    return response
