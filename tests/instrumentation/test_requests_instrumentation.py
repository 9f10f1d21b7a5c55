"""Every way to call with requests is seen, can be failed, and otherwise is as without us."""

from __future__ import annotations

import _thread
import copy
import functools
import io
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import requests
import responses
from flask import Flask, Response, redirect, request
from flask.typing import ResponseReturnValue
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import HTTPDigestAuth
from urllib3 import HTTPResponse, Retry
from urllib3.util import Timeout

from flask_filibuster import FaultModel, Filibuster, FilibusterAdapter, explore, instrument_requests
from flask_filibuster.core.call import Call
from flask_filibuster.core.fault import Fault
from flask_filibuster.instrumentation.clients.requests.timeouts import timeouts_of
from flask_filibuster.instrumentation.frames import Scope, enter
from tests.support.callers import (
    LEAF,
    MARKS,
    REFUSED,
    UNAVAILABLE,
    MakeCall,
    Services,
    View,
    dead_url,
    end_of,
    ended,
    listening,
    ok,
    run,
    service,
    serving,
    story,
    unavailable,
)


def paths(calls: tuple[Call, ...]) -> list[str]:
    return [call.url.removeprefix("http://leaf/") for call in calls]


def counts(calls: tuple[Call, ...]) -> list[int]:
    return [call.index.pairs[-1][1] for call in calls]


def timeout_of(call: Call) -> Any:
    return call.timeout


def session_with(adapter: BaseAdapter) -> requests.Session:
    session = requests.Session()
    session.mount("http://", adapter)
    return session


@pytest.fixture
def dead() -> str:
    return dead_url()


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


class DefaultTimeout(HTTPAdapter):
    """The adapter that so many projects have."""

    def __init__(self, timeout: float, **options: Any) -> None:
        self.timeout = timeout
        self.sent = 0
        super().__init__(**options)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        self.sent += 1
        if options.get("timeout") is None:
            options["timeout"] = self.timeout
        return super().send(request, *args, **options)


class Twice(HTTPAdapter):
    """Tries again by itself, and gives up in its own way."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        try:
            return super().send(request, *args, **options)
        except requests.ConnectionError:
            return super().send(request, *args, **options)


class Remembering(HTTPAdapter):
    """Makes the same call only once."""

    def __init__(self) -> None:
        self.known: dict[str, requests.Response] = {}
        super().__init__()

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        url = request.url or ""
        if url not in self.known:
            self.known[url] = super(Remembering, self).send(request, *args, **options)  # noqa: UP008
        return self.known[url]


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **options: Any) -> Any:
        return function(*args, **options)

    return wrapper


class Decorated(HTTPAdapter):
    """Hands on from inside of a function of its own."""

    @decorated
    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        def attempt() -> requests.Response:
            return super(Decorated, self).send(request, *args, **{**options, "timeout": 9})

        return attempt()


class Explicit(HTTPAdapter):
    """Hands on by naming the class, which leaves no room below."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        return HTTPAdapter.send(self, request, *args, **options)


class Signing(HTTPAdapter):
    """Adds to every request, and to every response."""

    def add_headers(self, request: requests.PreparedRequest, **options: Any) -> None:
        request.headers["X-Signature"] = "signed"

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.headers["X-Checked"] = "yes"
        return response


class Memory(BaseAdapter):
    """Answers by itself."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.url = request.url or ""
        response.request = request
        response.raw = io.BytesIO(b"from memory")
        return response

    def close(self) -> None:
        pass


class TestMountedAdapters:
    def test_added_timeout_is_the_calls(self) -> None:
        adapter = DefaultTimeout(4)

        def call() -> requests.Response:
            return session_with(adapter).get("http://leaf/ok")

        _, (seen,) = ended(call, LEAF)
        assert timeout_of(seen) == (4, 4)
        assert seen.callsite is not None
        assert seen.callsite.line == call.__code__.co_firstlineno + 1
        assert adapter.sent == 1

    def test_added_timeout_prevents_the_finding(self) -> None:
        """The call can time out."""
        session = session_with(DefaultTimeout(4))
        result = explore(
            lambda: requests.get("http://front/ok", timeout=5),
            {"http://front": service(ok=lambda: session.get("http://leaf/ok").text), **LEAF},
            FaultModel(exceptions=("Timeout",), default_statuses=()),
        )
        assert [len(each.faults) for each in result.executions] == [0, 1]
        assert {finding.kind for finding in result.findings} == {"uncaught exception"}
        assert "(read timeout=4)" in result.findings[0].message

    def test_retrying_adapter_meets_the_fault(self) -> None:
        end, calls = ended(lambda: session_with(Twice()).get("http://leaf/ok"), LEAF, (0, REFUSED))
        assert end.text == "fine"
        assert counts(calls) == [1, 2]
        assert [call.outcome and call.outcome.key for call in calls] == ["ConnectionError", "200"]

    def test_remembered_answer_is_no_call(self) -> None:
        adapter = Remembering()

        def call() -> requests.Response:
            session = session_with(adapter)
            adapter.known.clear()
            session.get("http://leaf/ok")
            return session.get("http://leaf/ok")

        end, calls = ended(call, LEAF)
        assert end.text == "fine"
        assert paths(calls) == ["ok"]

    def test_a_decorated_send_is_one_too(self) -> None:
        _, (seen,) = ended(lambda: session_with(Decorated()).get("http://leaf/ok"), LEAF)
        assert timeout_of(seen) == (9, 9)

    @pytest.mark.parametrize("adapter", [Explicit(), Signing(), DefaultTimeout(1), Decorated()])
    def test_any_adapter_can_be_failed(self, adapter: HTTPAdapter) -> None:
        end, (seen,) = ended(
            lambda: session_with(adapter).get("http://leaf/ok"), LEAF, (0, REFUSED)
        )
        assert isinstance(end, requests.ConnectionError)
        assert seen.fault == REFUSED

    @pytest.mark.parametrize("adapter", [Explicit(), Signing(), DefaultTimeout(1), Twice()])
    def test_any_adapter_uses_its_sockets(self, adapter: HTTPAdapter) -> None:
        with serving(service(ok=ok)) as url:
            end, (seen,) = ended(lambda: session_with(adapter).get(f"{url}/ok"), {})
            assert end.text == "fine"
            assert seen.target == "127.0.0.1"
        assert len(adapter.poolmanager.pools) == 1

    @pytest.mark.parametrize("faults", [(), ((0, UNAVAILABLE),)], ids=["real", "injected"])
    def test_added_headers_reach_the_mesh(self, faults: tuple[tuple[int, Fault], ...]) -> None:
        received = []

        def see() -> ResponseReturnValue:
            received.append(request.headers["X-Signature"])
            return "fine"

        services = {"http://leaf": service(see=see)}
        end, _ = ended(lambda: session_with(Signing()).get("http://leaf/see"), services, *faults)
        assert end.headers["X-Checked"] == "yes"
        assert received == ["signed"]

    @pytest.mark.parametrize(
        ("faults", "expected"),
        [((), "from memory"), (((0, UNAVAILABLE),), "503 Service Unavailable")],
        ids=["real", "injected"],
    )
    def test_answering_adapter_can_be_failed(
        self, faults: tuple[tuple[int, Fault], ...], expected: str
    ) -> None:
        end, (seen,) = ended(lambda: session_with(Memory()).get("http://memory/"), {}, *faults)
        assert end.text == expected
        assert seen.target == "memory"

    def test_send_replaced_on_an_object_stays(self) -> None:
        adapter = DefaultTimeout(1)
        replaced = Memory().send
        with mock.patch.object(adapter, "send", replaced):
            end, (seen,) = ended(lambda: session_with(adapter).get("http://memory/"), {})
        assert end.text == "from memory"
        assert seen.timeout == (None, None)

    def test_attributes_reach_the_mounted_adapter(self) -> None:
        session = requests.Session()
        answers = iter([503, 200])

        def call() -> requests.Response:
            adapter: Any = session.get_adapter("http://leaf/")
            adapter.max_retries = Retry(1, status_forcelist=[503])
            return session.get("http://leaf/view")

        services = {"http://leaf": service(view=lambda: ("answer", next(answers)))}
        end, calls = ended(call, services)
        assert end.status_code == 200
        assert counts(calls) == [1, 2]
        mounted: Any = session.adapters["http://"]
        assert mounted.max_retries.total == 1

    def test_threads_share_one_adapter(self) -> None:
        both = threading.Barrier(2, timeout=5)

        def wait() -> ResponseReturnValue:
            both.wait()
            return request.args["n"]

        session = session_with(DefaultTimeout(5, max_retries=2))
        answers: list[str] = []

        def view() -> ResponseReturnValue:
            with ThreadPoolExecutor(2) as pool:
                urls = [f"http://leaf/wait?n={n}" for n in range(2)]
                answers.extend(response.text for response in pool.map(session.get, urls))
            return "done"

        execution = run(view, {"http://leaf": service(wait=wait)})
        assert execution.verdict == "passed", execution.error
        assert answers == ["0", "1"]


class TestAnAdapterMountedByHand:
    OFF: Mapping[str, Any] = {"FILIBUSTER_INSTRUMENT_REQUESTS": False}

    def test_is_seen_without_instrumentation(self) -> None:
        by_hand = session_with(FilibusterAdapter())

        def call() -> requests.Response:
            requests.get("http://leaf/ok?plain", timeout=1)
            return by_hand.get("http://leaf/ok?by-hand", timeout=1)

        end, calls = ended(call, LEAF, config=self.OFF)
        assert end.text == "fine"
        assert paths(calls) == ["ok?by-hand"]

    def test_can_be_failed(self) -> None:
        by_hand = session_with(FilibusterAdapter())
        end, _ = ended(lambda: by_hand.get("http://leaf/ok"), LEAF, (0, REFUSED), config=self.OFF)
        assert isinstance(end, requests.ConnectionError)

    def test_counts_each_call_once(self) -> None:
        """Where requests is instrumented, too."""
        twice = FilibusterAdapter(FilibusterAdapter(DefaultTimeout(3)))
        _, (seen,) = ended(lambda: session_with(twice).get("http://leaf/ok"), LEAF)
        assert seen.timeout == (3, 3)

    def test_passes_on_attributes(self) -> None:
        inner = DefaultTimeout(3, max_retries=2)
        assert FilibusterAdapter(inner).timeout == 3
        assert FilibusterAdapter(inner).max_retries.total == 2
        with pytest.raises(AttributeError, match="no_such_thing"):
            FilibusterAdapter(inner).no_such_thing  # noqa: B018 - that is the test

    @pytest.mark.parametrize(
        "duplicate", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
    )
    def test_can_be_copied_and_pickled(
        self, duplicate: Callable[[requests.Session], requests.Session]
    ) -> None:
        by_hand = session_with(FilibusterAdapter(HTTPAdapter(max_retries=2)))
        made = duplicate(by_hand)
        adapter = made.get_adapter("http://leaf")
        assert isinstance(adapter, FilibusterAdapter)
        assert adapter.max_retries.total == 2
        _, (seen,) = ended(lambda: made.get("http://leaf/ok"), LEAF)
        assert seen.target == "leaf"

    def test_outside_an_exploration_only_hands_through(self) -> None:
        received: list[dict[str, str]] = []

        def see() -> ResponseReturnValue:
            received.append(dict(request.headers))
            return "fine"

        with serving(service(see=see)) as url, session_with(FilibusterAdapter()) as by_hand:
            assert by_hand.get(f"{url}/see", timeout=2).text == "fine"
            with instrument_requests(), requests.Session() as plain:
                assert plain.get(f"{url}/see", timeout=2).text == "fine"
                assert type(plain.get_adapter(url)) is HTTPAdapter
        assert not any(name in headers for headers in received for name in MARKS)


@pytest.fixture(params=["mesh", "socket"])
def redirecting(request: pytest.FixtureRequest) -> Iterator[tuple[str, Services, list[Any]]]:
    """A service with a chain of redirects: its URL, what is in the mesh, and what it receives."""
    received: list[Any] = []
    app = Flask("leaf")

    @app.before_request
    def note() -> None:
        received.append(flask_request_headers())

    app.add_url_rule("/start", "start", lambda: redirect("/middle", 302))
    app.add_url_rule("/middle", "middle", lambda: redirect("ok?from=middle", 307))
    app.add_url_rule("/ok", "ok", ok)
    if request.param == "mesh":
        yield "http://leaf", {"http://leaf": app}, received
    else:
        with serving(app) as url:
            yield url, {}, received


def flask_request_headers() -> dict[str, str]:
    return dict(request.headers)


Redirecting = tuple[str, Services, list[Any]]


class TestRedirects:
    def test_each_hop_is_a_call(self, redirecting: Redirecting) -> None:
        url, services, received = redirecting
        end, calls = ended(lambda: requests.get(f"{url}/start", timeout=2), services)
        assert end.text == "fine"
        assert [call.url.removeprefix(url) for call in calls] == [
            "/start",
            "/middle",
            "/ok?from=middle",
        ]
        indexes = [headers["X-Filibuster-Execution-Index"] for headers in received]
        assert indexes == [call.index for call in calls]
        assert len(set(indexes)) == 3
        ids = [int(headers["X-Filibuster-Generated-Id"]) for headers in received]
        assert ids == [0, 1, 2]
        assert len({headers["X-Filibuster-Request-Id"] for headers in received}) == 1
        clocks = [headers["X-Filibuster-Vclock"] for headers in received]
        assert clocks == [f'{{"front": {n}}}' for n in (1, 2, 3)]
        assert clocks == [headers["X-Filibuster-Origin-Vclock"] for headers in received]

    def test_application_sees_no_own_headers(self, redirecting: Redirecting) -> None:
        url, services, _ = redirecting
        end, _ = ended(lambda: requests.get(f"{url}/start", timeout=2), services)
        assert [hop.status_code for hop in end.history] == [302, 307]
        for response in (end, *end.history):
            assert not any(name in response.request.headers for name in MARKS)
        assert [hop.request.url for hop in end.history] == [f"{url}/start", f"{url}/middle"]

    def test_middle_hop_can_be_failed(self, redirecting: Redirecting) -> None:
        url, services, received = redirecting
        end, calls = ended(
            lambda: requests.get(f"{url}/start", timeout=2), services, (1, UNAVAILABLE)
        )
        assert end.status_code == 503
        assert [hop.status_code for hop in end.history] == [302]
        assert len(calls) == 2
        assert len(received) == 3 + 1

    def test_not_followed_they_are_one_invocation(self, redirecting: Redirecting) -> None:
        url, services, _ = redirecting
        end, calls = ended(
            lambda: requests.get(f"{url}/start", timeout=2, allow_redirects=False), services
        )
        assert end.next.url == f"{url}/middle"
        assert not any(name in end.next.headers for name in MARKS)
        assert len(calls) == 1

    def test_too_many_end_as_ever(self) -> None:
        session = requests.Session()
        session.max_redirects = 3
        services = {"http://leaf": service(again=lambda: redirect("/again"))}
        end, calls = ended(lambda: session.get("http://leaf/again"), services)
        assert str(end) == "Exceeded 3 redirects."
        assert counts(calls) == [1, 2, 3, 4]

    def test_lead_from_mesh_to_socket(self) -> None:
        with serving(service(ok=ok)) as url:
            services = {"http://leaf": service(away=lambda: redirect(f"{url}/ok"))}
            end, calls = ended(lambda: requests.get("http://leaf/away", timeout=2), services)
        assert end.text == "fine"
        assert [call.target for call in calls] == ["leaf", "127.0.0.1"]


def challenge() -> ResponseReturnValue:
    if "Authorization" in request.headers:
        return "welcome"
    digest = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
    return "who are you?", 401, {"WWW-Authenticate": digest}


class TestAuthentication:
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_answer_to_challenge_is_a_call(self, where: str) -> None:
        marked = []

        def view() -> ResponseReturnValue:
            marked.append("X-Filibuster-Generated-Id" in request.headers)
            return challenge()

        def call() -> requests.Response:
            return requests.get(f"{url}/view", auth=HTTPDigestAuth("me", "secret"), timeout=2)

        app = service(view=view)
        if where == "mesh":
            url = "http://leaf"
            end, calls = ended(call, {url: app})
        else:
            with serving(app) as url:
                end, calls = ended(call, {})
        assert end.text == "welcome"
        assert [call.outcome and call.outcome.status for call in calls] == [401, 200]
        assert marked == [True, True]

    def test_answer_to_challenge_can_fail(self) -> None:
        end, calls = ended(
            lambda: requests.get("http://leaf/view", auth=HTTPDigestAuth("me", "x"), timeout=2),
            {"http://leaf": service(view=challenge)},
            (1, REFUSED),
        )
        assert isinstance(end, requests.ConnectionError)
        assert len(calls) == 2


class TestWhatTheApplicationSees:
    def test_streams_come_in_pieces(self) -> None:
        def pieces() -> ResponseReturnValue:
            return Response(iter([b"one\n", b"two\n"]), mimetype="text/plain")

        def call() -> requests.Response:
            with requests.get("http://leaf/pieces", stream=True, timeout=2) as response:
                read.extend(response.iter_lines())
                return response

        read: list[bytes] = []
        ended(call, {"http://leaf": service(pieces=pieces)})
        assert read == [b"one", b"two"]

    @pytest.mark.parametrize("faults", [(), ((1, UNAVAILABLE),)], ids=["real", "injected"])
    def test_a_session_keeps_its_cookies(self, faults: tuple[tuple[int, Fault], ...]) -> None:
        def give() -> ResponseReturnValue:
            response = Response("given")
            response.set_cookie("flavour", "vanilla")
            response.set_cookie("size", "large")
            return response

        def take() -> ResponseReturnValue:
            return f"{request.cookies.get('flavour')} {request.cookies.get('size')}"

        def call() -> requests.Response:
            with requests.Session() as session:
                session.get("http://leaf/give")
                session.get("http://leaf/ok")
                return session.get("http://leaf/take")

        services = {"http://leaf": service(give=give, take=take, ok=ok)}
        end, _ = ended(call, services, *faults)
        assert end.text == "vanilla large"

    @pytest.mark.parametrize("faults", [(), ((0, UNAVAILABLE),)], ids=["real", "injected"])
    def test_hooks_may_replace_the_response(self, faults: tuple[tuple[int, Fault], ...]) -> None:
        statuses = []

        def hook(response: requests.Response, **options: Any) -> requests.Response:
            statuses.append(response.status_code)
            response.headers["X-Hooked"] = "yes"
            return response

        hooks = {"response": hook}
        end, _ = ended(
            lambda: requests.get("http://leaf/ok", hooks=hooks, timeout=1), LEAF, *faults
        )
        assert end.headers["X-Hooked"] == "yes"
        assert statuses == ([200, 503] if faults else [200])

    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_request_is_its_own(self, where: str) -> None:
        prepared: list[requests.PreparedRequest] = []

        def call() -> requests.Response:
            with requests.Session() as session:
                prepared.append(session.prepare_request(requests.Request("GET", f"{url}/ok")))
                return session.send(prepared[-1])

        if where == "mesh":
            url = "http://leaf"
            end, _ = ended(call, LEAF)
        else:
            with serving(service(ok=ok)) as url:
                end, _ = ended(call, {})
        assert end.request is prepared[-1]
        assert not any(name in end.request.headers for name in MARKS)

    def test_real_exception_has_its_request(self, dead: str) -> None:
        end, (seen,) = ended(lambda: requests.get(dead, timeout=2), {})
        assert isinstance(end, requests.ConnectionError)
        assert end.request is not None
        assert not any(name in end.request.headers for name in MARKS)
        assert seen.outcome is not None
        assert seen.outcome.exception == "ConnectionError"

    def test_gateway_hands_no_headers_on(self) -> None:
        """Headers of ours that it received."""
        received = []

        def see() -> ResponseReturnValue:
            received.append(dict(request.headers))
            return "fine"

        def call() -> requests.Response:
            forwarded = {**dict(request.headers), "X-Filibuster-Forced-Sleep": "3600"}
            forwarded.pop("Host")
            return requests.get("http://leaf/see", headers=forwarded, timeout=1)

        begun = time.monotonic()
        services = {"http://leaf": service(see=see)}
        _, (seen,) = ended(call, services)
        ended(call, services, config={"FILIBUSTER_EXCLUDED_HOSTS": ["leaf"]})
        assert time.monotonic() - begun < 5
        first, excluded = received
        assert first["X-Filibuster-Execution-Index"] == seen.index
        assert "X-Filibuster-Forced-Sleep" not in first
        assert not any(name.startswith("X-Filibuster") for name in excluded)


def retrying(policy: Any) -> requests.Session:
    session = session_with(HTTPAdapter(max_retries=policy))
    session.trust_env = False
    return session


class TestRetries:
    def test_each_attempt_is_a_call(self) -> None:
        session = retrying(Retry(3, status_forcelist=[503]))
        answers = iter([503, 503, 200])

        def third_time() -> ResponseReturnValue:
            return "answer", next(answers)

        services = {"http://leaf": service(third_time=third_time)}
        end, calls = ended(lambda: session.get("http://leaf/third_time"), services)
        assert end.status_code == 200
        assert counts(calls) == [1, 2, 3]
        assert len({call.index.pairs[-1][0] for call in calls}) == 1
        assert [call.outcome and call.outcome.status for call in calls] == [503, 503, 200]

    @pytest.mark.parametrize(
        "fault",
        [
            REFUSED,
            UNAVAILABLE,
            Fault(exception="ReadTimeout"),
            Fault(exception="ConnectTimeout"),
            Fault(exception="ConnectionError", abort=False),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_second_attempt_can_succeed(self, fault: Fault, where: str) -> None:
        session = retrying(Retry(1, status_forcelist=[503]))
        if where == "mesh":
            end, calls = ended(lambda: session.get("http://leaf/ok", timeout=2), LEAF, (0, fault))
        else:
            with serving(service(ok=ok)) as url, session:
                end, calls = ended(lambda: session.get(f"{url}/ok", timeout=2), {}, (0, fault))
        assert end.text == "fine"
        assert counts(calls) == [1, 2]
        assert [call.fault for call in calls] == [fault, None]

    @pytest.mark.parametrize(
        "name", ["ChunkedEncodingError", "ContentDecodingError", "RetryError", "TooManyRedirects"]
    )
    def test_later_errors_are_not_retried(self, name: str) -> None:
        """Errors that come about after the attempts."""
        session = retrying(Retry(3))
        fault = Fault(exception=name)
        end, calls = ended(lambda: session.get("http://leaf/ok"), LEAF, (0, fault))
        assert type(end).__name__ == name
        assert len(calls) == 1

    def test_every_attempt_is_explored(self) -> None:
        session = retrying(Retry(2))
        result = explore(
            lambda: requests.get("http://front/call", timeout=5),
            {"http://front": service(call=lambda: session.get("http://leaf/ok").text), **LEAF},
            FaultModel(exceptions=("ConnectionError",), default_statuses=()),
        )
        assert [len(each.faults) for each in result.executions] == [0, 1, 2, 3]
        assert [len(each.trace.invocations) for each in result.executions] == [1, 2, 3, 3]
        assert [len(each.faults) for each in result.executions if each.verdict != "passed"] == []
        (crash,) = [each for each in result.findings if each.kind == "uncaught exception"]
        assert len(crash.faults) == 3

    @pytest.mark.parametrize(
        ("method", "policy", "view"),
        [
            pytest.param("GET", Retry(2, status_forcelist=[503]), unavailable, id="exhausted"),
            pytest.param(
                "GET",
                Retry(2, status_forcelist=[503], raise_on_status=False),
                unavailable,
                id="not-raised",
            ),
            pytest.param(
                "GET", Retry(None, status=1, status_forcelist=[503]), unavailable, id="no-total"
            ),
            pytest.param("GET", Retry(0, status_forcelist=[503]), unavailable, id="no-retry"),
            pytest.param("GET", Retry(False, status_forcelist=[503]), unavailable, id="disabled"),
            pytest.param(
                "GET", Retry(5, status=1, status_forcelist=[503]), unavailable, id="status"
            ),
            pytest.param("GET", Retry(3, status_forcelist=[500]), unavailable, id="not-listed"),
            pytest.param("POST", Retry(3, status_forcelist=[503]), unavailable, id="post"),
            pytest.param(
                "POST",
                Retry(2, status_forcelist=[503], allowed_methods=None),
                unavailable,
                id="every-method",
            ),
            pytest.param(
                "PUT",
                Retry(2, status_forcelist=[503], allowed_methods=["GET"]),
                unavailable,
                id="method-not-allowed",
            ),
            pytest.param("GET", Retry(2), unavailable, id="nothing-listed"),
            pytest.param("GET", 2, unavailable, id="number"),
            pytest.param(
                "GET", Retry(2), lambda: ("later", 503, {"Retry-After": "0"}), id="retry-after"
            ),
            pytest.param(
                "GET",
                Retry(2, respect_retry_after_header=False),
                lambda: ("later", 503, {"Retry-After": "0"}),
                id="retry-after-ignored",
            ),
            pytest.param(
                "POST", Retry(2), lambda: ("later", 503, {"Retry-After": "0"}), id="post-after"
            ),
        ],
    )
    def test_statuses_end_as_with_real_requests(self, method: str, policy: Any, view: View) -> None:
        attempts = []

        def counted() -> ResponseReturnValue:
            attempts.append(request.method)
            return view()

        def call() -> requests.Response:
            with retrying(policy) as session:
                return session.request(method, f"{url}/counted", timeout=5)

        app = service(counted=counted)
        with serving(app) as url:
            real = story(end_of(call))
            count = len(attempts)
            over_socket, calls_over_socket = ended(call, {})
        in_mesh, calls_in_mesh = ended(call, {url: app})
        assert story(over_socket) == real
        assert story(in_mesh) == real
        assert counts(calls_over_socket) == counts(calls_in_mesh) == list(range(1, count + 1))
        assert len(attempts) == 3 * count

    @pytest.mark.parametrize(
        ("method", "policy"),
        [
            pytest.param("GET", Retry(2), id="total"),
            pytest.param("GET", Retry(5, connect=1), id="connect"),
            pytest.param("GET", Retry(None, connect=2), id="no-total"),
            pytest.param("GET", Retry(3, connect=False), id="connect-disabled"),
            pytest.param("GET", Retry(False), id="disabled"),
            pytest.param("GET", Retry(0), id="zero"),
            pytest.param("POST", Retry(2), id="post"),
            pytest.param("GET", Retry(2, read=False), id="read-disabled"),
        ],
    )
    def test_refused_connections_end_as_real(self, method: str, policy: Retry, dead: str) -> None:
        def call() -> requests.Response:
            with retrying(policy) as session:
                return session.request(method, f"{dead}/x", timeout=5)

        real = story(end_of(call))
        assert story(ended(call, {})[0]) == real
        injected, count = self.all_failed(call, dead, ("ConnectionError",), ())
        assert story(injected) == real
        assert count == len(ended(call, {})[1])

    @pytest.mark.parametrize(
        ("method", "policy"),
        [
            pytest.param("GET", Retry(2), id="total"),
            pytest.param("GET", Retry(5, read=1), id="read"),
            pytest.param("GET", Retry(3, read=False), id="read-disabled"),
            pytest.param("POST", Retry(2), id="post"),
            pytest.param("POST", Retry(1, allowed_methods=None), id="every-method"),
            pytest.param("GET", Retry(0), id="zero"),
            pytest.param("GET", Retry(0, status_forcelist=[503]), id="zero-with-list"),
            pytest.param("GET", Retry(False), id="disabled"),
        ],
    )
    @pytest.mark.parametrize("how", ["closed", "timeout"])
    def test_lost_answers_end_as_real(self, method: str, policy: Retry, how: str) -> None:
        def call() -> requests.Response:
            with retrying(policy) as session:
                return session.request(method, f"{url}/x", timeout=(5, patience))

        patience = 5 if how == "closed" else 0.1
        with listening(socket.socket.close if how == "closed" else lambda _: None) as url:
            real = story(end_of(call))
            over_socket, calls = ended(call, {})
        assert story(over_socket) == real
        lost = "ConnectionError" if how == "closed" else "ReadTimeout"
        injected, count = self.all_failed(call, url, (), (lost,))
        assert story(injected) == real
        assert count == len(calls)

    @staticmethod
    def all_failed(
        call: MakeCall, url: str, exceptions: tuple[str, ...], lost: tuple[str, ...]
    ) -> tuple[Any, int]:
        """What a call ends in that fails whenever it is tried, and how often it is."""
        ends = []

        def view() -> ResponseReturnValue:
            ends.append(end_of(call))
            return "done"

        result = explore(
            lambda: requests.get("http://front/view", timeout=5),
            {"http://front": service(view=view), url: service(x=ok)},
            FaultModel(exceptions=exceptions, default_statuses=(), lost_answers=lost),
            reduction="none",
        )
        assert {each.verdict for each in result.executions} == {"passed"}, result.inconclusive
        last = result.executions[-1]
        calls = last.trace.invocations
        assert len(last.faults) == len(calls)
        return ends[-1], len(calls)

    @pytest.mark.parametrize("where", ["mesh", "injected"])
    def test_policy_decides_the_wait(self, where: str) -> None:
        def call() -> requests.Response:
            policy = Retry(2, status_forcelist=[503], backoff_factor=0.25)
            return retrying(policy).get("http://leaf/later", timeout=2)

        after = {"Retry-After": "7"} if where == "mesh" else {}
        services = {"http://leaf": service(later=lambda: ("later", 503, after), ok=ok)}
        with mock.patch("urllib3.util.retry.time.sleep") as sleep:
            ended(call, services)
        waited = [each.args[0] for each in sleep.call_args_list]
        assert waited == ([7, 7] if where == "mesh" else [0.5])

    @pytest.mark.parametrize("where", ["mesh", "socket"])
    def test_files_are_rewound(self, where: str) -> None:
        received = []

        def take() -> ResponseReturnValue:
            received.append(request.get_data())
            return "fine" if len(received) % 2 == 0 else ("later", 503)

        def call() -> requests.Response:
            file = io.BytesIO(b"skipped, sent")
            file.seek(len(b"skipped, "))
            with retrying(Retry(1, status_forcelist=[503], allowed_methods=None)) as session:
                return session.post(f"{url}/take", data=file, timeout=2)

        app = service(take=take)
        with serving(app) as url:
            end, _ = ended(call, {url: app} if where == "mesh" else {})
        assert end.text == "fine"
        assert received == [b"sent", b"sent"]

    def test_requests_of_tests_are_retried(self) -> None:
        answers = iter([503, 200])
        app = service(second_time=lambda: ("answer", next(answers)))

        def test() -> None:
            response = retrying(Retry(1, status_forcelist=[503])).get("http://leaf/second_time")
            assert response.status_code == 200

        (execution,) = explore(test, {"http://leaf": app}, max_executions=1).executions
        assert execution.verdict == "passed", execution.error
        assert [call.index for call in execution.trace.requests] == [
            '[["GET 80/second_time", 1]]',
            '[["GET 80/second_time", 2]]',
        ]

    def test_excluded_calls_are_retried(self) -> None:
        answers = iter([503, 200])
        end, calls = ended(
            lambda: retrying(Retry(1, status_forcelist=[503])).get("http://leaf/view"),
            {"http://leaf": service(view=lambda: ("answer", next(answers)))},
            config={"FILIBUSTER_EXCLUDED_HOSTS": ["leaf"]},
        )
        assert end.status_code == 200
        assert calls == ()


class TestWhatIsLeftAlone:
    @pytest.mark.parametrize(
        ("excluded", "url", "seen"),
        [
            (["leaf"], "http://leaf/ok", False),
            (["LEAF"], "http://Leaf/ok", False),
            (["eaf"], "http://leaf/ok", True),
            ([".internal"], "http://a.b.internal/ok", False),
            ([".internal"], "http://internal/ok", True),
            (["internal"], "http://a.internal/ok", True),
            ([], "http://leaf/ok", True),
        ],
    )
    def test_calls_to_excluded_hosts(self, excluded: list[str], url: str, *, seen: bool) -> None:
        marked = []

        def see() -> ResponseReturnValue:
            marked.append("X-Filibuster-Request-Id" in request.headers)
            return "fine"

        services = {url.removesuffix("/ok"): service(ok=see)}
        config = {"FILIBUSTER_EXCLUDED_HOSTS": excluded}
        end, calls = ended(lambda: requests.get(url, timeout=1), services, config=config)
        assert end.text == "fine"
        assert len(calls) == int(seen)
        assert marked == [seen]

    def test_excluded_hosts_receive_no_headers(self) -> None:
        received = []

        def see() -> ResponseReturnValue:
            received.append(dict(request.headers))
            return "fine"

        config = {"FILIBUSTER_EXCLUDED_HOSTS": ["127.0.0.1"]}
        with serving(service(see=see)) as url:
            _, calls = ended(lambda: requests.get(f"{url}/see", timeout=2), {}, config=config)
        assert calls == ()
        assert not any(name.startswith("X-Filibuster") for name in received[0])

    def test_apps_that_switch_it_off(self) -> None:
        config = {"FILIBUSTER_INSTRUMENT_REQUESTS": False}
        end, calls = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF, config=config)
        assert end.text == "fine"
        assert calls == ()

    def test_settings_belong_to_one_app(self) -> None:
        middle = service(on=lambda: requests.get("http://leaf/ok", timeout=1).text)
        _, calls = ended(
            lambda: requests.get("http://middle/on", timeout=1),
            {"http://middle": middle, **LEAF},
            config={"FILIBUSTER_INSTRUMENT_REQUESTS": False},
        )
        # Who is called by a call that is not seen cannot know on whose behalf.
        assert calls == ()
        Filibuster(middle, service_name="middle")
        _, calls = ended(
            lambda: requests.get("http://middle/on", timeout=1), {"http://middle": middle, **LEAF}
        )
        assert [call.source for call in calls] == ["front", "middle"]


class TestMocks:
    def test_mocked_host_is_a_leaf(self) -> None:
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked:81/thing", json={"mocked": True})
            end, (seen,) = ended(lambda: requests.get("http://mocked:81/thing", timeout=1), {})
            assert end.json() == {"mocked": True}
            assert mocks.assert_call_count("http://mocked:81/thing", 1)
        assert seen.target == "mocked"
        assert not any(name in end.request.headers for name in MARKS)

    @pytest.mark.parametrize("adapter", [None, DefaultTimeout(2), Twice(), Signing()])
    def test_a_mocked_call_can_be_failed(self, adapter: HTTPAdapter | None) -> None:
        session = requests.Session() if adapter is None else session_with(adapter)
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked/", body="mocked")
            end, _ = ended(lambda: session.get("http://mocked/"), {}, (0, UNAVAILABLE))
            assert end.status_code == 503
            # Once without a fault; the faulted call takes its answer, too.
            assert mocks.assert_call_count("http://mocked/", 2)

    def test_mock_inside_a_view_is_seen(self) -> None:
        def call() -> requests.Response:
            with responses.RequestsMock() as mocks:
                mocks.post("http://mocked/", status=201)
                return requests.post("http://mocked/", json={}, timeout=1)

        end, (seen,) = ended(call, {})
        assert end.status_code == 201
        assert seen.outcome is not None
        assert seen.outcome.status == 201

    def test_mocked_failure_stays(self) -> None:
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked/", body=requests.exceptions.ReadTimeout("mocked"))
            end, (seen,) = ended(lambda: requests.get("http://mocked/", timeout=1), {})
        assert str(end) == "mocked"
        assert seen.outcome is not None
        assert seen.outcome.exception == "ReadTimeout"

    def test_unmocked_call_fails_as_ever(self) -> None:
        with responses.RequestsMock() as mocks:
            end, _ = ended(lambda: requests.get("http://nobody/", timeout=1), {})
            assert "No mocks were registered" not in str(end)
            assert "Connection refused by Responses" in str(end)
            mocks.reset()

    def test_retries_run_through_mocks(self) -> None:
        with responses.RequestsMock() as mocks:
            mocks.get("http://mocked/", status=503)
            mocks.get("http://mocked/", body="second")
            session = retrying(Retry(3, status_forcelist=[503]))
            end, calls = ended(lambda: session.get("http://mocked/"), {})
        assert end.text == "second"
        assert counts(calls) == [1, 2]

    def test_mesh_is_reached_beside_mocks(self) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False):
            end, _ = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
        assert end.text == "fine"


@contextmanager
def within(scope: Scope) -> Iterator[None]:
    enter(scope)
    try:
        yield
    finally:
        enter(None)


def patched() -> list[Any]:
    from asyncio import BaseEventLoop

    return [
        requests.Session.__dict__["get_adapter"],
        HTTPAdapter.__dict__["send"],
        _thread.start_new_thread,
        ThreadPoolExecutor.__dict__["submit"],
        BaseEventLoop.__dict__["create_task"],
    ]


class TestSwitchingOnAndOff:
    @pytest.fixture(autouse=True)
    def _originals_are_back_afterwards(self) -> Iterator[None]:
        self.originals = patched()
        yield
        assert all(a is b for a, b in zip(self.originals, patched(), strict=True))

    def test_release_restores_the_same_objects(self) -> None:
        hold = instrument_requests()
        assert not any(a is b for a, b in zip(self.originals, patched(), strict=True))
        hold.release()

    def test_replacements_look_like_originals(self) -> None:
        with instrument_requests():
            for original, replacement in zip(self.originals, patched(), strict=True):
                assert replacement.__name__ == original.__name__
                assert replacement.__doc__ == original.__doc__

    def test_twice_is_as_once(self) -> None:
        with instrument_requests():
            once = patched()
            with instrument_requests():
                assert patched() == once
            assert patched() == once

    def test_holds_are_released_in_any_order(self) -> None:
        first, second, third = (instrument_requests() for _ in range(3))
        for hold in (second, first):
            hold.release()
            assert patched() != self.originals
        third.release()

    def test_second_release_does_nothing(self) -> None:
        first, second = instrument_requests(), instrument_requests()
        first.release()
        first.release()
        assert patched() != self.originals
        second.release()

    def test_with_block_may_raise(self) -> None:
        with pytest.raises(LookupError), instrument_requests():
            raise LookupError

    def test_foreign_patch_on_top_stays(self) -> None:
        hold = instrument_requests()
        ours = requests.Session.get_adapter
        asked = []

        def theirs(self: requests.Session, url: str) -> BaseAdapter:
            asked.append(url)
            return ours(self, url)

        requests.Session.get_adapter = theirs  # type: ignore[method-assign]
        try:
            hold.release()
            assert requests.Session.__dict__["get_adapter"] is theirs
            session = requests.Session()
            with within(Scope(None, None)):  # As a thread is that an exploration left behind.
                assert session.get_adapter("http://x") is session.adapters["http://"]
            end, calls = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
            assert end.text == "fine"
            assert len(calls) == 1
            assert asked
            assert requests.Session.__dict__["get_adapter"] is theirs
        finally:
            requests.Session.get_adapter = ours  # type: ignore[method-assign]
        # Ours is what they found and put back; it is inert, and gone after the next use.
        assert session.get_adapter("http://x") is session.adapters["http://"]
        with instrument_requests():
            pass

    def test_threads_may_hold_and_release(self) -> None:
        begin = threading.Barrier(8, timeout=5)

        def hold_and_release() -> None:
            begin.wait()
            for _ in range(100):
                holds = [instrument_requests() for _ in range(3)]
                assert not any(a is b for a, b in zip(self.originals, patched(), strict=True))
                for hold in (holds[1], holds[0], holds[2]):
                    hold.release()

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(hold_and_release) for _ in range(8)]:
                done.result()

    def test_threads_release_a_hold_once(self) -> None:
        for _ in range(50):
            kept, shared = instrument_requests(), instrument_requests()
            with ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(shared.release) for _ in range(8)]:
                    done.result()
            assert patched() != self.originals
            kept.release()

    def test_interrupted_exploration_leaves_nothing(self) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            explore(interrupted, LEAF)


def test_raw_response_is_of_urllib3() -> None:
    end, _ = ended(lambda: requests.get("http://leaf/ok", timeout=1), LEAF)
    assert isinstance(end.raw, HTTPResponse)
    assert end.raw.version == 11
    assert end.connection.send
    assert pickle.loads(pickle.dumps(end)).text == "fine"
