"""The client requests: explores the calls that an application makes with requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.clients.base import Client, Patch, Role, current_scope
from flask_filibuster.instrumentation.clients.requests.roles import parts_of, role_of
from flask_filibuster.instrumentation.clients.requests.sending import Sending, by_hand
from flask_filibuster.instrumentation.holding import Instrumentation


class FilibusterAdapter(BaseAdapter):
    """A transport adapter that explores the calls sent through another one.

    :func:`instrument_requests` covers every adapter. To instrument a single session only, mount one
    by hand: ``session.mount("http://", FilibusterAdapter())``. Outside an explored request it only
    calls the inner adapter.

    >>> import requests
    >>> session = requests.Session()
    >>> session.mount("http://", FilibusterAdapter())

    :param inner: the adapter that really sends; by default a new ``HTTPAdapter``.
    """

    def __init__(self, inner: BaseAdapter | None = None) -> None:
        super().__init__()
        while isinstance(inner, FilibusterAdapter):  # One is enough.
            inner = inner.inner
        self.inner: BaseAdapter = HTTPAdapter() if inner is None else inner

    def __getattr__(self, name: str) -> Any:
        # Look-ups during copying and unpickling must not reach the inner adapter.
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # So that session.get_adapter(url).max_retries = 3 changes the inner adapter.
        if name == "inner":
            super().__setattr__(name, value)
        else:
            setattr(self.inner, name, value)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request as the inner adapter does, or inject the fault planned for it.

        Arguments, result and exceptions are those of ``requests.adapters.BaseAdapter.send``.
        """
        options: dict[str, Any] = {
            "stream": stream,
            "timeout": timeout,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
        }
        if current_scope() is None:
            return self.inner.send(request, **options)
        CLIENT.sending.see(self.inner)
        token = by_hand.set(True)
        try:
            response = self.inner.send(request, **options)
        finally:
            by_hand.reset(token)
        # Authentication answers a challenge by another send through this connection.
        challenged: Any = response
        challenged.connection = self
        return response

    def close(self) -> None:
        """Close the inner adapter."""
        self.inner.close()


class Requests(Client):
    """The library requests."""

    name = "requests"
    built_on = frozenset({"urllib3"})
    errors = (RequestException,)

    def __init__(self) -> None:
        self.sending = Sending(self, FilibusterAdapter)
        # The send of an application's own adapter runs above it, as part of the implementation.
        self.entrances = (FilibusterAdapter.send.__code__, *self.sending.entrances)

    def hold(self) -> Sequence[Patch]:
        """Patch the ``send`` of each class of adapters.

        This covers old and new sessions, adapters used without one, and each hop of a redirect.
        """
        return self.sending.hold()

    def role_of(self, original: Any) -> Role | None:
        """The role of a function, class, module or object of requests."""
        return role_of(original, self)

    def parts(self) -> Iterable[tuple[Any, str, Role]]:
        """The functions and classes of requests, and the methods of sessions."""
        return parts_of(self)

    def is_on(self, config: Config) -> bool:
        """Whether the app's settings include calls of requests."""
        return config.instrument_requests


CLIENT = Requests()


def instrument_requests() -> Instrumentation:
    """Instrument the calls of requests in this process, so that they can fail.

    It patches the ``send`` of each class of adapters, which covers old and new sessions, mounted
    adapters and each hop of a redirect. Threads that a view starts belong to its request.
    Outside an exploration, calls are unchanged.

    >>> with instrument_requests():
    ...     pass  # Calls are seen here during an exploration.

    :returns: the hold on the instrumentation; ``release()`` it, or use it as a context manager.
    """
    return Instrumentation(CLIENT.hold())
