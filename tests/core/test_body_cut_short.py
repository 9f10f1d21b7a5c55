"""The kind "body cut short", beside a real server that closes the connection early."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError
from tests.support.callers import CHAINED, end_of, ended, listening, run, service, serving

KIND = "body cut short"
ONLY_CUT = FaultModel((), default_statuses=(), faults=[Fault.of(KIND)])
DECLARED = b"HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nX-Own: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
# What the callee really sends; what it sends where it closes the connection early.
SENT = {
    "declared": (DECLARED + b"0123456789", DECLARED + b"01234"),
    "chunked": (CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n", CHUNKED + b"5\r\n01234\r\n"),
    "before declared": (DECLARED + b"0123456789", DECLARED),
    "before chunked": (CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n", CHUNKED),
}


def sending(content: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    return answer


def raw_pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read(3):
        yield piece


READ: dict[str, Callable[[requests.Response], Any]] = {
    "iter_content(3)": lambda response: response.iter_content(3),
    "iter_content(1024)": lambda response: response.iter_content(1024),
    "iter_content(None)": lambda response: response.iter_content(None),
    "iter_lines()": lambda response: response.iter_lines(),
    "content": lambda response: [response.content],
    "json()": lambda response: [response.json()],
    "raw.stream(4)": lambda response: response.raw.stream(4),
    "raw.read()": lambda response: [response.raw.read()],
    "raw.read(3)": raw_pieces,
}


class Reading:
    """One call, and what its caller sees of it, in order."""

    def __init__(self, how: str) -> None:
        self.seen: list[Any] = []
        self._how = how

    def __call__(self, url: str) -> requests.Response:
        self.seen.clear()
        stream = self._how != "call"
        response = requests.get(url, stream=stream, timeout=2, hooks={"response": self._hook})
        self.seen.append("returned")
        for piece in READ[self._how](response) if stream else ():
            self.seen.append(piece)
        return response

    def _hook(self, response: requests.Response, **_: Any) -> None:
        self.seen.append((response.status_code, response.headers["X-Own"]))


def told(error: BaseException) -> list[type]:
    """The error, and those of requests and urllib3 below it."""
    chain = []
    below: BaseException | None = error
    while below is not None:
        if type(below).__module__.partition(".")[0] in ("requests", "urllib3"):
            chain.append(type(below))
        below = below.__cause__ or below.__context__
    return [each for each in chain if each.__name__ != "IncompleteRead"]


@pytest.mark.skipif(not CHAINED, reason="before version 2, urllib3 let short bodies pass")
@pytest.mark.parametrize("how", ["call", *READ])
@pytest.mark.parametrize("length", SENT)
def test_is_met_as_over_a_socket(length: str, how: str) -> None:
    whole, cut = SENT[length]
    real, injected = Reading(how), Reading(how)
    with listening(sending(cut)) as url:
        expected = end_of(lambda: real(url))
    fault = Fault.of(KIND, at=0.0 if length.startswith("before") else 0.5)
    with listening(sending(whole)) as url:
        end, _ = ended(lambda: injected(url), {}, (0, fault))
    assert isinstance(expected, Exception)
    assert told(end) == told(expected)
    assert injected.seen == real.seen
    if "raw.read" not in how or "declared" in length:
        assert str(end) == str(expected)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ["socket", "process"])
def test_comes_after_the_work_was_done(place: str, *, stream: bool) -> None:
    done: list[str] = []

    def work() -> ResponseReturnValue:
        done.append("work")
        return "0123456789"

    def call(url: str) -> requests.Response:
        response = requests.post(f"{url}/work", stream=stream, timeout=2)
        assert response.content
        return response

    with serving(service(work=work)) as address:
        url = address if place == "socket" else "http://leaf"
        services = {} if place == "socket" else {"http://leaf": service(work=work)}
        end, calls = ended(lambda: call(url), services, (0, Fault.of(KIND)))
    assert type(end) is requests.exceptions.ChunkedEncodingError
    assert len(done) == 2
    assert calls[0].outcome == Fault.of(KIND).outcome
    assert calls[0].fault == Fault.of(KIND)


def shop(*caught: type[Exception]) -> dict[str, Flask]:
    front, stock = Flask("front"), Flask("stock")

    @front.get("/")
    def page() -> ResponseReturnValue:
        try:
            return requests.get("http://stock:5001/", timeout=1).text
        except caught:
            return "out of stock", 503

    stock.get("/")(lambda: "42 of them")
    return {"http://front:5000": front, "http://stock:5001": stock}


def ask() -> None:
    requests.get("http://front:5000/", timeout=3)


def test_an_exploration_finds_what_it_breaks() -> None:
    (finding,) = explore(ask, shop(requests.ConnectionError), ONLY_CUT).findings
    assert "ChunkedEncodingError" in finding.message
    assert "closes the connection after 50% of the body" in str(finding.faults)
    careful = explore(ask, shop(requests.RequestException), ONLY_CUT)
    assert careful.findings == ()
    assert len(careful.executions) == 2


def test_comes_last_in_the_search() -> None:
    model = FaultModel(("Timeout",), default_statuses=(503,), faults=[Fault.of(KIND)])
    result = explore(ask, shop(requests.RequestException), model, check_determinism=False)
    planned = [str(each.fault) for execution in result.executions for each in execution.faults]
    assert planned == [
        "raises Timeout",
        "answers 503 Service Unavailable",
        "closes the connection after 50% of the body",
    ]


@pytest.mark.parametrize(
    ("method", "outcome", "applies"),
    [
        ("GET", Outcome(200), True),
        ("GET", None, True),
        ("GET", Outcome(503), True),
        ("HEAD", Outcome(200), False),
        ("DELETE", Outcome(204), False),
        ("GET", Outcome(304), False),
        ("GET", Outcome(200, digest="d41d8cd98f00b204e9800998ecf8427e"), False),
        ("GET", Outcome(exception="ConnectionError"), False),
    ],
)
def test_needs_a_body(method: str, outcome: Outcome | None, *, applies: bool) -> None:
    call = Call(ROOT.child("x", 1), "front", "stock", method, "http://stock/", outcome=outcome)
    assert bool(ONLY_CUT.faults_of(call)) is applies


def test_answer_without_body_is_inconclusive() -> None:
    def call() -> ResponseReturnValue:
        end_of(lambda: requests.delete("http://leaf/gone", timeout=1))
        return "done"

    execution = run(call, {"http://leaf": service(gone=lambda: ("", 204))}, (0, Fault.of(KIND)))
    assert execution.verdict == "inconclusive"
    assert "the answer has no body" in execution.problems[0]


@pytest.mark.parametrize("at", [1, -0.1, True, "half", None, float("nan")])
def test_bad_part_is_refused(at: Any) -> None:
    with pytest.raises(FaultModelError, match="cannot cut a body short at"):
        Fault.of(KIND, at=at)
