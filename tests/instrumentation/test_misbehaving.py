"""Kinds of fault beside real servers that misbehave that way: the application meets the same."""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import pytest
import requests
from flask import Response

from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.bodies import BrokenBody
from tests.support.callers import CHAINED, end_of, ended, service
from tests.support.cases import sample
from tests.support.misbehaving import Server, failing, misbehaving

httpx = pytest.importorskip("httpx")
httpcore = pytest.importorskip("httpcore")

BEFORE = [
    Fault.of("refused"),
    Fault.of("name not resolved"),
    Fault.of("connect timeout"),
    Fault.of("certificate not trusted"),
    Fault.of("proxy unreachable"),
    Fault.of("tunnel refused"),
]
SENDING = [
    Fault.of("reset"),
    Fault.of("closed without an answer"),
    Fault.of("read timeout"),
]
ANSWERS = [
    *(Fault.of("gateway page", status=status) for status in (502, 503, 504)),
    Fault.of("retry later"),
    Fault.of("retry later", status=503, after=30, form="date"),
    Fault.of("retry later", after=-3600, form="date"),
    Fault.of("retry later", status=503, after=10**9),
    *(Fault.of("credential expired", status=status) for status in (401, 403)),
    *(Fault.of("redirected", to=to) for to in ("login page", "itself", "dead host", "same URL")),
    *(Fault.of("redirected", to="same URL", status=status) for status in (301, 303, 307, 308)),
    Fault.of("redirected", to="itself", status=308),
    Fault("ContentDecodingError"),
    # Before version 2, urllib3 knows more than one way to end in the middle of a chunked body.
    *([Fault("ChunkedEncodingError")] if CHAINED else []),
]


class Case(NamedTuple):
    fault: Fault
    client: str
    stream: bool
    method: str

    def __str__(self) -> str:
        how = "stream" if self.stream else "whole"
        return f"{self.fault.words()}, {self.method} by {self.client}, {how}"

    @property
    def waits(self) -> bool:
        """Whether it ends by its timeout in life."""
        return self.fault.kind.failure in ("connect timeout", "read timeout")

    def call(self, url: str, proxy: str | None) -> Callable[[], Any]:
        """Makes the call, and reads the body of its answer."""
        body = b"x" * 1000 if self.method == "POST" else None
        timeout = 0.3 if self.waits else 5
        if self.client == "requests":
            proxies = {"http": proxy, "https": proxy} if proxy else None
            options: Any = {"timeout": timeout, "proxies": proxies, "stream": self.stream}
            return lambda: read(requests.request(self.method, f"{url}/x?y=1", data=body, **options))
        return lambda: self._by_httpx(f"{url}/x?y=1", proxy, body, timeout)

    def _by_httpx(self, url: str, proxy: str | None, body: bytes | None, timeout: float) -> Any:
        mounts = {"all://": httpx.HTTPTransport(proxy=httpx.Proxy(proxy))} if proxy else None
        options: Any = {"timeout": timeout, "verify": url.startswith("https:")}
        with httpx.Client(
            mounts=mounts, trust_env=False, follow_redirects=True, **options
        ) as client:
            if not self.stream:
                return client.request(self.method, url, content=body)
            with client.stream(self.method, url, content=body) as response:
                return [response.status_code, end_of(response.read), response]


CASES = [
    Case(fault, client, stream, method)
    for fault in (*BEFORE, *SENDING, *ANSWERS)
    for client in ("requests", "httpx")
    for stream in (False, True)
    for method in ("GET", "POST")
    if method == "GET" or "redirect" in str(fault)
]


def read(response: requests.Response) -> Any:
    """A response whose content is read, with what happened before and while it was read."""
    return [response.raw.tell(), end_of(lambda: response.content), response.raw.tell(), response]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with misbehaving() as server:
        yield server


def marked(cases: Iterable[Case]) -> list[Any]:
    """The cases that are run, the slow ones marked."""
    return sample(
        pytest.param(case, marks=pytest.mark.slow) if case.waits else case for case in cases
    )


@pytest.mark.parametrize("case", marked(CASES), ids=str)
def test_in_process_as_in_life(case: Case, server: Server) -> None:
    with failing(case.fault.kind, server) as (url, proxy):
        call = case.call(url, proxy)
        real = told(end_of(call))
        end, calls = ended(call, {url: service(x=fine)}, (0, case.fault))
    assert calls[0].fault == case.fault
    assert told(end) == real


def fine() -> Response:
    return Response("fine", content_type="text/plain")


WITHOUT_A_CALLEE = ("certificate not trusted", "proxy unreachable", "tunnel refused")


@pytest.mark.parametrize(
    "case",
    marked(
        case
        for case in CASES
        if case.fault.kind.name not in WITHOUT_A_CALLEE
        # The rest of the body is read as in this process.
        and case.stream == (case.client == "httpx")
    ),
    ids=str,
)
def test_with_a_callee_elsewhere(case: Case, server: Server) -> None:
    with failing(case.fault.kind, server) as (url, _):
        real = told(end_of(case.call(url, None)))
    with misbehaving() as elsewhere:
        url = elsewhere.url.replace("127.0.0.1", "localhost")
        end, calls = ended(case.call(url, None), {}, (0, case.fault))
    assert calls[0].fault == case.fault
    assert told(end) == real


def told(end: Any) -> Any:
    """All that an application can see of how a call ended, without addresses and times."""
    if isinstance(end, list):
        return [told(each) for each in end]
    if isinstance(end, BaseException):
        return error_told(end)
    if isinstance(end, requests.Response):
        return requests_told(end)
    if httpx is not None and isinstance(end, httpx.Response):
        return httpx_told(end)
    return end


def error_told(error: BaseException | None) -> list[Any]:
    found = []
    while error is not None:
        found.append(
            (
                [each.__qualname__ for each in type(error).__mro__],
                plain(str(error)),
                plain(repr(error.args)),
                "cause" if error.__cause__ is not None else "context",
                error.__suppress_context__,
                getattr(error, "errno", None),
                told(getattr(error, "response", None)),
                request_told(getattr(error, "_request", getattr(error, "request", None))),
            )
        )
        error = error.__cause__ or error.__context__
        if not CHAINED:
            break
    return found


def request_told(request: Any) -> Any:
    if request is None:
        return None
    body = getattr(request, "body", None)
    return request.method, plain(str(request.url)), sorted(request.headers), body


def requests_told(response: requests.Response) -> dict[str, Any]:
    raw = response.raw
    return {
        "head": (response.status_code, response.reason, plain(response.url)),
        "headers": [(name, plain(value)) for name, value in response.headers.items()],
        "text": response.text,
        "read as": (response.encoding, response.apparent_encoding),
        "history": [(each.status_code, plain(each.url), each.text) for each in response.history],
        "elapsed": type(response.elapsed),
        "is": (response.ok, response.is_redirect, response.is_permanent_redirect),
        "links": (response.links, dict(response.cookies)),
        "request": request_told(response.request),
        "raw": (raw.status, raw.reason, raw.version, raw.tell(), raw.closed, raw.read()),
        "raw types": (type(raw.headers), type(raw.retries), len(raw.retries.history)),
    }


def httpx_told(response: Any) -> dict[str, Any]:
    return {
        "head": (response.status_code, response.reason_phrase, plain(str(response.url))),
        "headers": [(name, plain(value)) for name, value in response.headers.multi_items()],
        "text": told(end_of(lambda: response.text)) if response.is_stream_consumed else None,
        "version": response.http_version,
        "history": [(each.status_code, plain(str(each.url))) for each in response.history],
        "is": (response.is_error, response.has_redirect_location, response.is_closed),
        "read": (response.is_stream_consumed, response.num_bytes_downloaded),
        "request": request_told(response.request),
    }


def plain(text: str) -> str:
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    text = re.sub(r"_ssl\.c:\d+", "_ssl.c", text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} [0-9:]{8} GMT", "a date", text)
    text = re.sub(r"port=\d+", "port=1", text)
    return re.sub(r"(127\.0\.0\.1|localhost|nowhere\.invalid)(:\d+)?", "host", text)


def test_broken_stream_is_no_garbage() -> None:
    """Else Python would close the real body at any time, such as while httpcore holds its lock."""
    closed: list[str] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"some"
        finally:
            closed.append("pieces")

    def broken(pieces: Iterator[bytes]) -> Iterator[bytes]:
        yield next(pieces)
        raise BrokenBody(4)

    # Only with httpx installed.
    from flask_filibuster.instrumentation.clients.base import AlteredBody
    from flask_filibuster.instrumentation.clients.httpx_replies import stream_of

    gc.disable()
    try:
        with contextlib.suppress(httpx.RequestError, httpcore.RemoteProtocolError):
            list(stream_of(AlteredBody(pieces(), broken, lambda: None)))
        assert closed == ["pieces"]
    finally:
        gc.enable()
