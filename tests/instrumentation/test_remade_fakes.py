"""Kinds made of the real answer, where a test has replaced requests or httpx by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import requests
from flask import Flask

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.instrumentation.clients.fakes import content_of_fake
from flask_filibuster.results.result import Result

httpx = pytest.importorskip("httpx")

KINDS = FaultModel(
    (),
    default_statuses=(),
    faults=[
        Fault.of("HTML page"),
        Fault.of("not decodable"),
        Fault.of("body cut short"),
        Fault.of("value null", at="/price"),
        Fault.of("other success", status=204),
    ],
)
PRICE = {"price": 3}


def _response() -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response._content = b'{"price": 3}'
    return response


FAKES: Mapping[str, Callable[[], Any]] = {
    "Mock": lambda: mock.Mock(status_code=200, **{"json.return_value": PRICE}),
    "MagicMock": lambda: mock.MagicMock(status_code=200, **{"json.return_value": PRICE}),
    "text": lambda: mock.Mock(status_code=200, text='{"price": 3}', json=lambda: PRICE),
    "namespace": lambda: SimpleNamespace(
        status_code=200, json=lambda: PRICE, content=b'{"price":3}'
    ),
    "response": _response,
}


def explored(module: Any, fake: Callable[[], Any], *, careful: bool) -> Result:
    front = Flask("front")
    failures: tuple[type[Exception], ...] = ()
    if careful:
        failures = (ValueError, TypeError, requests.RequestException, httpx.HTTPError)

    @front.get("/")
    def page() -> Any:
        try:
            return str(module.get("http://stock/price", timeout=1).json()["price"] * 2)
        except failures:
            return "no price", 503

    def test() -> None:
        with mock.patch.object(module, "get", return_value=fake()):
            assert front.test_client().get("/").status_code in (200, 503)

    return explore(test, {"http://front": front}, KINDS, check_determinism=False)


@pytest.mark.parametrize("library", ["requests", "httpx"])
@pytest.mark.parametrize("fake", FAKES)
def test_each_kind_reaches_the_application(fake: str, library: str) -> None:
    module = {"requests": requests, "httpx": httpx}[library]
    made = FAKES[fake]
    if fake == "response" and library == "httpx":
        made = lambda: httpx.Response(200, json=PRICE)  # noqa: E731
    fragile = explored(module, made, careful=False)
    assert [each.verdict for each in fragile.executions] == ["passed", *["failed"] * 5]
    careful = explored(module, made, careful=True)
    assert [each.verdict for each in careful.executions] == ["passed"] * 6


def test_books_of_a_mock_stay_as_they_are() -> None:
    reply = mock.Mock(status_code=200)
    assert content_of_fake(reply) is None
    reply.json.return_value = PRICE
    assert content_of_fake(reply) == b'{"price":3}'
    reply.json.side_effect = ValueError
    assert content_of_fake(reply) is None
    assert reply.mock_calls == []
