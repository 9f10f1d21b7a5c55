"""The roles of requests' functions, classes and objects, for mocks that stand in for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import requests
import requests.adapters
import requests.api
import requests.sessions
from requests import PreparedRequest, Request
from requests.adapters import BaseAdapter

from flask_filibuster.instrumentation.clients.base import Client, OutgoingCall, Role
from flask_filibuster.instrumentation.clients.functions import function_of
from flask_filibuster.instrumentation.clients.requests.sending import session_class
from flask_filibuster.instrumentation.clients.requests.standin import StandInCall

_VERBS = ("delete", "get", "head", "options", "patch", "post", "put")
_PARTS = ("api", "sessions", "adapters", "exceptions")
_MODULES = ("requests", *(f"requests.{name}" for name in _PARTS))


def role_of(original: Any, client: Client) -> Role | None:
    """The role of an object of requests; ``None``: it makes no call.

    :param original: what a mock stands in for.
    :param client: the client requests.
    """
    if isinstance(original, ModuleType):
        name = original.__name__
        is_own = name in _MODULES and sys.modules.get(name) is original
        return _Module(client, original) if is_own else None
    if isinstance(original, type):
        return _of_class(original, client)
    if isinstance(original, session_class()):
        return _Session(client)
    if isinstance(original, BaseAdapter):
        return _Adapter(client)
    return _of_function(original, client)


def parts_of(client: Client) -> Iterator[tuple[Any, str, Role]]:
    """The public functions, classes and methods that make calls: owner, name and role."""
    for name in (*_VERBS, "request"):
        for owner in (requests, requests.api, session_class()):
            yield owner, name, _Function(client, name)
    yield session_class(), "send", _Send(client)
    for owner in (requests, requests.sessions):
        for name in ("Session", "session"):
            yield owner, name, _Session(client, is_class=True)


def _of_class(original: type, client: Client) -> Role | None:
    for base in original.__mro__:
        if (base.__module__, base.__name__) == ("requests.sessions", "Session"):
            return _Session(client, is_class=True)
        if base is BaseAdapter:
            return _Adapter(client, is_class=True)
    return None


def _of_function(original: Any, client: Client) -> Role | None:
    function = function_of(original)
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if module == "requests.api" and (name in _VERBS or name == "request"):
        return _Function(client, name)
    owner, _, method = str(name).partition(".")
    if module == "requests.sessions":
        if name == "session":
            return _Session(client, is_class=True)
        return _Session(client).attribute(method) if owner == "Session" else None
    if module == "requests.adapters" and owner in ("HTTPAdapter", "BaseAdapter"):
        return _Adapter(client).attribute(method)
    return None


class _Module(Role):
    """The module ``requests``, or one of its parts."""

    def __init__(self, client: Client, module: ModuleType) -> None:
        self._client = client
        self._module = module

    def attribute(self, name: str) -> Role | None:
        original = getattr(self._module, name, None)
        return None if original is None else role_of(original, self._client)

    def constants(self) -> Mapping[str, Any]:
        return {
            name: value
            for name, value in vars(self._module).items()
            if name == "exceptions" or (isinstance(value, type) and issubclass(value, Exception))
        }


class _Session(Role):
    """A session, or its class."""

    def __init__(self, client: Client, *, is_class: bool = False) -> None:
        self._client = client
        self._is_class = is_class

    def attribute(self, name: str) -> Role | None:
        if name in _VERBS or name == "request":
            return _Function(self._client, name)
        if name == "send":
            return _Send(self._client)
        return _Result(_Adapter(self._client)) if name == "get_adapter" else None

    def result(self) -> Role | None:
        return _Session(self._client) if self._is_class else None


class _Adapter(Role):
    """A transport adapter, or its class."""

    def __init__(self, client: Client, *, is_class: bool = False) -> None:
        self._client = client
        self._is_class = is_class

    def attribute(self, name: str) -> Role | None:
        return _Send(self._client, is_adapter=True) if name == "send" else None

    def result(self) -> Role | None:
        return _Adapter(self._client) if self._is_class else None


class _Result(Role):
    """A function that only returns something with a role."""

    def __init__(self, role: Role) -> None:
        self._role = role

    def result(self) -> Role | None:
        return self._role


class _Function(Role):
    """``requests.get``, ``Session.request``, and the like."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> OutgoingCall[Any] | None:
        given = [each for each in args[:1] if not _is_object(each)] + list(args[1:])
        named = dict(options)
        method = self._name
        if method == "request":
            method = given.pop(0) if given else named.pop("method", "")
        url = given.pop(0) if given else named.pop("url", "")
        if not (url and isinstance(url, str | bytes) and isinstance(method, str)):
            return None
        prepared = _prepared(method.upper(), url, named)
        return StandInCall(
            self._client, prepared, named.get("timeout"), stream=bool(named.get("stream"))
        )


class _Send(Role):
    """``Session.send`` and ``HTTPAdapter.send``."""

    def __init__(self, client: Client, *, is_adapter: bool = False) -> None:
        self._client = client
        self._is_adapter = is_adapter

    def call_of(self, args: Sequence[Any], options: Mapping[str, Any]) -> OutgoingCall[Any] | None:
        given = [*args, options.get("request")]
        request = next((each for each in given if isinstance(each, PreparedRequest)), None)
        if request is None:
            return None
        call = StandInCall(
            self._client, request, options.get("timeout"), stream=bool(options.get("stream"))
        )
        call.is_followed = self._is_adapter
        return call


def _is_object(value: Any) -> bool:
    return isinstance(value, (session_class(), BaseAdapter))


def _prepared(method: str, url: str | bytes, options: Mapping[str, Any]) -> PreparedRequest:
    """The request that a session would send; only its head, if the rest is odd."""
    named = {name: options.get(name) for name in ("headers", "params", "data", "json")}
    try:
        return Request(method, url, **named).prepare()
    except (requests.RequestException, ValueError, TypeError, AttributeError):
        # The mock takes anything: a request without a scheme, headers of any type.
        prepared = PreparedRequest()
        prepared.method, prepared.headers = method, requests.structures.CaseInsensitiveDict()
        prepared.url = url.decode("latin-1") if isinstance(url, bytes) else url
        return prepared
