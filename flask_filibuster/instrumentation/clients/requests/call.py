"""One call of requests, for the seam of clients."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from requests import PreparedRequest, RequestException, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.clients.base import (
    PLACE,
    UNSEEN,
    Alteration,
    AlteredBody,
    BytesBody,
    Client,
    Header,
    InjectionError,
    Outcome,
    OutgoingCall,
    names_place,
)
from flask_filibuster.instrumentation.clients.requests.injection import raise_injected
from flask_filibuster.instrumentation.clients.requests.synthesis import (
    build_response,
    raw_response,
    with_body,
)
from flask_filibuster.instrumentation.clients.requests.timeouts import timeouts_of

Send = Callable[..., Response]
_UNSEEN = UNSEEN.lower()


class RequestsCall(OutgoingCall[Response]):
    """A request on its way through an adapter.

    :param client: the client requests.
    :param adapter: the application's adapter.
    :param request: the request to send.
    :param options: the other arguments of ``BaseAdapter.send``.
    :param by_hand: whether the application has mounted our adapter itself.
    """

    __slots__ = ("_adapter", "_by_hand", "_given", "_options", "_request", "_send")

    def __init__(
        self,
        client: Client,
        adapter: BaseAdapter,
        request: PreparedRequest,
        options: dict[str, Any],
        *,
        by_hand: bool,
    ) -> None:
        # Read once: a look-up by name takes as long.
        self._given = given = dict(request.headers.lower_items())
        super().__init__(
            client,
            request.method or "GET",
            url=request.url or "",
            timeout=timeouts_of(options["timeout"]),
            idempotency_key=_text(given.get("idempotency-key", "")),
        )
        self._adapter = adapter
        self._request = request
        self._options = options
        self._by_hand = by_hand
        self._send: Send = adapter.send

    def through(self, send: Send) -> None:
        """Set the function that sends the call: one attempt of the adapter, or a local delivery."""
        self._send = send

    @property
    def is_seen(self) -> bool:
        """``False`` for a request of the instrumentation itself."""
        return _UNSEEN not in self._given

    def is_on(self, config: Config) -> bool:
        """Whether the app's settings include it; always with an adapter mounted by hand."""
        return self._by_hand or self.client.is_on(config)

    def send(self, headers: Mapping[str, str] | None) -> Response:
        """Send it; the response carries the application's own request, for redirects."""
        request = self._request
        sent = self._with_place(headers)
        try:
            response = self._send(sent, **self._options)
        except RequestException as error:
            if error.request is sent:
                error.request = request
            raise
        if response.request is sent:
            response.request = request
        return response

    def _with_place(self, headers: Mapping[str, str] | None) -> PreparedRequest:
        """The request with these headers instead of its caller's, which a gateway forwards."""
        foreign = names_place(self._given)
        if headers is None and not foreign:
            return self._request
        sent = _copy(self._request)
        if foreign:
            for name in PLACE.intersection(self._given):
                del sent.headers[name]
        if headers is not None:
            _add(sent.headers, headers)
        return sent

    def answer(self, status: int, reason: str, headers: Sequence[Header], body: bytes) -> Response:
        """The response that the adapter would build."""
        raw = raw_response(
            status=status,
            reason=reason,
            headers=headers,
            body=BytesBody(body),
            method=self.operation,
        )
        return build_response(self._adapter, self._request, raw)

    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        """Raise the exception of requests, with those of urllib3 and of Python below it."""
        raise_injected(kind, self._request, self.timeout, sent=sent)

    def outcome(self, reply: Response, digest: str | None) -> Outcome:
        """The status."""
        return Outcome(status=reply.status_code, digest=digest)

    def digest(self, reply: Response) -> str | None:
        """Digest of the body, which the caller reads next; ``None`` for a streamed one."""
        if self._options["stream"]:
            return None
        return hashlib.md5(reply.content, usedforsecurity=False).hexdigest()

    def discard(self, reply: Response) -> str | None:
        """Read the body to its end, so that the callee completes a streamed answer."""
        digest = hashlib.md5(usedforsecurity=False)
        for piece in reply.iter_content(65_536):
            digest.update(piece)
        reply.close()
        return digest.hexdigest()

    def alter_body(self, reply: Response, alter: Alteration) -> Response:
        """The response, with a body that passes through ``alter``.

        :raises InjectionError: it has no body.
        """
        raw = reply.raw
        if getattr(raw, "length_remaining", None) == 0:
            reply.close()
            raise InjectionError(self.words, "the answer has no body")
        body = AlteredBody(raw.stream(65_536, decode_content=False), alter, raw.close)
        reply.raw = with_body(raw, body, self.operation)
        return reply


def _copy(request: PreparedRequest) -> PreparedRequest:
    # Equivalent to copy.copy, in a quarter of the time.
    copied: PreparedRequest = object.__new__(type(request))
    copied.__dict__.update(request.__dict__)
    copied.headers = _copy_of_headers(request.headers)
    return copied


def _copy_of_headers(headers: Any) -> Any:
    # Its own copy() converts each name to lower case again.
    stored = _stored(headers)
    if stored is None:
        return headers.copy()
    copied: Any = object.__new__(CaseInsensitiveDict)
    copied._store = stored.copy()  # noqa: SLF001 - hence the check for None
    return copied


def _add(headers: Any, more: Mapping[str, str]) -> None:
    # Its own update() asks what kind of mapping it gets, and takes one name after the other.
    stored = _stored(headers)
    if stored is None:
        headers.update(more)
    else:
        stored.update({name.lower(): (name, value) for name, value in more.items()})


def _stored(headers: Any) -> Any:
    """The dict inside headers: names and values by name in lower case; ``None`` if unknown."""
    return getattr(headers, "_store", None) if type(headers) is CaseInsensitiveDict else None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
