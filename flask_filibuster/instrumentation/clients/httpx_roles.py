"""The roles of httpx's functions, classes and objects, for what stands in for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn, cast

import httpx
from httpx._transports.default import map_httpcore_exceptions

from flask_filibuster.instrumentation.clients.base import (
    Alteration,
    AlteredBody,
    Answer,
    Client,
    Failure,
    Header,
    InjectionError,
    Outcome,
    OutgoingCall,
    Role,
)
from flask_filibuster.instrumentation.clients.fakes import answer_of_fake, content_of_fake
from flask_filibuster.instrumentation.clients.functions import function_of
from flask_filibuster.instrumentation.clients.httpx_errors import raise_failure, raise_injected
from flask_filibuster.instrumentation.clients.httpx_replies import stream_of

_VERBS = ("delete", "get", "head", "options", "patch", "post", "put")


def role_of(original: Any, client: Client) -> Role | None:
    """The role of an object of httpx; ``None``: it makes no call that the client sees.

    :param original: what something else stands in for.
    :param client: the client httpx.
    """
    if isinstance(original, ModuleType):
        return _Module(client) if sys.modules.get("httpx") is original else None
    if isinstance(original, _ASYNC) or original is _ASYNC:
        return _Unseen()
    if isinstance(original, type):
        return _Session(client, is_class=True) if issubclass(original, _CLIENT) else None
    if isinstance(original, _CLIENT):
        return _Session(client)
    function = function_of(original)
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if module in ("httpx", "httpx._api"):
        return _Function(client, name) if name in (*_VERBS, "request") else None
    owner, _, method = str(name).partition(".")
    if module == "httpx._client" and owner == "Client":
        return _Session(client).attribute(method)
    if module == "httpx._transports.default" and name == "HTTPTransport.handle_request":
        return _Send(client)
    if module == "httpx._client" and owner == "AsyncClient":
        return _Unseen() if _Session(client).attribute(method) is not None else None
    return None


def parts_of(client: Client) -> Iterator[tuple[Any, str, Role]]:
    """The public functions, classes and methods that make calls: owner, name and role."""
    for name in (*_VERBS, "request"):
        for owner in (httpx, _CLIENT):
            yield owner, name, _Function(client, name)
    yield _CLIENT, "send", _Send(client)
    yield httpx.HTTPTransport, "handle_request", _Send(client)
    yield httpx, "Client", _Session(client, is_class=True)


# It may be replaced by the time that a role is asked for.
_CLIENT: Any = httpx.Client
_ASYNC: Any = httpx.AsyncClient


class _Unseen(Role):
    strange = "calls of asynchronous clients are not seen"


class _Module(Role):
    """The module ``httpx``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def attribute(self, name: str) -> Role | None:
        original = getattr(httpx, name, None)
        return None if original is None else role_of(original, self._client)

    def constants(self) -> Mapping[str, Any]:
        return {
            name: value
            for name, value in vars(httpx).items()
            if isinstance(value, type) and issubclass(value, Exception)
        }


class _Session(Role):
    """A client of httpx, or its class."""

    def __init__(self, client: Client, *, is_class: bool = False) -> None:
        self._client = client
        self._is_class = is_class

    def attribute(self, name: str) -> Role | None:
        if name in _VERBS or name == "request":
            return _Function(self._client, name)
        return _Send(self._client) if name == "send" else None

    def result(self) -> Role | None:
        return _Session(self._client) if self._is_class else None


class _Function(Role):
    """``httpx.get``, ``Client.request``, and the like."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> OutgoingCall[Any] | None:
        given = [each for each in args[:1] if not isinstance(each, _CLIENT)] + list(args[1:])
        named = dict(options)
        method = self._name
        if method == "request":
            method = given.pop(0) if given else named.pop("method", "")
        url = given.pop(0) if given else named.pop("url", "")
        if not (url and isinstance(url, str | httpx.URL) and isinstance(method, str)):
            return None
        return StandInCall(
            self._client, _built(method.upper(), url, named), named.get("timeout", _DEFAULT)
        )


class _Send(Role):
    """``Client.send``, and the method by which a transport handles a request."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> OutgoingCall[Any] | None:
        given = [*args, options.get("request")]
        request = next((each for each in given if isinstance(each, httpx.Request)), None)
        if request is None:
            return None
        return StandInCall(self._client, request, request.extensions.get("timeout"))


class StandInCall(OutgoingCall[Any]):
    """A call that something in the place of a function of httpx answers, with any object.

    :param client: the client httpx.
    :param request: the request that would have been sent.
    :param timeout: the timeout, as the application gave it.
    """

    __slots__ = ("_request",)

    def __init__(self, client: Client, request: httpx.Request, timeout: Any) -> None:
        super().__init__(
            client,
            request.method,
            url=str(request.url),
            timeout=_timeouts(timeout),
            idempotency_key=request.headers.get("Idempotency-Key", ""),
        )
        self._request = request

    def send(self, headers: Mapping[str, str] | None) -> NoReturn:  # noqa: ARG002
        """The stand-in is asked instead."""
        raise InjectionError(self.words, "only the mock in its place can answer")

    def answer(
        self, status: int, reason: str, headers: Sequence[Header], body: bytes
    ) -> httpx.Response:
        """A real response, which is read."""
        return httpx.Response(
            status,
            headers=list(headers),
            content=body,
            request=self._request,
            extensions={"reason_phrase": reason.encode("latin-1")},
        )

    def fail(self, kind: str, *, sent: bool) -> NoReturn:
        """Raise the exception of httpx, with those of httpcore and of Python below it."""
        try:
            with map_httpcore_exceptions():
                raise_injected(self, kind, sent=sent)
        except httpx.RequestError as error:
            error.request = self._request
            raise

    def meet(self, failure: Failure, kind: str, *, sent: bool) -> NoReturn:  # noqa: ARG002
        """Raise the exception of httpx for a failure of the network."""
        try:
            with map_httpcore_exceptions():
                raise_failure(self, failure)
        except httpx.RequestError as error:
            error.request = self._request
            raise

    def use_up(self) -> None:
        """Read the request's body to its end."""
        for _ in cast("httpx.SyncByteStream", self._request.stream):
            pass

    def content(self, reply: Any) -> bytes | None:
        """The content, as far as it is known without reading it."""
        return content_of_fake(reply)

    def received(self, reply: Any) -> Answer:
        """The whole answer.

        :raises InjectionError: it has no status, or no content.
        """
        if isinstance(reply, httpx.Response):
            reply.read()
        return answer_of_fake(reply, self)

    def alter_body(self, reply: Any, alter: Alteration) -> httpx.Response:
        """A real response, whose altered body is read.

        :raises InjectionError: it has no status, or no content.
        """
        real = self.received(reply)
        headers = [*real.headers, ("Content-Length", str(len(real.body)))]
        body = AlteredBody(iter([real.body]), alter, lambda: None, len(real.body))
        try:
            with map_httpcore_exceptions():
                pieces = [*stream_of(body, len(real.body))]
        except httpx.RequestError as error:
            error.request = self._request
            raise
        return self.answer(real.status, real.reason, headers, b"".join(pieces))

    def outcome(self, reply: Any, digest: str | None) -> Outcome:
        """The status, if the reply has one; otherwise, the call is ok."""
        status = getattr(reply, "status_code", None)
        return Outcome(status=status if type(status) is int else None, digest=digest)


_DEFAULT = httpx.Timeout(5.0)
"""The timeout of a call that names none."""


def _timeouts(timeout: Any) -> tuple[float | None, float | None]:
    if isinstance(timeout, Mapping):
        return timeout.get("connect"), timeout.get("read")
    try:
        given = httpx.Timeout(timeout)
    except (TypeError, ValueError):
        given = _DEFAULT  # A mock takes anything.
    return given.connect, given.read


def _built(method: str, url: str | httpx.URL, options: Mapping[str, Any]) -> httpx.Request:
    """The request that a client would send; only its head, if the rest is odd."""
    named = {name: options.get(name) for name in ("headers", "params", "data", "json")}
    try:
        return httpx.Request(method, url, **named)
    except (httpx.InvalidURL, ValueError, TypeError, AttributeError):
        return httpx.Request(method, url)
