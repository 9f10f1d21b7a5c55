"""Every way to call with requests is seen, and can be failed."""

from __future__ import annotations

import pickle
import socket
from typing import Any

import pytest
import requests
from flask.typing import ResponseReturnValue
from urllib3 import HTTPResponse
from urllib3.util import Timeout

from flask_filibuster.instrumentation.clients.requests.timeouts import timeouts_of
from tests.support import requesting
from tests.support.callers import LEAF, ended, ok, run, service, serving
from tests.support.requesting import paths, timeout_of

dead = requesting.dead


class TestWhatIsSeen:
    def test_plain_call_with_line_and_timeout(self) -> None:
        def call() -> requests.Response:
            return requests.get("http://leaf/ok", timeout=(2, 7))

        _, (seen,) = ended(call, LEAF)
        assert (seen.source, seen.target, seen.method) == ("front", "leaf", "GET")
        assert seen.url == "http://leaf/ok"
        assert timeout_of(seen) == (2, 7)
        assert seen.callsite is not None
        assert seen.callsite.file == __file__
        assert seen.callsite.line == call.__code__.co_firstlineno + 1
        assert seen.outcome is not None
        assert seen.outcome.status == 200

    @pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
    def test_every_method(self, method: str) -> None:
        _, (seen,) = ended(lambda: requests.request(method, "http://leaf/ok", timeout=1), LEAF)
        assert seen.method == method.upper()

    def test_sessions_from_before_instrumenting(self) -> None:
        """And from after it."""
        old = requests.Session()

        def call() -> requests.Response:
            old.get("http://leaf/ok")
            return requests.Session().get("http://leaf/ok")

        _, calls = ended(call, LEAF)
        assert paths(calls) == ["ok", "ok"]

    def test_sessions_are_restored(self, dead: str) -> None:
        session = requests.Session()
        adapters = dict(session.adapters)
        ended(lambda: session.get("http://leaf/ok"), LEAF)
        assert dict(session.adapters) == adapters
        with pytest.raises(requests.ConnectionError, match="refused"):
            session.get(dead, timeout=2)

    def test_prepared_request_keeps_its_headers(self) -> None:
        prepared = requests.Request("GET", "http://leaf/ok", headers={"X-Own": "1"}).prepare()
        before = dict(prepared.headers)
        _, calls = ended(lambda: requests.Session().send(prepared), LEAF)
        assert paths(calls) == ["ok"]
        assert dict(prepared.headers) == before

    def test_unknown_scheme_is_refused(self) -> None:
        end, calls = ended(lambda: requests.get("gopher://leaf/ok", timeout=1), LEAF)
        assert isinstance(end, requests.exceptions.InvalidSchema)
        assert calls == ()

    def test_calls_to_filibuster_are_left_alone(self) -> None:
        headers = {"X-Filibuster-Instrumentation": "true"}
        end, calls = ended(lambda: requests.get("http://leaf/ok", headers=headers), LEAF)
        assert end.text == "fine"
        assert calls == ()

    @pytest.mark.parametrize(
        ("timeout", "expected"),
        [
            pytest.param(None, (None, None), id="none"),
            pytest.param(3, (3, 3), id="number"),
            pytest.param(0.5, (0.5, 0.5), id="fraction"),
            pytest.param((1, None), (1, None), id="connect-only"),
            pytest.param((None, 2), (None, 2), id="read-only"),
            pytest.param(Timeout(4), (4, 4), id="total"),
            pytest.param(Timeout(total=4, connect=1), (1, 4), id="total-and-connect"),
            pytest.param(Timeout(total=4, read=9), (4, 4), id="total-under-read"),
            pytest.param(Timeout(connect=1, read=2), (1, 2), id="object-pair"),
            pytest.param(Timeout(), (None, None), id="object-of-nothing"),
        ],
    )
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_the_timeout_in_every_form(
        self, timeout: Any, expected: tuple[float | None, float | None], where: str
    ) -> None:
        if where == "mesh":
            end, (seen,) = ended(lambda: requests.get("http://leaf/ok", timeout=timeout), LEAF)
        else:
            with serving(service(ok=ok)) as url:
                end, (seen,) = ended(lambda: requests.get(f"{url}/ok", timeout=timeout), {})
        assert end.text == "fine"
        assert seen.timeout == expected

    def test_default_timeout_of_the_process(self) -> None:
        default = Timeout(connect=Timeout.DEFAULT_TIMEOUT, read=1)
        assert timeouts_of(default) == (None, 1)
        socket.setdefaulttimeout(8)
        try:
            assert timeouts_of(default) == (8, 1)
        finally:
            socket.setdefaulttimeout(None)

    @pytest.mark.parametrize(
        "timeout",
        [(1, 2, 3), (1,), 0, -1, "soon", True],
        ids=["three", "one", "0", "-1", "text", "bool"],
    )
    def test_bad_timeout_is_refused(self, timeout: Any) -> None:
        """In the mesh as over a socket."""
        messages: list[str] = []

        def view() -> ResponseReturnValue:
            for base in (url, "http://leaf"):
                with pytest.raises(ValueError, match="imeout") as caught:
                    requests.get(f"{base}/ok", timeout=timeout)
                messages.append(str(caught.value))
            return "refused"

        with serving(service(ok=ok)) as url:
            run(view, LEAF)
        assert messages[0] == messages[1]


def test_raw_response_is_of_urllib3() -> None:
    end, _ = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
    assert isinstance(end.raw, HTTPResponse)
    assert end.raw.version == 11
    assert end.connection.send
    assert pickle.loads(pickle.dumps(end)).text == "fine"
