"""The ways in which tests mock HTTP: each answers two calls to one URL with 1 and with 2.

A way is a context manager. It yields the URL, the number of answers that were taken, and a URL
that the mock passes on to the network, if it can.
"""

from __future__ import annotations

import atexit
import importlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
import requests

URL = "http://weather.test/now"


@dataclass
class Mocked:
    """A mock that is in place.

    :ivar url: the URL that it answers.
    :ivar taken: how many of its answers were taken.
    """

    url: str
    taken: Callable[[], int]


class Way(Protocol):
    """Puts a mock in place, which passes ``real`` on and answers ``url``."""

    def __call__(self, real: str, url: str = URL) -> AbstractContextManager[Mocked]: ...


@contextmanager
def by_responses(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("responses")
    registry = importlib.import_module("responses.registries").OrderedRegistry
    with mocks.RequestsMock(registry=registry, assert_all_requests_are_fired=False) as mock:
        mock.get(url, json={"n": 1})
        mock.get(url, json={"n": 2})
        yield Mocked(url, lambda: len(mock.calls))


@contextmanager
def by_responses_passing(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("responses")
    with mocks.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_passthru(real)
        mock.get(url, json={"n": 1})
        mock.get(url, json={"n": 2})
        yield Mocked(url, lambda: len(mock.calls))


@contextmanager
def by_responses_started(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("responses")
    mocks.start()
    try:
        mocks.get(url, json={"n": 1})
        mocks.get(url, json={"n": 2})
        mocks.add(mocks.PassthroughResponse("GET", f"{real}/ok"))
        yield Mocked(url, lambda: len(mocks.calls))
    finally:
        mocks.stop()
        mocks.reset()


@contextmanager
def by_requests_mock(real: str, url: str = URL) -> Iterator[Mocked]:
    with importlib.import_module("requests_mock").Mocker() as mock:
        mock.get(f"{real}/ok", real_http=True)
        found = mock.get(url, [{"json": {"n": 1}}, {"json": {"n": 2}}])
        yield Mocked(url, lambda: found.call_count)


@contextmanager
def by_requests_mock_real(real: str, url: str = URL) -> Iterator[Mocked]:
    with importlib.import_module("requests_mock").Mocker(real_http=True) as mock:
        found = mock.get(url, [{"json": {"n": 1}}, {"json": {"n": 2}}])
        yield Mocked(url, lambda: found.call_count)


@contextmanager
def by_requests_mock_nested(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("requests_mock")
    with mocks.Mocker(real_http=True) as outer:
        found = outer.get(url, [{"json": {"n": 1}}, {"json": {"n": 2}}])
        with mocks.Mocker(real_http=True) as inner:
            inner.get("http://other.test/")
            yield Mocked(url, lambda: found.call_count)


@contextmanager
def by_httmock(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("httmock")
    taken: list[str] = []

    @mocks.urlmatch(netloc=urlsplit(url).netloc)  # type: ignore[untyped-decorator]
    def answer(asked: Any, request: Any) -> Any:
        taken.append(request.url)
        return mocks.response(200, {"n": len(taken)}, request=request)

    with mocks.HTTMock(answer):
        yield Mocked(url, lambda: len(taken))


@contextmanager
def by_httpretty(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("httpretty")
    with mocks.enabled(allow_net_connect=True):
        both = [mocks.Response(body=json.dumps({"n": n})) for n in (1, 2)]
        mocks.register_uri(mocks.GET, url, responses=both)
        yield Mocked(url, lambda: len(mocks.latest_requests()))


@contextmanager
def by_pook(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("pook")
    mocks.on()  # Not use(): it stays on after a failed test.
    try:
        mocks.enable_network()
        both = [mocks.get(url).times(1).reply(200).json({"n": n}).mock for n in (1, 2)]
        yield Mocked(url, lambda: sum(each.calls for each in both))
    finally:
        mocks.off()
        mocks.disable_network()


@contextmanager
def by_mocket(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("mocket")
    entry = importlib.import_module("mocket.mocks.mockhttp").Entry
    with mocks.Mocketizer():
        entry.register(entry.GET, url, *(json.dumps({"n": n}) for n in (1, 2)))
        yield Mocked(url, lambda: len(mocks.Mocket.request_list()))


def _interaction(url: str, n: int) -> dict[str, Any]:
    return {
        "request": {"method": "GET", "uri": url, "body": None, "headers": {}},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": ["application/json"]},
            "body": {"string": json.dumps({"n": n})},
        },
    }


@contextmanager
def by_vcr(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("vcr")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weather.yaml")
        both = {"version": 1, "interactions": [_interaction(url, n) for n in (1, 2)]}
        path.write_text(json.dumps(both))  # YAML, too.
        with mocks.VCR(record_mode="new_episodes").use_cassette(str(path)) as cassette:
            yield Mocked(url, lambda: int(cassette.play_count))


@contextmanager
def by_betamax(real: str, url: str = URL) -> Iterator[Mocked]:
    mocks = importlib.import_module("betamax")
    when = "2026-01-01T00:00:00"
    both = []
    for n in (1, 2):
        body = {"encoding": "utf-8", "string": json.dumps({"n": n})}
        asked = {"method": "GET", "uri": url, "headers": {}, "body": {"encoding": "", "string": ""}}
        answer = {"status": {"code": 200, "message": "OK"}, "headers": {}, "url": url, "body": body}
        both.append({"request": asked, "response": answer, "recorded_at": when})
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session, ExitStack() as at:
        Path(folder, "weather.json").write_text(
            json.dumps({"http_interactions": both, "recorded_with": "betamax"})
        )
        recorder = mocks.Betamax(session, cassette_library_dir=folder)
        recorder.use_cassette("weather", record="new_episodes", allow_playback_repeats=False)
        at.enter_context(recorder)
        patch = at.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(requests, "get", session.get)
        interactions = recorder.current_cassette.interactions
        yield Mocked(url, lambda: sum(each.used for each in interactions[:2]))


@contextmanager
def by_httpserver(real: str, url: str = URL) -> Iterator[Mocked]:
    server = _server()
    server.clear()
    for n in (1, 2):
        server.expect_ordered_request("/now").respond_with_json({"n": n})
    yield Mocked(server.url_for("/now"), lambda: len(server.log))


@cache
def _server() -> Any:
    """As its fixture: one server for all tests."""
    server = importlib.import_module("pytest_httpserver").HTTPServer(host="127.0.0.1")
    server.start()
    atexit.register(server.stop)
    return server


WAYS: dict[str, Way] = {
    "responses": by_responses,
    "responses-passing": by_responses_passing,
    "responses-started": by_responses_started,
    "requests_mock": by_requests_mock,
    "requests_mock-real": by_requests_mock_real,
    "requests_mock-nested": by_requests_mock_nested,
    "httmock": by_httmock,
    "httpretty": by_httpretty,
    "pook": by_pook,
    "mocket": by_mocket,
    "vcr": by_vcr,
    "betamax": by_betamax,
    "pytest_httpserver": by_httpserver,
}
# HTTPretty cannot reach a real server in the same process, whose sockets it replaces, too.
_SEALED = ("responses", "httpretty", "mocket", "pytest_httpserver")
PASSING = [name for name in WAYS if name not in _SEALED]
