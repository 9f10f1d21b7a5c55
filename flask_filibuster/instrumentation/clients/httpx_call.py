"""One call of httpx, for the seam of clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, cast

import h11
import httpcore

from flask_filibuster.instrumentation.clients.base import (
    PLACE,
    UNSEEN,
    Alteration,
    Answer,
    BytesBody,
    Client,
    Failure,
    Header,
    HttpRequest,
    LocalService,
    Outcome,
    OutgoingCall,
    answered,
    digest_of,
    here,
)
from flask_filibuster.instrumentation.clients.httpx_errors import raise_failure, raise_injected
from flask_filibuster.instrumentation.clients.httpx_replies import (
    RawHeaders,
    content_ahead,
    raw_headers,
    received,
    response_of,
    with_body,
)

_PLACE = frozenset(name.encode() for name in PLACE)
_UNSEEN = UNSEEN.lower().encode()


class HttpxCall(OutgoingCall[httpcore.Response]):
    """A request on its way through a connection pool, below httpx's own conversions.

    :param client: the client httpx.
    :param send: sends a real request.
    :param request: the request to send.
    """

    __slots__ = ("_given", "_local", "_request", "_send")

    def __init__(
        self,
        client: Client,
        send: Callable[[httpcore.Request], httpcore.Response],
        request: httpcore.Request,
    ) -> None:
        timeout = request.extensions.get("timeout") or {}
        self._given = given = {name.lower(): value for name, value in request.headers}
        super().__init__(
            client,
            request.method.decode("latin-1"),
            url=text_of(request.url),
            timeout=(timeout.get("connect"), timeout.get("read")),
            idempotency_key=given.get(b"idempotency-key", b"").decode("latin-1"),
        )
        self._send = send
        self._request = request
        scope = here()
        network = scope.network if scope is not None else None
        self._local = network.service_at(self.url) if network is not None else None

    @property
    def is_seen(self) -> bool:
        """``False`` for a request of the instrumentation itself."""
        return _UNSEEN not in self._given

    @property
    def is_local(self) -> bool:
        """Whether a service of this process answers it."""
        return self._local is not None

    def send(self, headers: Mapping[str, str] | None) -> httpcore.Response:
        """Send it, locally if a service of this process has its URL."""
        request = self._request
        kept = [each for each in request.headers if each[0].lower() not in _PLACE]
        kept += raw_headers((headers or {}).items())
        if self._local is not None:
            return self._send_locally(self._local, kept)
        sent = httpcore.Request(
            request.method,
            request.url,
            headers=kept,
            content=request.stream,
            extensions=request.extensions,
        )
        return self._send(sent)

    def answer(
        self, status: int, reason: str, headers: Sequence[Header], body: bytes
    ) -> httpcore.Response:
        """The response that the pool would return."""
        return response_of(status, reason, headers, BytesBody(body))

    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        """Raise the error of httpcore, which httpx converts, or an error that only httpx has."""
        raise_injected(self, kind, sent=sent)

    def meet(self, failure: Failure, kind: str, *, sent: bool) -> NoReturn:  # noqa: ARG002
        """Raise the error of httpcore for a failure of the network."""
        raise_failure(self, failure)

    @property
    def chain(self) -> object:
        """The timeouts of the request, an object that the request of the next hop shares."""
        return self._request.extensions.get("timeout")

    def use_up(self) -> None:
        """Read the request's body to its end.

        :raises h11.LocalProtocolError: it is not as long as its header says.
        """
        self._check_length(sum(map(len, self._body)))

    def outcome(self, reply: httpcore.Response, digest: str | None) -> Outcome:
        """The status, without a digest: it is unknown whether the caller reads the body."""
        return answered(reply.status, digest)

    def discard(self, reply: httpcore.Response) -> str:
        """Read the body to its end."""
        content = reply.read()
        reply.close()
        return digest_of(content)

    def alter_body(self, reply: httpcore.Response, alter: Alteration) -> httpcore.Response:
        """The response, with a body that passes through ``alter``."""
        return with_body(reply, alter)

    def content(self, reply: httpcore.Response) -> bytes | None:
        """The content, if ``Client.send`` reads it next."""
        return content_ahead(reply)

    def received(self, reply: httpcore.Response) -> Answer:
        """The whole answer."""
        return received(reply, self)

    @property
    def _body(self) -> Iterable[bytes]:
        stream: Any = self._request.stream
        return cast("Iterable[bytes]", stream)

    def _check_length(self, length: int) -> None:
        """Refuse what h11 refuses to send; httpcore does not convert its error."""
        declared = self._given.get(b"content-length", b"")
        if declared.isdigit() and int(declared) != length:
            much = "little" if length < int(declared) else "much"
            raise h11.LocalProtocolError(f"Too {much} data for declared Content-Length")

    def _send_locally(self, service: LocalService, headers: RawHeaders) -> httpcore.Response:
        text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        # A body with a length is complete; only a chunked body comes in pieces.
        body: bytes | Iterable[bytes] = self._body
        if b"transfer-encoding" not in self._given:
            body = b"".join(self._body)
            self._check_length(len(body))
        answer = service.handle(HttpRequest(self.operation, self.url, text, body))
        return response_of(answer.status, answer.reason, answer.headers, answer.body)


def text_of(url: httpcore.URL) -> str:
    """A URL of httpcore as text."""
    host = url.host.decode("ascii")
    if ":" in host:
        host = f"[{host}]"
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme.decode('ascii')}://{host}{port}{url.target.decode('ascii')}"
