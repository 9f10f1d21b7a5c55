"""Kinds of fault of the network and of answers: each finds a bug, and nothing in its clean twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from unittest import mock

import pytest
import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from urllib3.exceptions import NewConnectionError

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.results.result import Result
from tests.support.callers import end_of, ended, service

URL = "http://stock/items"
View = Callable[[], ResponseReturnValue]


class Pair(NamedTuple):
    """A view with a bug, and the same one without."""

    name: str
    bug: View
    twin: View
    fault: Fault


def knows_timeouts_only() -> ResponseReturnValue:
    try:
        return requests.get(URL, timeout=1).text
    except requests.Timeout:
        return "down"


def knows_all_exceptions() -> ResponseReturnValue:
    try:
        return requests.get(URL, timeout=1).text
    except requests.RequestException:
        return "down"


def orders_again() -> ResponseReturnValue:
    try:
        return requests.post(URL, json={}, timeout=1).text
    except requests.ConnectionError:
        return requests.post(URL, json={}, timeout=1).text


def orders_again_if_unsent() -> ResponseReturnValue:
    try:
        return requests.post(URL, json={}, timeout=1).text
    except requests.ConnectionError as error:
        if not isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
            return "unknown"
        return requests.post(URL, json={}, timeout=1).text


def pieces() -> Iterator[bytes]:
    yield from (b"x" * 10 for _ in range(10))


def uploads_the_rest() -> ResponseReturnValue:
    body = pieces()
    return uploaded(lambda: body)


def uploads_again() -> ResponseReturnValue:
    return uploaded(pieces)


def uploaded(body: Callable[[], Iterator[bytes]]) -> ResponseReturnValue:
    for _ in range(2):
        try:
            response = requests.put(URL, data=body(), timeout=1)
        except requests.RequestException:
            continue
        return f"{response.text} bytes"
    return "down"


def knows_500() -> ResponseReturnValue:
    response = requests.get(URL, timeout=1)
    return "down" if response.status_code == 500 else jsonify(response.json())


def knows_all_statuses() -> ResponseReturnValue:
    response = requests.get(URL, timeout=1)
    return jsonify(response.json()) if response.ok else "down"


def waits_for_seconds() -> ResponseReturnValue:
    response = requests.get(URL, timeout=1)
    if response.status_code in (429, 503):
        return f"try again in {int(response.headers.get('Retry-After', 1))} s"
    return response.text


def waits_until() -> ResponseReturnValue:
    response = requests.get(URL, timeout=1)
    if response.status_code in (429, 503):
        after = response.headers.get("Retry-After", "1")
        return after if after.isdigit() else parsedate_to_datetime(after).isoformat()
    return response.text


def trusts_its_token() -> ResponseReturnValue:
    return jsonify(requests.get(URL, timeout=1).json()["items"])


def gets_another_token() -> ResponseReturnValue:
    for _ in range(2):
        response = requests.get(URL, timeout=1)
        if "invalid_token" not in response.headers.get("WWW-Authenticate", ""):
            return jsonify(response.json()["items"])
    return "down"


def takes_any_success() -> ResponseReturnValue:
    response = requests.get(URL, timeout=1)
    return jsonify(response.json()) if response.ok else "down"


def takes_json_only() -> ResponseReturnValue:
    response = requests.get(URL, timeout=1)
    return jsonify(response.json()) if response.headers["Content-Type"] == JSON else "down"


JSON = "application/json"


def follows_redirects() -> ResponseReturnValue:
    return "ordered" if requests.post(URL, json={}, timeout=1).ok else "down"


def follows_none() -> ResponseReturnValue:
    answer = requests.post(URL, json={}, timeout=1, allow_redirects=False)
    return "ordered" if answer.status_code == 200 else "down"


REDIRECTED = Fault.of("redirected", to="same URL")
PAIRS = [
    Pair("refused", knows_timeouts_only, knows_all_exceptions, Fault.of("refused")),
    Pair("unknown name", knows_timeouts_only, knows_all_exceptions, Fault.of("name not resolved")),
    Pair("reset", orders_again, orders_again_if_unsent, Fault.of("reset", abort=False)),
    Pair("used up", uploads_the_rest, uploads_again, Fault.of("read timeout")),
    Pair("gateway", knows_500, knows_all_statuses, Fault.of("gateway page", status=504)),
    Pair("date", waits_for_seconds, waits_until, Fault.of("retry later", form="date", after=-9)),
    Pair("expired", trusts_its_token, gets_another_token, Fault.of("credential expired")),
    Pair("login", takes_any_success, takes_json_only, Fault.of("redirected")),
    Pair("loop", knows_timeouts_only, knows_all_exceptions, Fault.of("redirected", to="itself")),
    Pair("dead", knows_timeouts_only, knows_all_exceptions, Fault.of("redirected", to="dead host")),
    Pair("GET for POST", follows_redirects, follows_none, REDIRECTED),
]


@pytest.mark.parametrize("is_bug", [True, False], ids=["bug", "twin"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_bug_is_found_and_its_twin_is_clean(pair: Pair, *, is_bug: bool) -> None:
    shop, stock = Flask("shop"), Flask("stock")
    shop.logger.setLevel(100)
    shop.add_url_rule("/", "view", pair.bug if is_bug else pair.twin)
    orders: list[int] = []

    @stock.route("/items", methods=["GET", "POST", "PUT"])
    def items() -> ResponseReturnValue:
        if request.method == "POST":
            orders.append(1)
        if request.method == "PUT":
            return str(len(request.get_data()))
        return {"items": []}

    def test() -> None:
        orders.clear()
        answer = shop.test_client().get("/")
        assert answer.status_code == 200
        assert len(orders) <= 1
        assert answer.text != "ordered" or orders
        assert "bytes" not in answer.text or answer.text == "100 bytes"

    model = FaultModel((), default_statuses=(), faults=[pair.fault])
    result = explore(test, {"http://stock": stock}, faults=model)
    expected = f"FaultSet({line(pair)}  {pair.fault.words()})"
    found = [str(each.faults) for each in result.failures if len(each.faults) == 1]
    assert found == ([expected] if is_bug else [])
    assert is_bug or not result.failures


def line(pair: Pair) -> str:
    method = {"reset": "POST", "used up": "PUT", "GET for POST": "POST"}.get(pair.name, "GET")
    return f"shop -> stock  {method} {URL}"


def test_loop_is_one_call() -> None:
    """Its hops belong to the fault, so they neither fail nor multiply the executions."""
    found: list[Any] = []
    shop, stock = Flask("shop"), Flask("stock")
    stock.add_url_rule("/items", "items", lambda: "fine")

    @shop.get("/")
    def view() -> ResponseReturnValue:
        try:
            return requests.get(URL, timeout=1).text
        except requests.TooManyRedirects as error:
            found.append(len(error.response.history) if error.response is not None else None)
            return "down"

    def test() -> None:
        assert shop.test_client().get("/").status_code == 200

    faults = [Fault.of("redirected", to="itself"), Fault.of("refused")]
    result = explore(
        test,
        {"http://stock": stock},
        faults=FaultModel((), default_statuses=(), faults=faults),
        max_faults=2,
    )
    assert [len(each.trace.invocations) for each in result.executions[1:2]] == [1]
    assert found == [30]


def test_next_call_after_a_loop_is_made() -> None:
    shop, stock = Flask("shop"), Flask("stock")
    stock.add_url_rule("/items", "items", lambda: "fine")

    @shop.get("/")
    def view() -> ResponseReturnValue:
        with requests.Session() as session:
            try:
                return session.get(URL, timeout=1).text
            except requests.TooManyRedirects:
                return session.get(URL, timeout=1).text

    def test() -> None:
        assert shop.test_client().get("/").text == "fine"

    model = FaultModel((), default_statuses=(), faults=[Fault.of("redirected", to="itself")])
    result = explore(test, {"http://stock": stock}, faults=model)
    assert [len(each.faults) for each in result.failures] == [2]  # Both calls go round in a loop.


def explored(view: View, fault: Fault) -> Result:
    shop = Flask("shop")
    shop.add_url_rule("/", "view", view)

    def test() -> None:
        assert shop.test_client().get("/").status_code == 200

    return explore(test, faults=FaultModel((), default_statuses=(), faults=[fault]))


def test_mocked_calls_are_redirected() -> None:
    """The mock is asked for the call; the hops after it belong to the fault."""
    responses = pytest.importorskip("responses")
    texts = []

    def view() -> ResponseReturnValue:
        with responses.RequestsMock() as mocked:
            mocked.get(URL, body="fine")
            texts.append(requests.get(URL, timeout=1).text)
        return "done"

    result = explored(view, Fault.of("redirected"))
    assert result.ok
    assert {each.partition("<title>")[2][:7] for each in texts} == {"", "Sign in"}


def test_mocked_function_follows_no_redirect() -> None:
    def view() -> ResponseReturnValue:
        with mock.patch("requests.get"):
            requests.get(URL, timeout=1)
        return "done"

    result = explored(view, Fault.of("redirected"))
    assert "follows no redirect" in str([each.problems for each in result.executions])


LOST = [
    Fault.of("reset", abort=False),
    Fault.of("closed without an answer", abort=False),
    Fault.of("read timeout", abort=False),
    Fault.of("gateway page", status=504, abort=False),
    Fault.of("retry later", status=503, abort=False),
    Fault.of("credential expired", abort=False),
    Fault.of("redirected", abort=False),
    Fault("ChunkedEncodingError", abort=False),
    Fault("ContentDecodingError", abort=False),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("lost", LOST, ids=str)
def test_answer_is_lost_after_the_work(lost: Fault, *, stream: bool) -> None:
    """The application meets the same as without the work, but the callee has done it."""
    orders: list[int] = []

    def order() -> ResponseReturnValue:
        orders.append(1)
        return "ordered"

    def call() -> Any:
        response = requests.post("http://leaf/order", data="x", timeout=1, stream=stream)
        return response.status_code, end_of(lambda: response.text)

    services = {"http://leaf": service(order=order)}
    found = []
    for fault in (lost, Fault(abort=True, kind=lost.kind)):
        orders.clear()
        end, _ = ended(call, services, (0, fault))
        found.append((repr(end), len(orders)))
    assert found == [(found[0][0], 2), (found[0][0], 1)]  # Once without the fault.


@pytest.mark.parametrize("to", ["login page", "itself", "dead host"])
def test_same_request_sent_again_is_a_call(to: str) -> None:
    """It is no hop, although its redirected copies share its hooks."""
    sent: list[int] = []

    def leaf() -> ResponseReturnValue:
        sent.append(1)
        return "fine"

    def call() -> Any:
        with requests.Session() as session:
            prepared = session.prepare_request(requests.Request("GET", "http://leaf/view"))
            first = end_of(lambda: session.send(prepared, timeout=1).text)
            return first, session.send(prepared, timeout=1).text

    fault = Fault.of("redirected", to=to)
    (first, second), calls = ended(call, {"http://leaf": service(view=leaf)}, (0, fault))
    assert first != "fine"
    assert second == "fine"
    assert (len(calls), len(sent)) == (2, 3)
