"""The calls that an application makes with requests, seen and made to fail."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter

from flask_filibuster.core.call import Call
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.core.url_patterns import url_in_signature
from flask_filibuster.core.urls import host_of
from flask_filibuster.instrumentation import threads
from flask_filibuster.instrumentation.clients.requests.attempt import Attempt, outcome_of
from flask_filibuster.instrumentation.clients.requests.delivery import (
    deliver,
    local_send,
    with_headers,
    without_headers,
)
from flask_filibuster.instrumentation.clients.requests.own_send import Send, with_own_send
from flask_filibuster.instrumentation.clients.requests.retries import (
    policy_of,
    send_with_retries,
    without_retries,
)
from flask_filibuster.instrumentation.clients.requests.timeouts import timeouts_of
from flask_filibuster.instrumentation.frames import Frame, TestFrame, current_scope, here
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.protocol.headers import INSTRUMENTATION, Propagated

logger = logging.getLogger(__name__)


class FilibusterAdapter(BaseAdapter):
    """A transport adapter that lets the calls sent through another one be seen and be failed.

    :func:`instrument_requests` puts one around every adapter in use; to instrument a single
    session, mount one by hand: ``session.mount("http://", FilibusterAdapter())``. Outside a
    request under exploration it only hands through.

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
        # What is asked for while being copied or unpickled is asked of this object alone.
        if name == "inner" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # So that session.get_adapter(url).max_retries = 3 sets those of the adapter that is meant.
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
        """Send a request as the inner adapter does, unless a fault is planned for it.

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
        # Authentication answers a challenge by sending again through what is here.
        challenged: Any = response
        challenged.connection = self
        return response

    def close(self) -> None:
        """Close the inner adapter."""
        self.inner.close()

    def _send(self, request: PreparedRequest, *, below: bool, **options: Any) -> Response:
        """Send by the inner adapter, or within this process.

        :param below: the inner adapter's own ``send`` runs already.
        """
        scope = here()
        inner: Any = self.inner
        local = local_send(inner, scope.network, request.url or "") if scope is not None else None
        frame = scope.frame if scope is not None and self._sees(scope.frame, request) else None
        policy = policy_of(inner) if frame is not None or local is not None else None
        if local is not None:
            send = local
        else:
            single: Any = inner if policy is None else without_retries(inner)
            send = functools.partial(HTTPAdapter.send, single) if below else single.send
        attempt: Callable[[], Response]
        if frame is None:
            unmarked = without_headers(request)
            attempt = functools.partial(deliver, send, request, unmarked, options)
        elif isinstance(frame, TestFrame):
            attempt = functools.partial(_send_for_test, frame, send, request, options)
        else:
            attempt = Attempt(frame, send, inner, request, options)
        return attempt() if policy is None else send_with_retries(attempt, policy, request)

    def _sees(self, frame: Frame | TestFrame | None, request: PreparedRequest) -> bool:
        if INSTRUMENTATION in request.headers:
            return False
        if not isinstance(frame, Frame):
            return True
        config = frame.config
        return (self._by_hand or config.instrument_requests) and not is_excluded(
            request.url or "", config.excluded_hosts
        )


def is_excluded(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether the URL's host is one of these, or below one that begins with a dot."""
    if not hosts:
        return False
    host = host_of(url)
    return any(host == each or (each[0] == "." and host.endswith(each)) for each in hosts)


def _send_for_test(
    frame: TestFrame, send: Send, request: PreparedRequest, options: dict[str, Any]
) -> Response:
    """A request that the test itself makes: never failed, but the root of what it causes."""
    url, method = request.url or "", request.method or "GET"
    called = url_in_signature(url, frame.url_patterns)
    index, position = frame.next_request(f"{method} {called}")
    call = Call(
        index=index,
        source="",
        target=host_of(url),
        method=method,
        url=url,
        timeout=timeouts_of(options["timeout"]),
        position=position,
    )
    request_id = frame.watcher.request(call)
    sent = with_headers(request, Propagated(request_id, index), frame.seal)
    try:
        response = deliver(send, request, sent, options)
    except BaseException as error:
        frame.watcher.request_ended(index, outcome_of(error))
        raise
    frame.watcher.request_ended(index, Outcome(status=response.status_code))
    return response


class Instrumentation:
    """Instrumented requests, until :meth:`release`; also a context manager.

    Several may be held at once, in any order and from any thread; each is released once, further
    releases do nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._patches = [
            Patch.hold(Session, "get_adapter", _get_adapter),
            *threads.hold_patches(),
        ]

    def release(self) -> None:
        """Put requests back as it was, unless somebody else still holds it instrumented."""
        with self._lock:
            patches, self._patches = self._patches, []
        for patch in patches:
            patch.release()

    def __enter__(self) -> Instrumentation:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def instrument_requests() -> Instrumentation:
    """Let every call made with requests in this process be seen and be failed.

    Wraps the adapter that ``Session.get_adapter`` returns, so that old and new sessions, mounted
    adapters and each hop of a redirect are covered, and lets threads that a view starts belong to
    its request. Where nothing is being explored, calls go their way untouched.

    :returns: the hold on it; ``release()`` it, or use it as a context manager.
    """
    return Instrumentation()


def _get_adapter(original: Callable[..., BaseAdapter], patch: Patch) -> Callable[..., BaseAdapter]:
    def get_adapter(self: Session, url: str) -> BaseAdapter:
        adapter = original(self, url)
        if current_scope() is None or not patch.active or isinstance(adapter, FilibusterAdapter):
            return adapter
        return FilibusterAdapter.around(adapter)

    return get_adapter
