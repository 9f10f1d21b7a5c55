"""Ways to make a call: each gets a URL, and returns the status, or raises."""

from __future__ import annotations

import asyncio
import http.client
import multiprocessing
import os
import pickle
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3

from tests.support import weather
from tests.support.forms import Form, Forms

Ask = Callable[[str], Any]
CLIENTS: Forms[Ask] = Forms()
form = CLIENTS.form

SAVED_GET_ADAPTER = requests.Session.get_adapter


class OwnRequest(requests.Session):
    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Any:
        return super().request(method, url, *args, **{"timeout": 2, **options})


class OwnSend(requests.Session):
    def send(self, request: Any, **options: Any) -> Any:
        return super().send(request, **options)


class OwnGetAdapter(requests.Session):
    def get_adapter(self, url: Any) -> Any:
        return super().get_adapter(url)


class OwnAdapter(requests.adapters.HTTPAdapter):
    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        return super().send(request, **options)


def in_loop(ask: Callable[[], Any]) -> Any:
    """Run a coroutine, where no loop runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(ask())
    raise NotImplementedError


def _use(name: str, words: str) -> None:
    def ask(url: str) -> Any:
        weather.URL = url
        return weather.USES[name]().status_code

    CLIENTS.add(Form(f"requests_{name.replace('-', '_')}", words, ask))


_use("function", "`requests.get`")
_use("name", "`from requests import get`")
_use("session", "a `requests.Session` of the module")
_use("own-session", "a `requests.Session` of the view")
_use("class", "`from requests import Session`")
_use("prepared", "`Session.send` with a prepared request")


@form("a subclass of `Session` with its own `request`")
def subclass_with_request(url: str) -> Any:
    with OwnRequest() as session:
        return session.get(url).status_code


@form("a subclass of `Session` with its own `send`")
def subclass_with_send(url: str) -> Any:
    with OwnSend() as session:
        return session.get(url, timeout=2).status_code


@form("a subclass of `Session` with its own `get_adapter`")
def subclass_with_get_adapter(url: str) -> Any:
    with OwnGetAdapter() as session:
        return session.get(url, timeout=2).status_code


@form("`HTTPAdapter.send`, without a session")
def adapter_alone(url: str) -> Any:
    request = requests.Request("GET", url).prepare()
    adapter = requests.adapters.HTTPAdapter()
    try:
        return adapter.send(request, timeout=2).status_code
    finally:
        adapter.close()


@form("a mounted adapter of the application")
def mounted_adapter(url: str) -> Any:
    with requests.Session() as session:
        session.mount("http://", OwnAdapter())
        return session.get(url, timeout=2).status_code


@form("an adapter with retries")
def adapter_with_retries(url: str) -> Any:
    with requests.Session() as session:
        retries = urllib3.Retry(1, backoff_factor=0)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        return session.get(url, timeout=2).status_code


@form("a pickled session")
def pickled_session(url: str) -> Any:
    with pickle.loads(pickle.dumps(weather.session)) as session:
        return session.get(url, timeout=2).status_code


@form("`Session.get_adapter` kept from before")
def kept_get_adapter(url: str) -> Any:
    with requests.Session() as session:
        vars(session)["get_adapter"] = SAVED_GET_ADAPTER.__get__(session)
        return session.get(url, timeout=2).status_code


@form("a streamed response")
def streamed(url: str) -> Any:
    with requests.get(url, timeout=2, stream=True) as response:
        list(response.iter_content(10))
        return response.status_code


@form("`requests_cache.CachedSession`", "requests_cache")
def cached_session(url: str) -> Any:
    cache: Any = import_module("requests_cache")
    with cache.CachedSession(backend="memory") as session:
        return session.get(url, timeout=2).status_code


@form("`httpx.get`", "httpx")
def httpx_function(url: str) -> Any:
    return import_module("httpx").get(url, timeout=2).status_code


@form("`httpx.Client`", "httpx")
def httpx_client(url: str) -> Any:
    with import_module("httpx").Client() as client:
        return client.get(url, timeout=2).status_code


@form("`httpx.AsyncClient`", "httpx")
def httpx_async(url: str) -> Any:
    async def ask() -> Any:
        async with import_module("httpx").AsyncClient() as client:
            return (await client.get(url, timeout=2)).status_code

    return in_loop(ask)


@form("`httpx.HTTPTransport`, without a client", "httpx")
def httpx_transport(url: str) -> Any:
    httpx: Any = import_module("httpx")
    with httpx.HTTPTransport() as transport:
        response = transport.handle_request(httpx.Request("GET", url))
        response.read()
        return response.status_code


@form("`urllib.request`")
def urllib_urlopen(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=2) as response:
        return response.status


@form("an opener of `urllib.request`")
def urllib_opener(url: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=2) as response:
        return response.status


@form("`urllib3.PoolManager`")
def urllib3_manager(url: str) -> Any:
    with urllib3.PoolManager() as manager:
        return manager.request("GET", url, timeout=2, retries=False).status


@form("`httpcore`", "httpcore")
def httpcore_request(url: str) -> Any:
    return import_module("httpcore").request("GET", url).status


@form("`http.client`")
def http_client(url: str) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=2)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


@form("a socket")
def raw_socket(url: str) -> Any:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=2) as own:
        own.sendall(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        return int(own.recv(1000).split()[1])


@form("streams of `asyncio`")
def asyncio_streams(url: str) -> Any:
    async def ask() -> Any:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        writer.write(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        await writer.drain()
        head = await reader.readline()
        writer.close()
        return int(head.split()[1])

    return in_loop(ask)


@form("`requests` inside `pip`", "pip._vendor.requests")
def copy_of_requests(url: str) -> Any:
    return import_module("pip._vendor.requests").get(url, timeout=2).status_code


@form("`subprocess.run`: curl")
def curl(url: str) -> Any:
    if shutil.which("curl") is None:
        raise NotImplementedError
    subprocess.run(["curl", "-fsS", "-m", "2", "-o", "/dev/null", url], check=True)
    return 200


@form("`os.system`")
def system(url: str) -> Any:
    if os.system(f"true {url}"):
        raise OSError(url)
    return 200


def _child(url: str) -> None:
    requests.get(url, timeout=2).raise_for_status()


@form("`multiprocessing.Process`")
def forked_process(url: str) -> Any:
    process = multiprocessing.get_context("fork").Process(target=_child, args=(url,))
    process.start()
    process.join()
    if process.exitcode:
        raise OSError(url)
    return 200
