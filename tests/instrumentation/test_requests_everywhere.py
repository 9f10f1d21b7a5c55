"""requests is seen however it is used, and an application sees what it sees without us."""

from __future__ import annotations

import functools
import gzip
import io
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import requests
from flask import redirect
from flask import request as flask_request
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import Retry

from flask_filibuster import instrument_requests
from flask_filibuster.instrumentation.patching import Patch
from tests.support.callers import (
    LEAF,
    MARKS,
    REFUSED,
    UNAVAILABLE,
    MakeCall,
    end_of,
    ended,
    listening,
    ok,
    service,
    serving,
)

GENUINE = HTTPAdapter.send


class OwnRequest(requests.Session):
    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        options.setdefault("timeout", 3)
        return super().request(method, f"http://leaf{url}", *args, **options)


class OwnSend(requests.Session):
    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        request.headers["X-Signed"] = "yes"
        return super().send(request, **options)


class OwnGetAdapter(requests.Session):
    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        return HTTPAdapter()


class Answering(BaseAdapter):
    """Answers by itself."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response.raw = io.BytesIO(b"fine")
        return response

    def close(self) -> None:
        pass


class Duck:
    """An adapter by its methods only."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        return Answering().send(request)

    def close(self) -> None:
        pass


class Handing(BaseAdapter):
    """Hands on to another adapter, at another address."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = HTTPAdapter()

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        handed = request.copy()
        handed.url = (request.url or "").replace("http://alias/", "http://leaf/")
        return self.inner.send(handed, *args, **options)

    def close(self) -> None:
        self.inner.close()


class Asking(Handing):
    """Makes a call of its own before it hands on."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        requests.get("http://leaf/ok?token", timeout=2)
        return Handing.send(self, request, *args, **options)


def prepared(url: str = "http://leaf/ok") -> requests.PreparedRequest:
    return requests.Request("GET", url).prepare()


def with_adapter(adapter: Any) -> requests.Session:
    session = requests.Session()
    session.mount("http://", adapter)
    return session


def replaced(name: str, value: Any) -> requests.Session:
    session = requests.Session()
    setattr(session, name, value)
    return session


def adapter_with_send() -> HTTPAdapter:
    adapter: Any = HTTPAdapter()
    adapter.send = Answering().send
    return adapter  # type: ignore[no-any-return]


def defined_now() -> BaseAdapter:
    class Now(Answering):
        def send(
            self, request: requests.PreparedRequest, *args: Any, **options: Any
        ) -> requests.Response:
            return Answering.send(self, request)

    return Now()


class Replacing:
    """A call under a replacement of ``HTTPAdapter.send``."""

    def __init__(self, replacement: Any) -> None:
        self._replacement = replacement

    def __call__(self) -> requests.Response:
        with mock.patch.object(HTTPAdapter, "send", self._replacement):
            return requests.get("http://other/ok", timeout=2)


def observing(adapter: Any, request: Any, **options: Any) -> requests.Response:
    return GENUINE(adapter, request, **options)


USES: dict[str, Callable[[], requests.Response]] = {
    "own-request": lambda: OwnRequest().get("/ok"),
    "own-send": lambda: OwnSend().get("http://leaf/ok"),
    "own-get-adapter": lambda: OwnGetAdapter().get("http://leaf/ok"),
    "adapter": lambda: HTTPAdapter().send(prepared(), timeout=1),
    "adapter-positional": lambda: HTTPAdapter().send(prepared(), False, 1),
    "pickled": lambda: pickle.loads(pickle.dumps(requests.Session())).get("http://leaf/ok"),
    "get-adapter-of-object": lambda: replaced("get_adapter", lambda url: HTTPAdapter()).get(
        "http://leaf/ok"
    ),
    "duck": lambda: with_adapter(Duck()).get("http://other/ok"),
    "send-of-object": lambda: with_adapter(adapter_with_send()).get("http://other/ok"),
    "answering-directly": lambda: Answering().send(prepared("http://other/ok")),
    "handing": lambda: with_adapter(Handing()).get("http://alias/ok"),
    "defined-now": lambda: defined_now().send(prepared("http://other/ok")),
    "mock": Replacing(mock.Mock(return_value=Answering().send(prepared()))),
    "function": Replacing(lambda self, request, **options: Answering().send(request)),
}


class TestUses:
    @pytest.mark.parametrize("use", USES.values(), ids=list(USES))
    def test_call_is_one_call(self, use: MakeCall) -> None:
        services = {**LEAF, "http://alias": LEAF["http://leaf"]} if use is not None else LEAF
        end, (seen,) = ended(use, services)
        assert end.text == "fine"
        assert seen.outcome is not None
        assert seen.outcome.key == "200"

    @pytest.mark.parametrize("fault", [REFUSED, UNAVAILABLE], ids=["refused", "status"])
    @pytest.mark.parametrize("use", USES.values(), ids=list(USES))
    def test_call_can_fail(self, use: MakeCall, fault: Any) -> None:
        services = {**LEAF, "http://alias": LEAF["http://leaf"]}
        end, _ = ended(use, services, (0, fault))
        if fault is REFUSED:
            assert isinstance(end, requests.ConnectionError)
        else:
            assert end.status_code == 503

    def test_handing_adapter_is_one_call_over_sockets(self) -> None:
        with serving(service(ok=ok)) as url:
            end, calls = ended(lambda: with_adapter(Handing()).get(f"{url}/ok"), {})
        assert end.text == "fine"
        assert len(calls) == 1

    def test_call_of_an_adapter_is_a_call_too(self) -> None:
        with serving(service(ok=ok)) as url:
            end, calls = ended(lambda: with_adapter(Asking()).get(f"{url}/ok"), LEAF)
        assert end.text == "fine"
        assert [call.url.rpartition("/")[2] for call in calls] == ["ok", "ok?token"]

    def test_replaced_send_is_asked_once(self) -> None:
        answers = mock.Mock(side_effect=lambda request, **options: Answering().send(request))
        ended(Replacing(answers), {}, (0, REFUSED))
        assert answers.call_count == 2  # Once in each execution: the faulted call, too.

    @pytest.mark.parametrize("autospec", [None, True], ids=["mock", "autospec"])
    def test_replaced_send_shows_itself(self, autospec: Any) -> None:
        answer = Answering().send(prepared())

        def call() -> str:
            with mock.patch.object(HTTPAdapter, "send", autospec=autospec, return_value=answer):
                requests.get("http://other/ok", timeout=2)
                requests.get("http://other/ok", timeout=2)
                send: Any = HTTPAdapter.send
                send.assert_called()
                return str(send.call_count)

        assert ended(call, {})[0] == "2"

    def test_replacement_may_look_like_ours(self) -> None:
        def call() -> requests.Response:
            @functools.wraps(HTTPAdapter.send)
            def fake(adapter: Any, request: Any, **options: Any) -> requests.Response:
                return Answering().send(request)

            return Replacing(fake)()

        end, (seen,) = ended(call, {}, (0, REFUSED))
        assert isinstance(end, requests.ConnectionError)
        assert seen.fault == REFUSED

    def test_observer_that_kept_the_original_is_no_mock(self) -> None:
        received: list[bool] = []

        def note() -> str:
            received.append(MARKS[0] in flask_request.headers)
            return "fine"

        with serving(service(ok=note)) as url, mock.patch.object(HTTPAdapter, "send", observing):
            call = lambda: requests.get(f"{url}/ok", timeout=2)  # noqa: E731
            end, (seen,) = ended(call, {}, (0, REFUSED))
        assert isinstance(end, requests.ConnectionError)
        assert seen.fault == REFUSED
        assert received == [True]  # Of the execution without a fault.


class TestRequestsCache:
    @pytest.fixture
    def _installed(self) -> Iterator[Any]:
        cache = pytest.importorskip("requests_cache")
        # The request of the test itself is not to be answered from the cache.
        cache.install_cache(backend="memory", urls_expire_after={"front": cache.DO_NOT_CACHE})
        try:
            yield cache
        finally:
            cache.uninstall_cache()

    @pytest.mark.usefixtures("_installed")
    def test_call_is_seen_when_installed_before(self) -> None:
        def call() -> requests.Response:
            requests.Session().cache.clear()  # type: ignore[attr-defined]
            return requests.get("http://leaf/ok", timeout=2)

        end, (seen,) = ended(call, LEAF, (0, REFUSED))
        assert isinstance(end, requests.ConnectionError)
        assert seen.fault == REFUSED

    def test_call_is_seen_when_installed_after(self) -> None:
        cache = pytest.importorskip("requests_cache")

        def call() -> Any:
            cache.install_cache(backend="memory")
            try:
                requests.get("http://leaf/ok", timeout=2)
                return requests.get("http://leaf/ok", timeout=2)
            finally:
                cache.uninstall_cache()

        end, (_,) = ended(call, LEAF)
        assert end.from_cache


class TestIdentity:
    def test_adapter_is_the_mounted_one(self) -> None:
        adapter = HTTPAdapter()
        session = with_adapter(adapter)

        def call() -> tuple[bool, bool, bool]:
            found = session.get_adapter("http://leaf/")
            return found is adapter, found == adapter, isinstance(found, HTTPAdapter)

        assert ended(call, LEAF)[0] == (True, True, True)

    @pytest.mark.parametrize("retries", [0, Retry(2)], ids=["once", "retries"])
    @pytest.mark.parametrize("faults", [(), ((0, UNAVAILABLE),)], ids=["real", "injected"])
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_connection_is_the_adapter(self, where: str, faults: Any, retries: Any) -> None:
        adapter = HTTPAdapter(max_retries=retries)
        session = with_adapter(adapter)
        with serving(service(ok=ok)) as url:
            base = url if where == "socket" else "http://leaf"
            end, _ = ended(lambda: session.get(f"{base}/ok"), LEAF, *faults)
        assert end.connection is adapter


def broken_gzip() -> Any:
    return b"no gzip", 200, {"Content-Encoding": "gzip"}


def zipped() -> Any:
    return gzip.compress(b"fine"), 200, {"Content-Encoding": "gzip"}


def redirecting_with_broken_gzip() -> Any:
    response = redirect("/ok")
    response.headers["Content-Encoding"] = "gzip"
    return response


def short(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
    connection.close()


@contextmanager
def leaf(view: str) -> Iterator[str]:
    app = service(
        ok=ok, broken=broken_gzip, zipped=zipped, redirecting=redirecting_with_broken_gzip
    )
    with serving(app) as url:
        yield f"{url}/{view}"


def read_raw(response: requests.Response, *args: Any, **options: Any) -> requests.Response:
    response.headers["X-Raw"] = str(len(response.raw.read(decode_content=False)))
    return response


class ReadingRaw(HTTPAdapter):
    """Reads the body before requests does."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        response = super().send(request, *args, **options)
        content = response.raw.read(decode_content=True)
        response.raw = io.BytesIO(content)
        return response


class TestBodiesOverSockets:
    """Nothing is read ahead of the application."""

    @staticmethod
    def told(end: Any) -> str:
        if isinstance(end, requests.Response):
            return f"{end.status_code} {end.text!r} {end.headers.get('X-Raw')} {len(end.history)}"
        return type(end).__name__

    @pytest.mark.parametrize(
        ("view", "call"),
        [
            ("broken", lambda url: requests.get(url, timeout=2)),
            ("broken", lambda url: HTTPAdapter().send(prepared(url), timeout=2).status_code),
            ("zipped", lambda url: requests.get(url, hooks={"response": read_raw}, timeout=2)),
            ("zipped", lambda url: with_adapter(ReadingRaw()).get(url, timeout=2)),
            ("redirecting", lambda url: requests.get(url, timeout=2)),
        ],
        ids=["broken", "broken-unread", "hook", "adapter", "redirect"],
    )
    def test_body_is_as_without_us(self, view: str, call: Callable[[str], Any]) -> None:
        with leaf(view) as url:
            bare = self.told(end_of(lambda: call(url)))
            end, _ = ended(lambda: call(url), {})
        assert self.told(end) == bare

    def test_short_body_is_as_without_us(self) -> None:
        with listening(short) as url:
            bare = end_of(lambda: requests.get(url, timeout=2))
            end, _ = ended(lambda: requests.get(url, timeout=2), {})
        assert type(end) is type(bare)

    def test_hook_runs_before_the_body_arrives(self) -> None:
        arrived = threading.Event()

        def answer(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            assert arrived.wait(5)
            connection.sendall(b"fine")

        def hook(response: requests.Response, *args: Any, **options: Any) -> None:
            arrived.set()

        with listening(answer) as url:
            end, _ = ended(lambda: requests.get(url, hooks={"response": hook}, timeout=2), {})
        assert end.text == "fine"


class TestPatches:
    def test_inherited_method_is_restored(self) -> None:
        class Base:
            def greet(self) -> str:
                return "base"

        class Derived(Base):
            pass

        patch = Patch.hold(Derived, "greet", lambda original, _: lambda self: f"+{original(self)}")
        assert (Derived().greet(), Base().greet()) == ("+base", "base")
        patch.release()
        assert "greet" not in vars(Derived)

    def test_method_of_one_object_is_restored(self) -> None:
        class Base:
            def greet(self) -> str:
                return "base"

        one = Base()
        patch = Patch.hold(one, "greet", lambda original, _: lambda self: f"+{original(self)}")
        assert (one.greet(), Base().greet()) == ("+base", "base")
        patch.release()
        assert vars(one) == {}

    @pytest.mark.parametrize("kind", [staticmethod, classmethod])
    def test_descriptor_keeps_its_kind(self, kind: Any) -> None:
        class Base:
            greet = kind(lambda *args: args)

        bare = Base().greet()
        patch = Patch.hold(Base, "greet", lambda original, _: lambda *args: original(*args))
        assert Base().greet() == bare
        patch.release()
        assert isinstance(vars(Base)["greet"], kind)

    def test_wrapt_wrapper_stays_below_and_above(self) -> None:
        wrapt = pytest.importorskip("wrapt")
        seen: list[str] = []

        def noting(name: str) -> Any:
            def note(wrapped: Any, instance: Any, args: Any, options: Any) -> Any:
                seen.append(f"{name} {type(instance).__name__}")
                return wrapped(*args, **options)

            return note

        genuine = HTTPAdapter.send
        try:
            wrapt.wrap_function_wrapper(HTTPAdapter, "send", noting("below"))
            with serving(service(ok=ok)) as url, instrument_requests():
                wrapt.wrap_function_wrapper(HTTPAdapter, "send", noting("above"))
                end, (_,) = ended(lambda: requests.get(f"{url}/ok", timeout=2), {})
            assert end.text == "fine"
            assert seen == ["above HTTPAdapter", "below HTTPAdapter"] * 2
        finally:
            HTTPAdapter.send = genuine  # type: ignore[method-assign]

    def test_absent_attribute_is_an_error(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'fly'"):
            Patch.hold(HTTPAdapter, "fly", lambda original, _: original)
