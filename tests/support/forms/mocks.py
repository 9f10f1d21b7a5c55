"""Mocks: each replaces a client, or what is below it, and yields the URL that it answers."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

import requests
import urllib3

from tests.support import mocked, replaced, weather
from tests.support.forms import Form, Forms
from tests.support.forms.clients import CLIENTS

Replace = Callable[[str], AbstractContextManager[str]]
MOCKS: Forms[Replace] = Forms()
form = MOCKS.form


@form("nothing: a real server of this machine")
@contextmanager
def nothing(url: str) -> Iterator[str]:
    yield url


def _way(name: str) -> None:
    @contextmanager
    def replace(url: str) -> Iterator[str]:
        with mocked.WAYS[name]("http://real.test", url) as found:
            yield found.url

    library, _, variant = name.partition("-")
    words = f"`{library}`" + (f", {variant}" if variant else "")
    MOCKS.add(Form(name, words, replace, library))


for _name in mocked.WAYS:
    _way(_name)


def _form(name: str) -> None:
    @contextmanager
    def replace(url: str) -> Iterator[str]:
        weather.URL = url
        with replaced.FORMS[name]():
            yield url

    use = replaced.use_of(name)
    client = CLIENTS[f"requests_{use.replace('-', '_')}"]
    variant = name.removeprefix(f"{use}-").replace("-", " ")
    words = f"a stand-in ({variant}), for {client.words}"
    MOCKS.add(Form(f"standin-{name}", words, replace, client=client.name))


for _name in replaced.FORMS:
    _form(_name)


class Answer:
    """What stands for an answer of any client."""

    status = status_code = returncode = 200
    text = "fine"

    def __enter__(self) -> Answer:  # noqa: PYI034 - Self came with Python 3.11
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def read(self, *_: object) -> bytes:
        return b'{"n": 1}'

    def getresponse(self) -> Answer:
        return self


def _patched(name: str, target: str, client: str, needs: str = "") -> None:
    """A mock in the place of one function, or of one class, whose objects are mocks, too."""

    @contextmanager
    def replace(url: str) -> Iterator[str]:
        made: Any = Answer()
        if target.endswith("Connection"):
            made = mock.Mock()
            made.getresponse.return_value = Answer()
        with mock.patch(target, return_value=made):
            yield url

    MOCKS.add(Form(name, f"`patch` of `{target}`", replace, needs, client))


_patched("urlopen", "urllib.request.urlopen", "urllib_urlopen")
_patched("opener", "urllib.request.OpenerDirector.open", "urllib_opener")
_patched("run", "subprocess.run", "curl")
_patched("connection", "http.client.HTTPConnection", "http_client")
_patched("manager", "urllib3.PoolManager.request", "urllib3_manager")
_patched("get_of_httpx", "httpx.get", "httpx_function", "httpx")
_patched("client_of_httpx", "httpx.Client.get", "httpx_client", "httpx")
_patched("async_client_of_httpx", "httpx.AsyncClient.get", "httpx_async", "httpx")


@form("`respx`", "respx", client="httpx_function")
@contextmanager
def by_respx(url: str) -> Iterator[str]:
    respx: Any = import_module("respx")
    with respx.mock(assert_all_called=False, assert_all_mocked=False) as router:
        router.get(url).respond(200, json={"n": 1})
        router.route().pass_through()
        yield url


@form("`patch` of the pool that `HTTPAdapter` gets")
@contextmanager
def connection_of_adapter(url: str) -> Iterator[str]:
    name = "get_connection_with_tls_context"
    if not hasattr(requests.adapters.HTTPAdapter, name):
        name = "get_connection"
    answer = urllib3.HTTPResponse(b'{"n": 1}', status=200, preload_content=False)
    with mock.patch.object(requests.adapters.HTTPAdapter, name) as made:
        made.return_value.urlopen.return_value = answer
        yield url


@form("`patch` of `HTTPConnectionPool.urlopen`")
@contextmanager
def urlopen_of_pool(url: str) -> Iterator[str]:
    def urlopen(*_args: Any, **_options: Any) -> Any:
        return urllib3.HTTPResponse(io.BytesIO(b'{"n": 1}'), status=200, preload_content=False)

    with mock.patch("urllib3.connectionpool.HTTPConnectionPool.urlopen", urlopen):
        yield url


@form("`patch` of `socket.create_connection`")
@contextmanager
def create_connection(url: str) -> Iterator[str]:
    def connect(*_args: Any, **_options: Any) -> Any:
        ours, theirs = socket.socketpair()
        theirs.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        theirs.shutdown(socket.SHUT_WR)
        made.extend((ours, theirs))  # httpcore fails with such a socket, and does not close it.
        return ours

    made: list[socket.socket] = []
    try:
        with (
            mock.patch("socket.create_connection", connect),
            mock.patch("urllib3.util.connection.create_connection", connect),
        ):
            yield url
    finally:
        for each in made:
            each.close()
