"""The patches of ``send``, of each class of adapters: the place where a request becomes a call.

No object of requests is wrapped or replaced: an application gets the adapter that it has mounted.
A ``send`` that calls ``super()`` belongs to the application (it sets a timeout, signs, looks into a
cache, retries): faults happen below it. Any other ``send`` is a call itself, and the sends of other
adapters within it are part of that call.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any

import requests
import requests.adapters
import requests.sessions
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

from flask_filibuster.instrumentation.clients.base import (
    Client,
    Patch,
    calls_super,
    frame_of,
    here,
    is_covered,
    perform_for,
    perform_mocked,
    takes_no_part,
)
from flask_filibuster.instrumentation.clients.requests.call import RequestsCall
from flask_filibuster.instrumentation.clients.requests.local import LocalAdapter, local_send
from flask_filibuster.instrumentation.clients.requests.retries import (
    policy_of,
    send_with_retries,
    without_retries,
)
from flask_filibuster.instrumentation.mocking import Mock, Taking

Send = Callable[..., Response]
_OPTIONS = ("stream", "timeout", "verify", "cert", "proxies")


class Anything(Mock):
    """What other code has put in the place of a ``send``: a mock, or an observer."""

    name = "unittest.mock"


ANYTHING = Anything()

by_hand: ContextVar[bool] = ContextVar("flask_filibuster_by_hand", default=False)
"""Whether the running send goes through an adapter of ours that the application has mounted."""

_inside: ContextVar[bool] = ContextVar("flask_filibuster_inside", default=False)
"""Whether the running code is an adapter's own ``send``, which is a call as a whole."""


def session_class() -> Any:
    """The class ``Session`` of requests, which tests and other libraries replace."""
    derived = requests.sessions.SessionRedirectMixin.__subclasses__()
    return next(each for each in derived if each.__module__ == "requests.sessions")


class Sending:
    """The patches of all classes of adapters.

    :param client: the client requests.
    :param by_hand: the class of adapters that hand on to another one.
    :ivar entrances: the code of the replacements.
    """

    def __init__(self, client: Client, by_hand: type[BaseAdapter]) -> None:
        self._client = client
        self._left_out = (by_hand, LocalAdapter)
        wraps: Any = (self._sends, self._sends_itself, self._runs_above, self._replaced)
        self.entrances: tuple[CodeType, ...] = (
            *(wrap(None, None).__code__ for wrap in wraps),
            # Below it runs what replaces ``send``, if it did so before the exploration began.
            RequestsCall.send.__code__,
        )

    def hold(self) -> list[Patch]:
        """Patch each class with a ``send``, and those that are defined or found later."""
        root = Patch.hold(BaseAdapter, "__init_subclass__", self._init_subclass)
        for each in _with_subclasses(BaseAdapter):
            self._hold_send(root, each)
        for each in _with_subclasses(session_class()):
            if "get_adapter" in vars(each):
                root.also(each, "get_adapter", functools.partial(self._get_adapter, root))
        return [root]

    def see(self, adapter: Any) -> None:
        """Patch the ``send`` of an adapter that is about to be used."""
        root = Patch.of(BaseAdapter, "__init_subclass__")
        if root is not None:
            self._see(root, adapter)

    def ask(
        self, mock: Mock, send: Send, adapter: Any, request: PreparedRequest, options: Any
    ) -> Response:
        """Make a call that a mock answers in place of an adapter.

        :param mock: the mock.
        :param send: asks it, as a function like ``HTTPAdapter.send``.
        :param adapter: the application's adapter.
        :param request: the request.
        :param options: the other arguments of ``send``.
        """
        return _Sent(self._client, adapter, request, options, send).make(mock=mock)

    def pass_on(self, send: Send, adapter: Any, request: PreparedRequest, options: Any) -> Response:
        """Make a call that a mock passes on by a function like ``HTTPAdapter.send``."""
        return _Sent(self._client, adapter, request, options, send).make()

    def _see(self, root: Patch, adapter: Any) -> None:
        if isinstance(adapter, self._left_out):
            return
        if "send" in getattr(adapter, "__dict__", {}):
            root.also(adapter, "send", self._replaced)
            return
        for each in type(adapter).__mro__:
            if "send" in vars(each):
                self._hold_send(root, each)
            if each is HTTPAdapter:
                return

    def _hold_send(self, root: Patch, cls: Any) -> None:
        own = vars(cls).get("send")
        if own is None or cls is BaseAdapter or issubclass(cls, self._left_out):
            return
        installed = Patch.on_top(cls, "send")
        if installed is not None and installed.active:
            return
        root.also(cls, "send", self._wrap_for(cls, own))

    def _wrap_for(self, cls: Any, own: Any) -> Callable[[Any, Patch], Any]:
        if Patch.is_ours(own) and Patch.on_top(cls, "send") is None:
            return self._replaced
        genuine: Any = inspect.unwrap(own) if callable(own) else own
        code = getattr(genuine, "__code__", None)
        if cls is HTTPAdapter:
            is_genuine = code is not None and code.co_filename == requests.adapters.__file__
            return self._sends if is_genuine else self._replaced
        if code is None or getattr(genuine, "__qualname__", "") != f"{cls.__qualname__}.send":
            return self._replaced
        return self._runs_above if calls_super(own) else self._sends_itself

    def _init_subclass(self, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def init_subclass(cls: Any, **options: Any) -> None:
            original(cls, **options)
            self._hold_send(patch, cls)

        return init_subclass

    def _get_adapter(
        self, root: Patch, original: Callable[..., Any], patch: Patch
    ) -> Callable[..., Any]:
        def get_adapter(session: Any, *args: Any, **options: Any) -> Any:
            adapter = original(session, *args, **options)
            if not takes_no_part() and patch.active:
                self._see(root, adapter)
            return adapter

        return get_adapter

    def _sends(self, original: Send, patch: Patch) -> Send:
        """For ``HTTPAdapter.send``."""

        def send(adapter: Any, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            if takes_no_part() or not patch.active or _is_inside():
                return original(adapter, request, *args, **options)
            given = _named(args, options)
            return _Sent(self._client, adapter, request, given, original).make()

        return send

    def _sends_itself(self, original: Send, patch: Patch) -> Send:
        """For a ``send`` that does not call ``super()``."""

        def inside(adapter: Any, request: PreparedRequest, **options: Any) -> Response:
            token = _inside.set(True)
            try:
                return original(adapter, request, **options)
            finally:
                _inside.reset(token)

        def send(adapter: Any, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            if takes_no_part() or not patch.active or _is_inside():
                return original(adapter, request, *args, **options)
            given = _named(args, options)
            return _Sent(self._client, adapter, request, given, inside).make()

        return send

    def _runs_above(self, original: Send, _patch: Patch) -> Send:
        """For a ``send`` that calls ``super()``: below it, what called it is no caller."""

        def send(adapter: Any, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            return original(adapter, request, *args, **options)

        return send

    def _replaced(self, original: Send, patch: Patch) -> Send:
        """For what other code has put in the place of a ``send``: a mock, or an observer."""

        def send(adapter: Any, request: PreparedRequest, *args: Any, **options: Any) -> Response:
            if takes_no_part() or not patch.active or _is_inside():
                return original(adapter, request, *args, **options)
            given = _named(args, options)
            return _Sent(self._client, adapter, request, given, original).make(mock=ANYTHING)

        return send


class _Sent:
    """One request on its way through an adapter, or within this process."""

    def __init__(
        self, client: Client, adapter: Any, request: PreparedRequest, options: Any, send: Send
    ) -> None:
        self._adapter = adapter
        self._request = request
        self._send = send
        self._call = RequestsCall(client, adapter, request, options, by_hand=by_hand.get())

    def make(self, *, mock: Mock | None = None) -> Response:
        """Make the call, attempt by attempt.

        :param mock: the mock that the send asks.
        """
        adapter, call, scope = self._adapter, self._call, here()
        frame = frame_of(scope, call)
        local = local_send(adapter, scope.network, call.url) if scope is not None else None
        policy = (
            policy_of(adapter, self._request) if frame is not None or local is not None else None
        )
        single = adapter if policy is None or local is not None else without_retries(adapter)
        if local is not None:
            call.through(local, is_local=True)
        else:
            call.through(functools.partial(self._send, single))
        attempt = functools.partial(perform_for, frame, call)
        if mock is not None and local is None:
            ask = functools.partial(call.send, None)
            resend = None
            if mock is ANYTHING:
                ask, resend = functools.partial(_with_gate, ask), call.send
            attempt = functools.partial(perform_mocked, call, ask, mock=mock, resend=resend)
        response = (
            attempt() if policy is None else send_with_retries(attempt, policy, self._request)
        )
        if local is not None or single is not adapter:
            # Authentication answers a challenge by another send through this connection.
            answered: Any = response
            answered.connection = adapter
        return response


def _with_gate(ask: Callable[[], Response]) -> Response:
    """Ask what may be a mock; what goes on to the network is stopped."""
    gate = Patch.hold(HTTPConnectionPool, "urlopen", _urlopen)
    try:
        return ask()
    finally:
        gate.release()


def _urlopen(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    def urlopen(pool: HTTPConnectionPool, *args: Any, **options: Any) -> Any:
        if patch.active and not is_covered("urllib3"):
            Taking.check()
        return original(pool, *args, **options)

    return urlopen


def _named(args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(_OPTIONS, args, strict=False)), **options} if args else options


def _with_subclasses(cls: Any) -> Iterator[Any]:
    yield cls
    for each in cls.__subclasses__():
        yield from _with_subclasses(each)


def _is_inside() -> bool:
    """Whether this send is part of another adapter's, rather than a call within it."""
    return _inside.get() and not _is_of_session()


def _is_of_session() -> bool:
    code = getattr(inspect.unwrap(session_class().send), "__code__", None)
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - inspect is slower
    while frame is not None:
        if frame.f_code is code:
            return True
        if frame.f_code.co_name == "inside" and frame.f_globals is globals():
            return False
        frame = frame.f_back
    return False
