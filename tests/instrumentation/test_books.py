"""Mocks that count, and complain of what was not asked: no false alarm of a view that degrades."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest import mock

import pytest
import requests
from flask import Flask

from flask_filibuster import explore
from flask_filibuster.results.result import Result
from tests.support.mocked import WAYS

URL = "http://weather.test/now"
Books = Callable[[], AbstractContextManager[str]]


@contextmanager
def all_fired() -> Iterator[str]:
    import responses

    with responses.RequestsMock(assert_all_requests_are_fired=True) as mocked:
        first, second = (mocked.get(URL, json={"n": n}) for n in (1, 2))
        yield URL
        assert (first.call_count, second.call_count) == (1, 1)
        mocked.assert_call_count(URL, 2)


@contextmanager
def history() -> Iterator[str]:
    import requests_mock

    with requests_mock.Mocker() as mocked:
        mocked.get(URL, [{"json": {"n": 1}}, {"json": {"n": 2}}])
        yield URL
        assert [each.url for each in mocked.request_history] == [URL, URL]


@contextmanager
def call_list() -> Iterator[str]:
    replies = [mock.Mock(**{"json.return_value": {"n": n}}) for n in (1, 2)]
    with mock.patch("requests.get", side_effect=replies) as get:
        yield URL
        assert get.call_args_list == [mock.call(URL, timeout=3)] * 2
        get.assert_has_calls([mock.call(URL, timeout=3)] * 2)


@contextmanager
def all_done() -> Iterator[str]:
    import pook

    with WAYS["pook"]("http://real.test", URL):
        yield URL
        assert pook.isdone()


@contextmanager
def all_played() -> Iterator[str]:
    with WAYS["vcr"]("http://real.test", URL) as cassette:
        yield URL
        assert cassette.taken() == 2


@contextmanager
def checked_assertions() -> Iterator[str]:
    with WAYS["pytest_httpserver"]("http://real.test") as server:
        yield server.url
        assert server.taken() == 2


def explored(books: Books, *, careful: bool) -> Result:
    app = Flask("shop")

    def ask(url: str) -> int | None:
        try:
            response = requests.get(url, timeout=3)
            response.raise_for_status()
            return int(response.json()["n"])
        except requests.RequestException:
            if careful:
                return None
            raise

    def test() -> None:
        with books() as url:
            app.view_functions["view"] = lambda: [ask(url), ask(url)]
            assert app.test_client().get("/").status_code == 200

    app.add_url_rule("/", "view", lambda: "")
    return explore(test, {"http://shop": app})


NEEDS = {
    all_done: "pook",
    all_fired: "responses",
    all_played: "vcr",
    call_list: "unittest.mock",
    checked_assertions: "pytest_httpserver",
    history: "requests_mock",
}


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    """Before anything is explored: a skip within an execution is the test's own."""
    pytest.importorskip(NEEDS[request.getfixturevalue("books")])


@pytest.mark.parametrize("books", NEEDS)
class TestBooks:
    def test_degrading_view_is_no_false_alarm(self, books: Books) -> None:
        result = explored(books, careful=True)
        assert result.ok, result
        assert max(len(each.faults) for each in result.executions) == 2

    def test_careless_view_is_a_bug(self, books: Books) -> None:
        assert explored(books, careful=False).bugs
