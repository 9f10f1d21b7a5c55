"""The client requests: explores the calls that an application makes with requests."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, ClassVar

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster.config import Config
from flask_filibuster.instrumentation.clients.base import (
    Client,
    Patch,
    current_scope,
    frame_of,
    here,
    perform_for,
)
from flask_filibuster.instrumentation.clients.requests.call import RequestsCall
from flask_filibuster.instrumentation.clients.requests.local import local_send
from flask_filibuster.instrumentation.clients.requests.own_send import with_own_send
from flask_filibuster.instrumentation.clients.requests.retries import (
    policy_of,
    send_with_retries,
    without_retries,
)
from flask_filibuster.instrumentation.holding import Instrumentation


class FilibusterAdapter(BaseAdapter):
    """A transport adapter that explores the calls sent through another one.

    :func:`instrument_requests` wraps every adapter in use; to instrument a single session, mount
    one by hand: ``session.mount("http://", FilibusterAdapter())``. Outside an explored request it
    only calls the inner adapter.

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
        self._by_hand = True

    @classmethod
    def around(cls, adapter: BaseAdapter) -> FilibusterAdapter:
        """The one that :func:`instrument_requests` puts around an adapter for a single call."""
        wrapper = cls(adapter)
        wrapper._by_hand = False
        return wrapper

    def __getattr__(self, name: str) -> Any:
        # Look-ups during copying and unpickling must not reach the inner adapter.
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # So that session.get_adapter(url).max_retries = 3 changes the inner adapter.
        if name in ("inner", "_by_hand"):
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
        own = with_own_send(self.inner, functools.partial(self._send, below=True))
        if own is not None:
            response = own.send(request, **options)
        else:
            response = self._send(request, below=False, **options)
        # Authentication answers a challenge by another send through this connection.
        challenged: Any = response
        challenged.connection = self
        return response

    def close(self) -> None:
        """Close the inner adapter."""
        self.inner.close()

    def _send(self, request: PreparedRequest, *, below: bool, **options: Any) -> Response:
        """Send by the inner adapter, or within this process.

        :param below: whether the inner adapter's own ``send`` runs already.
        """
        scope = here()
        inner: Any = self.inner
        call = RequestsCall(_CLIENT, inner, request, options, by_hand=self._by_hand)
        frame = frame_of(scope, call)
        local = local_send(inner, scope.network, call.url) if scope is not None else None
        policy = policy_of(inner) if frame is not None or local is not None else None
        if local is not None:
            call.through(local)
        else:
            single: Any = inner if policy is None else without_retries(inner)
            send = functools.partial(HTTPAdapter.send, single) if below else single.send
            call.through(send)
        attempt = functools.partial(perform_for, frame, call)
        return attempt() if policy is None else send_with_retries(attempt, policy, request)


class Requests(Client):
    """The library requests."""

    name = "requests"
    built_on = frozenset({"urllib3"})
    errors = (RequestException,)
    # The send of an application's own adapter runs above it, as part of the implementation.
    entrances: ClassVar[tuple[CodeType, ...]] = (FilibusterAdapter.send.__code__,)

    def hold(self) -> Sequence[Patch]:
        """Wrap the adapter that ``Session.get_adapter`` returns.

        This covers old and new sessions, mounted adapters and each hop of a redirect.
        """
        return [Patch.hold(Session, "get_adapter", _get_adapter)]

    def is_on(self, config: Config) -> bool:
        """Whether the app's settings include calls of requests."""
        return config.instrument_requests


_CLIENT = Requests()


def instrument_requests() -> Instrumentation:
    """Instrument the calls of requests in this process, so that they can fail.

    It wraps the adapter that ``Session.get_adapter`` returns, which covers old and new sessions,
    mounted adapters and each hop of a redirect. Threads that a view starts belong to its request.
    Outside an exploration, calls are unchanged.

    >>> with instrument_requests():
    ...     pass  # Calls are seen here during an exploration.

    :returns: the hold on the instrumentation; ``release()`` it, or use it as a context manager.
    """
    return Instrumentation(_CLIENT.hold())


def _get_adapter(original: Callable[..., BaseAdapter], patch: Patch) -> Callable[..., BaseAdapter]:
    def get_adapter(self: Session, url: str) -> BaseAdapter:
        adapter = original(self, url)
        if current_scope() is None or not patch.active or isinstance(adapter, FilibusterAdapter):
            return adapter
        return FilibusterAdapter.around(adapter)

    return get_adapter
