"""An injected fault cannot be told from a real one by the code that meets it."""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import requests
from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from urllib3 import HTTPResponse
from urllib3.util import Timeout

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds.raised import EXCEPTIONS, TIMEOUTS
from flask_filibuster.errors import InjectionError
from tests.support.altered import Teapot
from tests.support.callers import (
    CHAINED,
    LEAF,
    UNAVAILABLE,
    MakeCall,
    Services,
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

newer = pytest.mark.skipif(not CHAINED, reason="urllib3 before 2 does not tell that much")
FORMS = ["number", "pair", "object"]
LOST = Fault(exception="ConnectionError", abort=False)


def get(url: str = "http://leaf/ok", **options: Any) -> MakeCall:
    return lambda: requests.get(url, **{"timeout": 2, **options})


def at(url: str) -> Services:
    """A service that stands at a URL in the mesh, for a first execution that succeeds."""
    scheme, _, rest = url.partition("://")
    return {f"{scheme}://{rest.partition('/')[0]}": service(ok=ok, x=ok)}


def injected(call: MakeCall, fault: Fault, services: Services = LEAF) -> Any:
    end, (seen,) = ended(call, services, (0, fault))
    assert seen.fault == fault
    return end


def held(call: MakeCall, fault: Fault) -> float:
    """How long a call takes by the clock of the service that makes it."""
    took: list[float] = []

    def timed() -> Any:
        begun = time.monotonic()
        try:
            return call()
        finally:
            took.append(time.monotonic() - begun)

    injected(timed, fault)
    return took[-1]


class TestExceptions:
    @pytest.mark.parametrize("name", sorted(EXCEPTIONS))
    def test_carries_the_applications_request(self, name: str) -> None:
        prepared = requests.Request("GET", "http://leaf/ok", headers={"X-Own": "1"}).prepare()
        error = injected(
            lambda: requests.Session().send(prepared, timeout=2), Fault(exception=name)
        )
        assert isinstance(error, getattr(requests.exceptions, name))
        # requests raises these two while it reads the body, and leaves out the request.
        is_of_body = name in ("ChunkedEncodingError", "ContentDecodingError")
        assert error.request is (None if is_of_body else prepared)
        assert error.response is None
        assert dict(prepared.headers) == {"X-Own": "1"}
        assert str(error)

    @pytest.mark.parametrize(
        ("timeout", "expected"),
        [
            (2, "ReadTimeout"),
            ((None, 2), "ReadTimeout"),
            ((1, 2), "ReadTimeout"),
            ((1, None), "ConnectTimeout"),
            (Timeout(connect=1), "ConnectTimeout"),
            (Timeout(total=1), "ReadTimeout"),
            (Timeout(connect=1, read=2), "ReadTimeout"),
        ],
        ids=["both", "read", "a pair", "no read", "connect only", "in total", "connect and read"],
    )
    def test_timeout_fits_the_call(self, timeout: Any, expected: str) -> None:
        error = injected(get(timeout=timeout), Fault(exception="Timeout"))
        assert type(error).__name__ == expected

    def test_timeouts_need_a_timeout(self) -> None:
        def view() -> ResponseReturnValue:
            for timeout in (None, 1, (1, None), (None, 1)):
                end_of(get(f"http://leaf/ok?{timeout}", timeout=timeout))
            return "done"

        result = explore(
            lambda: requests.get("http://front/view", timeout=5),
            {"http://front": service(view=view), **LEAF},
            FaultModel(exceptions=sorted(TIMEOUTS), default_statuses=()),
            max_faults=1,
        )
        planned = [
            (each.call.timeout, each.fault.exception)
            for execution in result.executions
            for each in execution.faults
        ]
        assert sorted(planned, key=str) == sorted(
            [
                ((1, 1), "ConnectTimeout"),
                ((1, 1), "ReadTimeout"),
                ((1, 1), "Timeout"),
                ((1, None), "ConnectTimeout"),
                ((1, None), "Timeout"),
                ((None, 1), "ReadTimeout"),
                ((None, 1), "Timeout"),
            ],
            key=str,
        )

    @pytest.mark.parametrize(
        "url",
        [
            pytest.param(f"{dead_url()}/x?y=1", id="port-and-query"),
            pytest.param("http://127.0.0.1/x", id="default-port"),
            pytest.param("https://127.0.0.1/", id="https"),
            pytest.param("http://[::1]:9/x", id="ipv6"),
            pytest.param("http://LOCALHOST:9/x", id="upper-case"),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_refused_connection_reads_as_real(self, url: str, method: str) -> None:
        def call() -> requests.Response:
            return requests.request(method, url, timeout=2)

        real = end_of(call)
        assert isinstance(real, requests.ConnectionError)
        assert story(injected(call, Fault(exception="ConnectionError"), at(url))) == story(real)

    @pytest.mark.parametrize("timeout", [0.1, (5, 0.1), Timeout(read=0.1)], ids=FORMS)
    def test_read_timeout_reads_as_real(self, timeout: Any) -> None:
        with listening(lambda _: None) as url:
            real = end_of(get(f"{url}/x", timeout=timeout))
        assert isinstance(real, requests.ReadTimeout)
        error = injected(get(f"{url}/x", timeout=timeout), Fault(exception="Timeout"), at(url))
        assert story(error) == story(real)

    def test_timeout_reads_as_written(self) -> None:
        error = injected(get(timeout=3), Fault(exception="ReadTimeout"))
        assert str(error).endswith("Read timed out. (read timeout=3)")

    @pytest.mark.parametrize("timeout", [0.1, (0.1, 5), Timeout(connect=0.1)], ids=FORMS)
    def test_connect_timeout_reads_as_real(self, timeout: Any) -> None:
        with crowded() as url:
            real = end_of(get(f"{url}/x", timeout=timeout))
        assert isinstance(real, requests.ConnectTimeout)
        error = injected(
            get(f"{url}/x", timeout=timeout), Fault(exception="ConnectTimeout"), at(url)
        )
        assert story(error) == story(real)

    def test_lost_answer_reads_as_closed_connection(self) -> None:
        with listening(socket.socket.close) as url:
            real = end_of(get(f"{url}/x"))
        assert isinstance(real, requests.ConnectionError)
        assert story(injected(get(f"{url}/x"), LOST, at(url))) == story(real)

    @newer
    def test_refusing_proxy_reads_as_real(self) -> None:
        def refuse(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
            connection.close()

        with listening(refuse) as proxy:
            real = end_of(get("https://leaf/ok", proxies={"https": proxy}))
        assert isinstance(real, requests.exceptions.ProxyError)
        error = injected(
            get("https://leaf/ok"), Fault(exception="ProxyError"), at("https://leaf/ok")
        )
        assert story(error) == story(real)

    @newer
    def test_failed_handshake_has_real_causes(self) -> None:
        def answer_in_clear(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        with listening(answer_in_clear) as clear:
            url = clear.replace("http:", "https:")
            real = story(end_of(get(f"{url}/x")))
        error = story(injected(get(f"{url}/x"), Fault(exception="SSLError"), at(url)))
        assert real[0].partition(" (Caused by SSLError(SSL")[0] in error[0]
        kinds = [each.partition(":")[0] for each in error]
        expected = [each.partition(":")[0] for each in real]
        assert kinds[:-2] == expected[:-2]
        assert kinds[-2] == "ssl.SSLCertVerificationError"

    @pytest.mark.parametrize(
        ("answer", "name"),
        [
            pytest.param(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nno gzip..",
                "ContentDecodingError",
                id="not-gzip",
            ),
            pytest.param(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "ChunkedEncodingError",
                id="cut",
                marks=newer,
            ),
        ],
    )
    def test_broken_answer_has_real_causes(self, answer: bytes, name: str) -> None:
        def send(connection: socket.socket) -> None:
            connection.sendall(answer)
            connection.close()

        with listening(send) as url:
            real = end_of(get(f"{url}/x"))
        error = injected(get(f"{url}/x"), Fault(exception=name), at(url))
        assert type(error) is type(real)
        assert type(error.args[0]) is type(real.args[0])
        assert str(error) == str(real)

    def test_too_many_redirects_read_as_real(self) -> None:
        def again() -> ResponseReturnValue:
            return "", 302, {"Location": "/again"}

        real, _ = ended(get("http://leaf/again"), {"http://leaf": service(again=again)})
        assert str(injected(get(), Fault(exception="TooManyRedirects"))) == str(real)

    @newer
    def test_handled_exception_stays_the_context(self) -> None:
        def call() -> requests.Response:
            try:
                return requests.get(f"{dead_url()}/first", timeout=1)
            except requests.ConnectionError:
                return requests.get("http://leaf/ok", timeout=1)

        end, _ = ended(call, LEAF, (1, Fault(exception="ConnectionError")))
        told = [each for each in story(end) if ": " in each]
        assert len(told) == 8
        assert "/ok" in told[0]
        assert told[3].startswith("builtins.ConnectionRefusedError")
        assert "/first" in told[4]

    def test_unknown_exception_proves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that this version of requests lacks."""
        monkeypatch.delattr(requests.exceptions, "InvalidProxyURL")

        def view() -> ResponseReturnValue:
            try:
                return requests.get("http://leaf/ok", timeout=1).text
            except InjectionError:
                return "not injected"

        execution = run(view, LEAF, (0, Fault(exception="InvalidProxyURL")))
        assert execution.verdict == "inconclusive"
        (problem,) = execution.problems
        assert "InvalidProxyURL" in problem
        assert "GET http://leaf/ok" in problem


def crowded() -> Any:
    """A socket whose queue is full, so that it answers nobody who wants to connect."""
    return _Crowded()


class _Crowded:
    def __enter__(self) -> str:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._waiting = [socket.socket() for _ in range(4)]
        for each in self._waiting:
            each.setblocking(False)
            each.connect_ex(self._listener.getsockname())
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *exception: object) -> None:
        for each in (*self._waiting, self._listener):
            each.close()


class TestStatuses:
    @pytest.mark.slow
    def test_every_status_can_be_injected(self) -> None:
        seen: list[requests.Response] = []
        statuses = list(range(200, 600))

        def view() -> ResponseReturnValue:
            seen[:] = [requests.get("http://leaf/ok", timeout=1) for _ in statuses]
            return "done"

        faults = [(n, Fault(status=status)) for n, status in enumerate(statuses)]
        assert run(view, LEAF, *faults).verdict == "passed"
        assert [response.status_code for response in seen] == statuses
        known = {status.value: status.phrase for status in HTTPStatus}
        for response in seen:
            status = response.status_code
            assert response.reason == known.get(status, "")
            assert response.ok is (status < 400)
            bodiless = status in (204, 205, 304)
            assert response.text == ("" if bodiless else f"{status} {response.reason}".rstrip())

    def test_response_is_complete(self) -> None:
        prepared = requests.Request("GET", "http://leaf/ok?a=b").prepare()
        response = injected(lambda: requests.Session().send(prepared, timeout=1), UNAVAILABLE)
        assert response.url == "http://leaf/ok?a=b"
        assert response.reason == "Service Unavailable"
        assert response.request is prepared
        assert dict(response.headers) == {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": "23",
        }
        assert response.encoding == "utf-8"
        assert response.text == "503 Service Unavailable"
        assert response.content == b"503 Service Unavailable"
        assert isinstance(response.elapsed, dt.timedelta)
        assert response.history == []
        assert len(response.cookies) == 0
        assert isinstance(response.raw, HTTPResponse)
        assert (response.raw.status, response.raw.reason) == (503, "Service Unavailable")
        assert response.raw.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.connection.send
        assert not response.is_redirect
        assert response.next is None

    def test_response_reads_as_a_real_one(self) -> None:
        def unavailable() -> ResponseReturnValue:
            body = "503 Service Unavailable"
            return Response(
                body, "503 Service Unavailable", content_type="text/plain; charset=utf-8"
            )

        def read() -> requests.Response:
            response = requests.get("http://leaf/unavailable", timeout=1)
            read_of.append([dict(response.headers), response.raw.headers.items()])
            for step in (response.raise_for_status, response.json):
                with pytest.raises(requests.RequestException) as caught:
                    step()
                read_of.append([type(caught.value), str(caught.value), caught.value.response])
            read_of.append([repr(response), list(response.iter_lines()), response.raw.read()])
            return response

        read_of: list[list[Any]] = []
        services = {"http://leaf": service(unavailable=unavailable)}
        ended(read, services)
        real, read_of = read_of, []
        ended(read, services, (0, UNAVAILABLE))
        for told in (real, read_of[len(real) :]):
            told[1][2] = told[1][2].status_code
            told[2][2] = None
        assert read_of[len(real) :] == real

    @pytest.mark.parametrize("size", [1, 4, None])
    def test_it_can_be_streamed(self, size: int | None) -> None:
        def call() -> requests.Response:
            with requests.get("http://leaf/ok", stream=True, timeout=1) as response:
                pieces[:] = response.iter_content(size)
                return response

        pieces: list[bytes] = []
        response = injected(call, UNAVAILABLE)
        assert b"".join(pieces) == b"503 Service Unavailable"
        assert {len(piece) for piece in pieces[:-1]} <= {size}
        assert response.raw.closed

    def test_it_can_be_read_from_below(self) -> None:
        read = []

        def call() -> requests.Response:
            response = requests.get("http://leaf/ok", stream=True, timeout=1)
            read.append((response.raw.read(4), response.raw.read(), response.raw.read()))
            response.close()
            return response

        injected(call, UNAVAILABLE)
        assert read[-1] == (b"503 ", b"Service Unavailable", b"")

    def test_kind_may_give_a_whole_answer(self) -> None:
        response = injected(get(), Fault(kind=Teapot()))
        assert (response.status_code, response.reason) == (418, "Short and stout")
        assert response.text == "<p>tea</p>"
        assert dict(response.headers) == {
            "Content-Type": "text/html",
            "X-Asked": "GET http://leaf/ok",
            "Content-Length": "10",
        }

    def test_head_has_headers_only(self) -> None:
        response = injected(lambda: requests.head("http://leaf/ok", timeout=1), UNAVAILABLE)
        assert response.headers["Content-Length"] == "23"
        assert response.content == b""

    @pytest.mark.parametrize("status", [204, 205, 304])
    def test_bodiless_status_has_no_body(self, status: int) -> None:
        response = injected(get(), Fault(status=status))
        assert response.content == b""
        assert response.headers.get("Content-Length") == (None if status == 204 else "0")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_to_nowhere_is_the_answer(self, status: int) -> None:
        response = injected(get(), Fault(status=status))
        assert response.status_code == status
        assert response.history == []

    def test_session_goes_on(self) -> None:
        def call() -> requests.Response:
            with requests.Session() as session:
                session.get("http://leaf/ok", timeout=1)
                return session.get("http://leaf/ok", timeout=1)

        response, calls = ended(call, LEAF, (0, UNAVAILABLE))
        assert response.text == "fine"
        assert [each.fault for each in calls] == [UNAVAILABLE, None]


class TestLostAnswers:
    @pytest.mark.parametrize(
        "fault",
        [
            LOST,
            Fault(exception="Timeout", abort=False),
            Fault(exception="ChunkedEncodingError", abort=False),
            Fault(status=500, abort=False),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_the_callee_has_done_its_work(self, fault: Fault, where: str) -> None:
        booked: list[str] = []

        def book() -> ResponseReturnValue:
            booked.append(request.get_json()["seat"])
            return "booked", 201

        def call() -> requests.Response:
            return requests.post(f"{url}/book", json={"seat": "12A"}, timeout=2)

        app = service(book=book)
        with serving(app) as url:
            end, (seen,) = ended(call, {url: app} if where == "mesh" else {}, (0, fault))
        assert booked == ["12A", "12A"]
        if fault.status is None:
            assert isinstance(end, getattr(requests.exceptions, fault.exception or ""))
        else:
            assert end.status_code == 500
        assert seen.outcome == fault.outcome

    def test_aborted_it_has_done_nothing(self) -> None:
        booked: list[str] = []

        def book() -> ResponseReturnValue:
            booked.append("12A")
            return "booked"

        injected(
            lambda: requests.post("http://leaf/book", timeout=1),
            Fault(exception="ConnectionError"),
            {"http://leaf": service(book=book)},
        )
        assert booked == ["12A"]

    def test_streaming_callee_ends(self) -> None:
        told: list[str] = []

        def tell() -> ResponseReturnValue:
            def pieces() -> Iterator[str]:
                for n in range(3):
                    yield f"{n}"
                    told.append(f"{n} was taken")
                told.append("end")

            return Response(pieces())

        services = {"http://leaf": service(tell=tell)}
        injected(get("http://leaf/tell", stream=True), LOST, services)
        assert told[-4:] == ["0 was taken", "1 was taken", "2 was taken", "end"]

    @pytest.mark.parametrize("view", [lambda: abort(500), lambda: 1 // 0], ids=["500", "raises"])
    def test_failed_answers_can_be_lost(self, view: Callable[[], Any]) -> None:
        error = injected(get("http://leaf/x"), LOST, {"http://leaf": service(x=view)})
        assert isinstance(error, requests.ConnectionError)

    def test_missing_answers_can_be_lost(self) -> None:
        error = injected(get(f"{dead_url()}/x"), LOST, {})
        assert "RemoteDisconnected" in str(error)

    def test_calls_of_the_callee_are_seen(self) -> None:
        middle = service(x=lambda: requests.get("http://leaf/ok", timeout=1).text)
        execution = run(
            lambda: str(end_of(get("http://middle/x"))),
            {"http://middle": middle, **LEAF},
            (0, LOST),
        )
        assert [call.describe() for call in execution.trace.invocations] == [
            "front -> middle  GET http://middle/x",
            "middle -> leaf  GET http://leaf/ok",
        ]

    def test_cookies_are_lost(self) -> None:
        def give() -> ResponseReturnValue:
            response = Response("given")
            response.set_cookie("flavour", "vanilla")
            return response

        def call() -> requests.Response:
            with requests.Session() as session:
                end_of(lambda: session.get("http://leaf/give", timeout=1))
                jars.append(dict(session.cookies))
                return requests.get("http://leaf/give", timeout=1)

        jars: list[dict[str, str | None]] = []
        ended(call, {"http://leaf": service(give=give)}, (0, LOST))
        assert jars == [{"flavour": "vanilla"}, {}]


class TestHeldCalls:
    @pytest.mark.slow
    @pytest.mark.parametrize("abort", [True, False], ids=["caller", "callee"])
    def test_fault_may_hold_the_call(self, *, abort: bool) -> None:
        fault = Fault(exception="ConnectionError", abort=abort, sleep=0.2)
        assert 0.2 <= held(get(), fault) < 5

    @pytest.mark.parametrize("abort", [True, False], ids=["caller", "callee"])
    def test_cut_hold_proves_nothing(self, *, abort: bool) -> None:
        """FILIBUSTER_MAX_SLEEP cuts it."""
        leaf = service(ok=ok)
        leaf.config["FILIBUSTER_MAX_SLEEP"] = 0.1
        fault = Fault(exception="ConnectionError", abort=abort, sleep=3600.0)
        begun = time.monotonic()
        execution = run(
            lambda: str(end_of(get())),
            {"http://leaf": leaf},
            (0, fault),
            config={"FILIBUSTER_MAX_SLEEP": 0.1},
        )
        assert time.monotonic() - begun < 2.5
        assert execution.verdict == "inconclusive"
        (problem,) = execution.problems
        assert "0.1 s instead of 3600 s" in problem

    @pytest.mark.slow
    def test_sleep_may_depend_on_timeout(self) -> None:
        fault = Fault(exception="Timeout", sleep="@expr(metadata['timeout'])+0.1")
        assert 0.2 <= held(get(timeout=0.1), fault) < 5
