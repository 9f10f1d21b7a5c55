"""Adapters that others mount, or that are mounted by hand."""

from __future__ import annotations

import copy
import functools
import io
import pickle
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
import requests
from flask import request
from flask.typing import ResponseReturnValue
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import Retry

from flask_filibuster import FaultModel, FilibusterAdapter, explore, instrument_requests
from flask_filibuster.core.fault import Fault
from tests.support.callers import (
    LEAF,
    MARKS,
    REFUSED,
    UNAVAILABLE,
    ended,
    ok,
    run,
    service,
    serving,
)
from tests.support.requesting import (
    DefaultTimeout,
    Signing,
    Twice,
    counts,
    paths,
    session_with,
    timeout_of,
)


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
            assert seen.target == "service"  # It takes part, though nobody names it.
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
