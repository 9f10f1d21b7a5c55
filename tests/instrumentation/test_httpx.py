"""httpx: its calls are seen, and fail as the real ones do."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.fault import Fault
from tests.support.altered import Cut
from tests.support.callers import (
    LEAF,
    MARKS,
    REFUSED,
    UNAVAILABLE,
    dead_url,
    end_of,
    ended,
    listening,
    ok,
    run,
    service,
    serving,
    story,
)
from tests.support.cases import in_earnest
from tests.support.embedded import program
from tests.support.suites import OURS_ONLY

LOST = Fault(exception="ConnectionError", abort=False)


def get(url: str = "http://leaf/ok", **options: Any) -> Callable[[], Any]:
    return lambda: httpx.get(url, **{"timeout": 2, "trust_env": False, **options})


def injected(call: Callable[[], Any], fault: Fault) -> Any:
    end, (seen,) = ended(call, LEAF, (0, fault))
    assert seen.fault == fault
    return end


class Retrying(httpx.BaseTransport):
    """An application's own transport, around another one."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return self.inner.handle_request(request)
        except httpx.TransportError:
            return self.inner.handle_request(request)


class Marking(httpx.HTTPTransport):
    """An application's own subclass, which hands on."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["X-Marked"] = "yes"
        return super().handle_request(request)


def mocked(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text=f"mocked {request.url.path}")


class TestCalls:
    def test_reach_the_mesh(self) -> None:
        end, (call,) = ended(get(), LEAF)
        assert (end.status_code, end.reason_phrase, end.text) == (200, "OK", "fine")
        assert end.http_version == "HTTP/1.1"
        nature = (call.library, call.family, call.api)
        assert nature == ("httpx", "http", "httpx.get")
        assert (call.method, call.url, call.target) == ("GET", "http://leaf/ok", "leaf")
        assert (call.timeout, str(call.outcome)) == ((2, 2), "200")
        assert call.callsite is not None
        assert call.callsite.file == __file__

    @pytest.mark.parametrize("place", ["socket", "process"])
    def test_carry_the_same_headers_as_requests(self, place: str) -> None:
        seen: list[dict[str, str]] = []

        def see() -> ResponseReturnValue:
            seen.append(dict(request.headers))
            return "seen"

        app = service(see=see)
        with serving(app) as url:
            if place == "socket":
                ended(get(f"{url}/see", headers={"X-Own": "1"}), {})
            else:
                ended(get("http://leaf/see", headers={"X-Own": "1"}), {"http://leaf": app})
        (headers,) = seen
        assert {name.title() for name in MARKS} <= {name.title() for name in headers}
        assert headers["X-Own"] == "1"

    def test_application_sees_its_own_request(self) -> None:
        end, _ = ended(get(headers={"X-Own": "1"}), LEAF)
        assert end.request.headers["X-Own"] == "1"
        assert not [name for name in end.request.headers if "filibuster" in name.lower()]

    def test_index_is_that_of_requests(self) -> None:
        def first() -> Any:
            client: Any = next(clients)
            return client.get("http://leaf/ok", timeout=2)

        clients = itertools.chain([httpx, requests])
        _, (one,) = ended(first, LEAF)
        _, (other,) = ended(first, LEAF)
        assert one.index == other.index
        assert (one.library, other.library) == ("httpx", "requests")

    @pytest.mark.parametrize("size", [0, 1, 100_000])
    def test_bodies_go_there_and_back(self, size: int) -> None:
        content = b"x" * size
        services = {"http://leaf": service(back=lambda: request.get_data())}
        for body in (content, iter([content, content[:1]])):
            call = lambda body=body: httpx.post("http://leaf/back", content=body)  # noqa: E731
            end, _ = ended(call, services)
            assert end.content == content + (b"" if body is content else content[:1])

    def test_streams_are_read_piece_by_piece(self) -> None:
        app = service(view=lambda: Response(iter(["a", "b"])))

        def call() -> list[bytes]:
            with httpx.stream("GET", "http://leaf/view") as response:
                return list(response.iter_raw())

        end, _ = ended(call, {"http://leaf": app})
        assert end == [b"a", b"b"]

    def test_each_redirect_is_a_call(self) -> None:
        app = service(ok=ok, away=lambda: ("", 302, {"Location": "/ok"}))
        end, calls = ended(get("http://leaf/away", follow_redirects=True), {"http://leaf": app})
        assert end.text == "fine"
        assert [call.url for call in calls] == ["http://leaf/away", "http://leaf/ok"]

    def test_client_of_a_module_is_seen(self) -> None:
        with httpx.Client(base_url="http://leaf", trust_env=False) as kept:
            assert end_of(lambda: kept.get("http://127.0.0.1:9/"))
            end, (call,) = ended(lambda: kept.get("/ok"), LEAF)
        assert end.text == "fine"
        assert call.url == "http://leaf/ok"

    def test_excluded_host_is_left_alone(self) -> None:
        config = {"FILIBUSTER_EXCLUDED_HOSTS": ["leaf"]}
        end, calls = ended(get(), LEAF, config=config)
        assert end.text == "fine"
        assert calls == ()

    def test_idempotency_key_is_known(self) -> None:
        call = lambda: httpx.post("http://leaf/ok", headers={"Idempotency-Key": "k"})  # noqa: E731
        _, (seen,) = ended(call, LEAF)
        assert seen.idempotency_key == "k"
        assert seen.is_repeatable

    def test_outside_nothing_changes(self) -> None:
        before = httpx.Client.__dict__["_transport_for_url"]
        ended(get(), LEAF)
        assert httpx.Client.__dict__["_transport_for_url"] is before
        with serving(service(ok=ok)) as url:
            assert get(f"{url}/ok")().text == "fine"


class TestFaults:
    """Compared with the real thing on a socket."""

    def test_refusal_reads_as_a_real_one(self) -> None:
        url = dead_url()
        real = end_of(get(url))
        end, _ = ended(get(url), {url: service()}, (0, REFUSED))
        assert isinstance(end, httpx.ConnectError)
        assert isinstance(real, httpx.ConnectError)
        assert story(end)[:3] == story(real)[:3]
        assert str(end.request.url) == url

    @pytest.mark.slow
    def test_read_timeout_reads_as_real(self) -> None:
        with listening(lambda connection: None) as url:
            real = end_of(get(url, timeout=0.1))
        end = injected(get(timeout=0.1), Fault(exception="Timeout"))
        assert isinstance(end, httpx.ReadTimeout)
        assert story(end)[:3] == story(real)[:3]

    @pytest.mark.slow
    def test_lost_answer_reads_as_real(self) -> None:
        with listening(lambda connection: connection.shutdown(socket.SHUT_RDWR)) as url:
            real = end_of(get(url))
        end = injected(get(), LOST)
        assert isinstance(end, httpx.RemoteProtocolError)
        assert story(end)[:1] == story(real)[:1]

    def test_lost_answer_lets_the_callee_work(self) -> None:
        handled: list[str] = []

        def work() -> ResponseReturnValue:
            handled.append(request.method)
            return "done"

        ended(get("http://leaf/work"), {"http://leaf": service(work=work)}, (0, LOST))
        assert handled == ["GET", "GET"]

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("length", [True, False], ids=["length", "chunked"])
    def test_cut_body_reads_as_real(self, *, stream: bool, length: bool) -> None:
        head = b"Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n"
        if length:
            head = b"Content-Length: 10\r\n\r\n0123"

        def answer(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
            connection.shutdown(socket.SHUT_RDWR)

        def read(url: str) -> Any:
            if not stream:
                return get(url)()
            with httpx.stream("GET", url, timeout=2, trust_env=False) as response:
                return response.read()

        with listening(answer) as url:
            real = end_of(lambda: read(url))
        app = service(long=lambda: "0123456789" if length else iter(["0123456789"]))
        cut = Fault(kind=Cut(missing=None))
        end, _ = ended(lambda: read("http://leaf/long"), {"http://leaf": app}, (0, cut))
        assert type(end) is type(real) is httpx.RemoteProtocolError
        assert str(end) == str(real)
        assert str(end.request.url) == "http://leaf/long"

    def test_broken_service_is_a_cut_body(self) -> None:
        def view() -> ResponseReturnValue:
            def body() -> Iterator[str]:
                yield "so far"
                raise LookupError("no further")

            return Response(body())

        end, _ = ended(get("http://leaf/view"), {"http://leaf": service(view=view)})
        assert isinstance(end, httpx.RemoteProtocolError)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("ConnectionError", httpx.ConnectError),
            ("ConnectTimeout", httpx.ConnectTimeout),
            ("ReadTimeout", httpx.ReadTimeout),
            ("ProxyError", httpx.ProxyError),
            ("SSLError", httpx.ConnectError),
            ("TooManyRedirects", httpx.TooManyRedirects),
            ("ChunkedEncodingError", httpx.RemoteProtocolError),
            ("ContentDecodingError", httpx.DecodingError),
            ("InvalidSchema", httpx.UnsupportedProtocol),
            ("InvalidHeader", httpx.LocalProtocolError),
            ("RequestException", httpx.RequestError),
        ],
    )
    def test_errors_become_those_of_httpx(self, name: str, expected: type) -> None:
        end = injected(get(), Fault(exception=name))
        assert type(end).__name__ == expected.__name__
        assert str(end.request.url) == "http://leaf/ok"

    @pytest.mark.parametrize("name", ["PoolTimeout", "WriteError", "ReadError", "TooManyRedirects"])
    def test_own_error_of_httpx_is_raised(self, name: str) -> None:
        end = injected(get(), Fault(exception=name, library="httpx"))
        assert type(end) is getattr(httpx, name)

    @pytest.mark.parametrize(
        ("timeout", "expected"),
        [
            (httpx.Timeout(None, connect=1), httpx.ConnectTimeout),
            (httpx.Timeout(None, read=1), httpx.ReadTimeout),
        ],
        ids=["connect", "read"],
    )
    def test_timeout_is_that_of_the_call(self, timeout: Any, expected: type) -> None:
        assert type(injected(get(timeout=timeout), Fault(exception="Timeout"))) is expected

    @pytest.mark.parametrize("name", ["RetryError", "InvalidURL", "UnrewindableBodyError"])
    def test_inexpressible_fault_is_inconclusive(self, name: str) -> None:
        execution = run(lambda: get()().text, LEAF, (0, Fault(exception=name)))
        assert execution.verdict == "inconclusive"
        assert f"no error {name!r} in httpx" in execution.problems[0]

    def test_status_is_answered(self) -> None:
        end = injected(get(), UNAVAILABLE)
        assert (end.status_code, end.text) == (503, "503 Service Unavailable")
        assert end.reason_phrase == "Service Unavailable"
        with pytest.raises(httpx.HTTPStatusError, match="503 Service Unavailable"):
            end.raise_for_status()

    def test_head_is_answered_without_body(self) -> None:
        end = injected(lambda: httpx.head("http://leaf/ok"), UNAVAILABLE)
        assert (end.content, end.headers["Content-Length"]) == (b"", "23")

    @pytest.mark.slow
    def test_call_is_held(self) -> None:
        begun: list[float] = []

        def call() -> Any:
            begun.append(time.monotonic())
            try:
                return get()()
            finally:
                begun.append(time.monotonic())

        injected(call, Fault(exception="ReadTimeout", sleep=0.2))
        assert begun[-1] - begun[-2] >= 0.2


class TestTransports:
    @pytest.mark.parametrize("how", ["transport", "mount"])
    @pytest.mark.parametrize(
        "transport",
        [
            httpx.HTTPTransport(),
            Marking(),
            Retrying(httpx.HTTPTransport()),
            httpx.MockTransport(mocked),
        ],
        ids=["plain", "subclass", "wrapper", "mock"],
    )
    def test_any_is_seen_and_failed(self, transport: httpx.BaseTransport, how: str) -> None:
        mounted: Any = {"all://leaf": transport} if how == "mount" else None
        with httpx.Client(transport=transport, mounts=mounted, trust_env=False) as client:
            end, calls = ended(lambda: client.get("http://leaf/ok"), LEAF)
            assert end.text == "fine"
            assert [call.library for call in calls] == ["httpx"]
            end, calls = ended(lambda: client.get("http://leaf/ok"), LEAF, (0, UNAVAILABLE))
            assert end.status_code == 503

    def test_mocked_host_is_a_leaf(self) -> None:
        with httpx.Client(transport=httpx.MockTransport(mocked)) as client:
            end, (call,) = ended(lambda: client.get("http://elsewhere/x"), {})
            assert (end.text, call.target) == ("mocked /x", "elsewhere")
            end, _ = ended(lambda: client.get("http://elsewhere/x"), {}, (0, REFUSED))
            assert isinstance(end, httpx.ConnectError)
            assert isinstance(end.__cause__, Exception)
            assert str(end.request.url) == "http://elsewhere/x"

    def test_fault_happens_below_an_own_transport(self) -> None:
        with httpx.Client(transport=Retrying(httpx.HTTPTransport())) as client:
            end, calls = ended(lambda: client.get("http://leaf/ok"), LEAF, (0, REFUSED))
        assert end.text == "fine"
        assert [call.fault for call in calls] == [REFUSED, None]
        assert calls[0].callsite is not None
        assert calls[0].callsite.function.endswith("<lambda>")  # Qualified from Python 3.11 on.

    def test_replaced_transport_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            httpx.HTTPTransport, "handle_request", lambda self, request: mocked(request)
        )
        end, (call,) = ended(get("http://elsewhere/x"), {})
        assert (end.text, call.target) == ("mocked /x", "elsewhere")

    def test_wsgi_transport_is_a_test_client(self) -> None:
        inside = service(ok=ok)
        with httpx.Client(transport=httpx.WSGITransport(app=inside)) as client:
            end, calls = ended(lambda: client.get("http://inside/ok"), {})
        assert end.text == "fine"
        assert calls == ()


FLASK = (sys.executable, "-m", "flask", "--app", "shop")
SHOP = program("httpx_shop.py")
TEST = """
    import httpx, pytest, shop

    @pytest.fixture
    def filibuster_services():
        return shop.services

    @pytest.mark.filibuster
    def test_shop(filibuster_services):
        assert httpx.get("http://shop:5000/careless").status_code == 200
"""


class TestExplorations:
    """Found without any configuration."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        (tmp_path / "shop.py").write_text(SHOP)
        (tmp_path / "test_shop.py").write_text(textwrap.dedent(TEST))
        return tmp_path

    def test_explore_finds_the_bug(self) -> None:
        shop = Flask("shop")

        def careless() -> ResponseReturnValue:
            try:
                return httpx.get("http://leaf/ok", timeout=1).text
            except httpx.ConnectError:
                return "none"

        shop.add_url_rule("/", "careless", careless)
        result = explore(
            lambda: httpx.get("http://shop/").raise_for_status(),
            {"http://shop": shop, **LEAF},
            FaultModel(default_statuses=()),
        )
        assert len(result.executions) == 3
        (failure,) = result.failures
        assert "Timeout" in str(failure.faults)

    @in_earnest
    @pytest.mark.slow
    def test_command_line_finds_the_bug(self, project: Path) -> None:
        ran = subprocess.run(
            [*FLASK, "filibuster", "explore", "/careless", "--services", "shop:services"],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 1, ran.stderr
        assert "ReadTimeout" in ran.stdout

    @pytest.mark.slow
    def test_pytest_finds_the_bug(self, project: Path) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider"],
            cwd=project,
            env={**os.environ, **OURS_ONLY},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 1, ran.stdout
        assert "Timeout" in ran.stdout
