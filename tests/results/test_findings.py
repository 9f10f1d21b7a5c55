"""Findings: what is reported of an exploration though no assertion of the test is about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import FaultModel, explore
from flask_filibuster.results import findings
from flask_filibuster.results.findings import Finding
from tests.support.pages import failed_services, is_up, leaf, refused


def line_of(function: Callable[..., Any], text: str) -> int:
    """Number of the line of a function that has this text."""
    lines, first = inspect.getsourcelines(function)
    return next(first + number for number, line in enumerate(lines) if text in line)


def found(
    front: Flask,
    model: FaultModel | None = None,
    *,
    others: Mapping[str, Flask] | None = None,
    kind: str,
) -> list[Finding]:
    """What an exploration of a service finds of one kind; what it calls is at ``back``."""
    services = {"http://front:5000": front, "http://back:5001": leaf("back"), **(others or {})}
    result = explore(
        lambda: requests.get("http://front:5000/", timeout=60), services, model or refused()
    )
    assert not result.failures, "findings are no failures of the test"
    return [finding for finding in result.findings if finding.kind == kind]


def load_names(url: str) -> str:
    answer = requests.get(url, timeout=2)
    return str(answer.json()["name"])


def test_uncaught_exception_has_file_and_line() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return requests.get("http://back:5001/", timeout=2).text

    (finding,) = found(front, kind=findings.UNCAUGHT)
    assert finding.site is not None
    assert finding.site.file == __file__
    assert finding.site.line == line_of(show, "requests.get")
    assert finding.service == "front"
    assert finding.broken
    assert finding.executions == (2,)
    assert failed_services(finding.faults) == ["back"]
    assert finding.message.startswith("Unhandled ConnectionError in front, GET /: ")


def test_crash_is_no_answer_500_too() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return requests.get("http://back:5001/", timeout=2).text

    assert found(front, kind=findings.UNCAUGHT)
    assert not found(front, kind=findings.SERVER_ERROR)


def test_two_exception_types_are_two_findings() -> None:
    """Both escape from one line."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return str(requests.get("http://back:5001/", timeout=2).json()["name"])

    @back.get("/")
    def answer() -> ResponseReturnValue:
        return jsonify(name="chris")

    others = {"http://back:5001": back}
    refuses, lies = found(front, refused(back=(500,)), others=others, kind=findings.UNCAUGHT)
    assert (refuses.executions, lies.executions) == ((2,), (3,))
    assert "ConnectionError" in refuses.message
    assert "JSONDecodeError" in lies.message


def test_crash_is_at_the_innermost_line() -> None:
    """Of the lines of the application."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return load_names("http://back:5001/")

    @back.get("/")
    def answer() -> ResponseReturnValue:
        return jsonify(name="chris")

    model = FaultModel((), statuses={"back": (500, 503)})
    (finding,) = found(front, model, others={"http://back:5001": back}, kind=findings.UNCAUGHT)
    assert finding.site is not None
    assert finding.site.line == line_of(load_names, ".json()")
    assert finding.executions == (2, 3), "one finding, however many faults lead to it"
    (planned,) = finding.faults
    assert planned.fault.status == 500


def test_answer_500_is_found() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return ("fine", 200) if is_up("http://back:5001/") else ("out of order", 500)

    (finding,) = found(front, kind=findings.SERVER_ERROR)
    assert finding.message == "front answers 500 to GET /"
    assert finding.broken
    assert failed_services(finding.faults) == ["back"]


def test_answers_500_differ_by_cause() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        up = [is_up(url) for url in ("http://back:5001/", "http://side:5002/")]
        return ("fine", 200) if all(up) else ("out of order", 500)

    side = {"http://side:5002": leaf("side")}
    side_down, back_down = found(front, others=side, kind=findings.SERVER_ERROR)
    assert failed_services(back_down.faults) == ["back"]
    assert failed_services(side_down.faults) == ["side"]
    assert back_down.executions == (3,)
    assert side_down.executions == (2, 4)


@pytest.mark.parametrize("crashes", [True, False], ids=["crashes", "answers 500"])
def test_broken_without_faults_is_no_finding(crashes: bool) -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        is_up("http://back:5001/")
        if crashes:
            raise KeyError("always")
        return "out of order", 500

    assert not found(front, kind=findings.UNCAUGHT)
    assert not found(front, kind=findings.SERVER_ERROR)


def test_answer_503_is_no_finding() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        return ("fine", 200) if is_up("http://back:5001/") else ("come back later", 503)

    result = explore(
        lambda: requests.get("http://front:5000/", timeout=60),
        {"http://front:5000": front, "http://back:5001": leaf("back")},
        refused(back=(500,)),
    )
    assert result.findings == ()


def test_missing_timeout_is_found_once() -> None:
    front = Flask("front")

    @front.get("/")
    def show() -> ResponseReturnValue:
        answers = [requests.get("http://back:5001/") for _ in range(2)]
        return answers[0].text

    (finding,) = found(front, FaultModel((), default_statuses=(503,)), kind=findings.NO_TIMEOUT)
    assert not finding.broken
    assert not finding.faults
    assert finding.executions == (1, 2, 3, 4)
    assert finding.site is not None
    assert finding.site.line == line_of(show, "requests.get")
    assert finding.message == "front calls GET http://back:5001/ without a timeout"


def impatient(patience: float, attempts: int = 1) -> tuple[Flask, dict[str, Flask]]:
    """Front waits so long for middle, which waits 2 seconds for each attempt at back."""
    front, middle = Flask("front"), Flask("middle")

    @front.get("/")
    def show() -> ResponseReturnValue:
        try:
            return requests.get("http://middle:5002/", timeout=patience).text
        except RequestException:
            return "none"

    @middle.get("/")
    def answer() -> ResponseReturnValue:
        up = any(is_up("http://back:5001/") for _ in range(attempts))
        return ("fine", 200) if up else ("none", 503)

    return front, {"http://middle:5002": middle}


def test_shorter_timeout_than_callee_is_found() -> None:
    front, others = impatient(1.5)
    (finding,) = found(front, others=others, kind=findings.SHORT_TIMEOUT)
    assert finding.message == ("front waits 1.5 s for middle, which may wait 2 s for its own calls")
    assert finding.service == "front"
    assert not finding.broken
    assert not finding.faults


def test_callee_attempts_add_up() -> None:
    """A timeout has to be long enough for all of them together."""
    front, others = impatient(3, attempts=2)
    (finding,) = found(front, others=others, kind=findings.SHORT_TIMEOUT)
    assert "3 s for middle, which may wait 4 s" in finding.message
    assert failed_services(finding.faults) == ["back"], "only then there is a second attempt"


@pytest.mark.parametrize(("patience", "attempts"), [(2, 1), (4, 2), (60, 2)])
def test_long_timeout_is_no_finding(patience: float, attempts: int) -> None:
    front, others = impatient(patience, attempts)
    assert not found(front, others=others, kind=findings.SHORT_TIMEOUT)


def ordering(method: str, attempts: int = 2, orders: int = 1) -> Flask:
    """A shop that sends orders, each in up to so many attempts."""
    shop = Flask("shop")

    @shop.get("/")
    def order() -> ResponseReturnValue:
        for _ in range(orders):
            for _attempt in range(attempts):
                if sent(method):
                    break
        return "thank you"

    return shop


def sent(method: str) -> bool:
    try:
        return requests.request(method, "http://back:5001/", timeout=2).ok
    except RequestException:
        return False


LOST = FaultModel((), default_statuses=(), lost_answers=("ConnectionError",))


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(LOST, id="a connection that breaks off"),
        pytest.param(FaultModel((), default_statuses=(), lost_answers=(502,)), id="a bad gateway"),
        pytest.param(FaultModel(("Timeout",), default_statuses=()), id="a timeout"),
        pytest.param(FaultModel(("ReadTimeout",), default_statuses=()), id="a read timeout"),
    ],
)
def test_repeated_post_is_found(model: FaultModel) -> None:
    """It is made again after its answer was lost."""
    (finding,) = found(ordering("POST"), model, kind=findings.REPEATED)
    assert finding.message.startswith(
        "front repeats POST http://back:5001/ after its answer was lost"
    )
    assert not finding.broken
    assert len(finding.faults) == 1
    assert finding.site is not None
    assert finding.site.line == line_of(sent, "requests.request")


@pytest.mark.parametrize(
    ("method", "model", "attempts"),
    [
        pytest.param("POST", refused(), 2, id="it was never sent"),
        pytest.param("POST", refused(back=(503,)), 2, id="it was refused"),
        pytest.param("POST", FaultModel(("ConnectTimeout",)), 2, id="it was never received"),
        pytest.param("GET", LOST, 2, id="reading twice does no harm"),
        pytest.param("PUT", LOST, 2, id="nor does setting twice"),
        pytest.param("POST", LOST, 1, id="it is not repeated"),
    ],
)
def test_other_repetitions_are_no_finding(method: str, model: FaultModel, attempts: int) -> None:
    assert not found(ordering(method, attempts), model, kind=findings.REPEATED)


@pytest.mark.parametrize(("keys", "known"), [("aa", True), ("ab", False)])
def test_idempotency_key_must_be_the_same(keys: str, *, known: bool) -> None:
    """By which the callee recognises a repetition."""
    shop = Flask("shop")

    @shop.get("/")
    def order() -> ResponseReturnValue:
        for key in keys:
            try:
                headers = {"Idempotency-Key": key}
                requests.post("http://back:5001/", headers=headers, timeout=2)
                break
            except RequestException:
                pass
        return "thank you"

    assert bool(found(shop, LOST, kind=findings.REPEATED)) is not known


@pytest.mark.slow
def test_next_post_is_no_repetition() -> None:
    """Though the answer of the one before was lost."""
    assert not found(ordering("POST", attempts=1, orders=3), LOST, kind=findings.REPEATED)
    assert found(ordering("POST", attempts=2, orders=3), LOST, kind=findings.REPEATED)


def test_lost_answer_lets_callee_work() -> None:
    done = []
    front, back = ordering("POST", attempts=1), Flask("back")

    @back.post("/")
    def work() -> ResponseReturnValue:
        done.append("work")
        return "done"

    services = {"http://front:5000": front, "http://back:5001": back}
    for model, works in (LOST, 2), (refused(), 1):
        done.clear()
        result = explore(
            lambda: requests.get("http://front:5000/", timeout=9),
            services,
            model,
            check_determinism=False,
        )
        assert len(result.executions) == 2
        assert len(done) == works
