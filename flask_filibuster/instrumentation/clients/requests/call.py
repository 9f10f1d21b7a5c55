"""One call of requests, for the seam of clients."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

import requests.sessions
from requests import PreparedRequest, RequestException, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.clients.base import (
    PLACE,
    UNSEEN,
    Alteration,
    Answer,
    Client,
    Header,
    Outcome,
    answered,
    digest_of,
    names_place,
)
from flask_filibuster.instrumentation.clients.requests.prepared import PreparedCall
from flask_filibuster.instrumentation.clients.requests.replies import (
    altered,
    content_read,
    digest_of_read,
    drained,
    received,
)
from flask_filibuster.instrumentation.clients.requests.synthesis import synthetic_response

Send = Callable[..., Response]
_UNSEEN = UNSEEN.lower()
# Whose functions run between a session and the call, and leave the answer as it is.
_BETWEEN = ("flask_filibuster", "responses")


class RequestsCall(PreparedCall[Response]):
    """A request on its way through an adapter.

    :param client: the client requests.
    :param adapter: the application's adapter.
    :param request: the request to send.
    :param options: the other arguments of ``BaseAdapter.send``.
    :param by_hand: whether the application has mounted our adapter itself.
    :ivar adapter: the application's adapter.
    """

    __slots__ = ("_by_hand", "_given", "_is_local", "_options", "_send", "adapter")

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
        super().__init__(client, request, options.get("timeout"), given.get("idempotency-key", ""))
        self.adapter = adapter
        self._options = options
        self._by_hand = by_hand
        self._send: Send = adapter.send
        self._is_local = False

    def through(self, send: Send, *, is_local: bool = False) -> None:
        """Set the function that sends the call: one attempt of the adapter, or a local delivery."""
        self._send = send
        self._is_local = is_local

    @property
    def is_local(self) -> bool:
        """Whether a service of this process answers it."""
        return self._is_local

    @property
    def is_seen(self) -> bool:
        """``False`` for a request of the instrumentation itself."""
        return _UNSEEN not in self._given

    def is_on(self, config: Config) -> bool:
        """Whether the app's settings include it; always with an adapter mounted by hand."""
        return self._by_hand or self.client.is_on(config)

    def send(self, headers: Mapping[str, str] | None) -> Response:
        """Send it; the response carries the application's own request, for redirects."""
        request = self.request
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
            return self.request
        sent = _copy(self.request)
        if foreign:
            for name in PLACE.intersection(self._given):
                del sent.headers[name]
        if headers is not None:
            _add(sent.headers, headers)
        return sent

    def answer(self, status: int, reason: str, headers: Sequence[Header], body: bytes) -> Response:
        """The response that the adapter would build."""
        return synthetic_response(
            self.adapter, self.request, status=status, reason=reason, headers=headers, body=body
        )

    @property
    def proxies(self) -> Mapping[str, str] | None:
        """The proxies of the session."""
        return self._options.get("proxies")

    def outcome(self, reply: Response, digest: str | None) -> Outcome:
        """The status."""
        return answered(reply.status_code, digest)

    def digest(self, reply: Response) -> str | None:
        """Digest of the body, if nothing of the application runs before it is read.

        Else nothing is read here: hooks, redirects and adapters may read ``raw`` first, and a
        broken body raises where the application meets it.
        """
        if not self._options.get("stream") and (self._is_local or self._is_read_next(reply)):
            return digest_of(reply.content)
        return digest_of_read(reply)

    def _is_read_next(self, reply: Response) -> bool:
        """Whether ``Session.send`` is about to read the body, right after ``send`` returns."""
        if self.request.hooks.get("response") or reply.is_redirect:
            return False
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect is slower
        while frame is not None and _top_module(frame) in _BETWEEN:
            frame = frame.f_back
        if frame is None:
            return False
        code = frame.f_code
        return code.co_name == "send" and code.co_filename == requests.sessions.__file__

    def content(self, reply: Response) -> bytes | None:
        """The content, on the same conditions as its digest."""
        if not self._options.get("stream") and (self._is_local or self._is_read_next(reply)):
            return reply.content
        return content_read(reply)

    def received(self, reply: Response) -> Answer:
        """The whole answer.

        :raises InjectionError: its body is incomplete, or too long.
        """
        return received(reply, self)

    def discard(self, reply: Response) -> str | None:
        """Read the body to its end, so that the callee completes a streamed answer."""
        return drained(reply)

    def alter_body(self, reply: Response, alter: Alteration) -> Response:
        """The response, with a body that passes through ``alter``.

        :raises InjectionError: it has no body.
        """
        return altered(reply, alter, self)


def _top_module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


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
