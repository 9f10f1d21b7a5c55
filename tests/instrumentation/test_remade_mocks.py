"""Kinds made of the real answer, where a library mocks requests or httpx."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import Fault, FaultModel, explore
from tests.support.cases import sample

URL = "http://stock.example/price"
PRICE = {"price": 3}
KINDS = FaultModel(
    (),
    default_statuses=(),
    faults=[
        Fault.of("body cut short", at="last byte"),
        Fault.of("HTML page"),
        Fault.of("not decodable"),
        Fault.of("key missing"),
    ],
)


@contextmanager
def _responses() -> Iterator[None]:
    responses = pytest.importorskip("responses")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(URL, json=PRICE)
        yield


@contextmanager
def _requests_mock() -> Iterator[None]:
    requests_mock = pytest.importorskip("requests_mock")
    with requests_mock.Mocker() as mock:
        mock.get(URL, json=PRICE)
        yield


@contextmanager
def _httmock() -> Iterator[None]:
    httmock = pytest.importorskip("httmock")
    headers = {"Content-Type": "application/json"}
    with httmock.HTTMock(lambda _url, _request: httmock.response(200, PRICE, headers)):
        yield


MOCKS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "responses": _responses,
    "httmock": _httmock,
    "requests_mock": _requests_mock,
}


def verdicts(
    get: Callable[..., Any], around: Callable[[], AbstractContextManager[None]]
) -> list[str]:
    front = Flask("front")

    @front.get("/")
    def page() -> str:
        return str(get(URL, timeout=1).json()["price"])

    def test() -> None:
        with around():
            assert front.test_client().get("/").status_code == 200

    services = {"http://front": front}
    result = explore(test, services, KINDS, check_determinism=False)
    assert not [each.problems for each in result.executions if each.problems]
    return [each.verdict for each in result.executions]


@pytest.mark.parametrize("library", sample(MOCKS))
def test_mocked_answer_is_altered(library: str) -> None:
    pytest.importorskip(library)
    assert verdicts(requests.get, MOCKS[library]) == ["passed", *["failed"] * 4]


def test_answer_of_a_transport_is_altered() -> None:
    httpx = pytest.importorskip("httpx")
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=PRICE))

    def get(url: str, timeout: float) -> Any:
        with httpx.Client(transport=transport, timeout=timeout) as client:
            return client.get(url)

    @contextmanager
    def nothing() -> Iterator[None]:
        yield

    assert verdicts(get, nothing) == ["passed", *["failed"] * 4]
