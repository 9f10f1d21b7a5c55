"""Kinds made of the real answer, beside real servers that misbehave in that way, field by field."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from flask import Flask, Response

from flask_filibuster import Fault, FaultModel, explore
from tests.support.callers import CHAINED, run
from tests.support.cases import sample
from tests.support.misbehaving_bodies import (
    BODY,
    DOCUMENT,
    HEAD,
    Script,
    Server,
    chunked,
    cut,
    dripping,
    misbehaving,
    whole,
)

httpx = pytest.importorskip("httpx")

READ_TIMEOUT = 0.3
_LENGTH = len(BODY)
_OWN = HEAD[1:]
Seen = list[Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with misbehaving() as running, _CLIENT:
        yield running


@dataclass(frozen=True)
class Row:
    """A fault of a complete answer, and the real answer that it must be like."""

    fault: Fault
    complete: Script
    real: Script
    is_slow: bool = False


def _json(**changed: Any) -> bytes:
    document = {**DOCUMENT, **changed}
    return json.dumps(document, separators=(",", ":")).encode()


def _of(kind: str, real: Script, complete: Script | None = None, **parameters: Any) -> Row:
    return Row(Fault.of(kind, **parameters), complete or whole(), real)


_FRAMES = {"declared": whole(), "chunked": chunked()}
_WITHOUT = {key: value for key, value in DOCUMENT.items() if key != "total"}
_GZIP = whole(gzip.compress(BODY), *HEAD, b"Content-Encoding: gzip")
BROKEN = {
    f"cut at {at}, {name}": Row(
        Fault.of("body cut short", at=at),
        frame,
        cut(frame, _LENGTH - 1 if isinstance(at, str) else int(_LENGTH * at)),
    )
    for name, frame in _FRAMES.items()
    for at in (0, 0.5, "last byte")
}
STALLED = {
    f"stalled at {at}, {name}": Row(
        Fault.of("body stalled", at=at), frame, cut(frame, int(_LENGTH * at), stalls=True), True
    )
    for name, frame in _FRAMES.items()
    for at in (0, 0.5)
}
LATE = Row(Fault.of("answer late", seconds=0.03), whole(), Script((0.03, *whole().steps)), True)
DRIPPED = {
    f"dripped, {name}": Row(
        Fault.of("body drips", drips=4, pause=0.02), frame, dripping(frame, 4, 0.02), True
    )
    for name, frame in _FRAMES.items()
}
_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>"
    b"<body><h1>We will be back soon</h1></body></html>\n"
)
REMADE = {
    "not gzip": _of("not decodable", whole(b"\x07" + BODY, *HEAD, b"Content-Encoding: gzip")),
    "not deflate": _of(
        "not decodable",
        whole(b"\x07" + BODY, *HEAD, b"Content-Encoding: deflate"),
        encoding="deflate",
    ),
    "no longer gzip": _of(
        "content type", whole(BODY, b"Content-Type: a/b", *_OWN), _GZIP, to="a/b"
    ),
    "not UTF-8": _of(
        "not decodable",
        whole(
            BODY[: _LENGTH // 2] + b"\xff" + BODY[_LENGTH // 2 :],
            b"Content-Type: application/json; charset=utf-8",
            *_OWN,
        ),
        encoding="charset",
    ),
    "empty": _of("empty body", whole(b"", *HEAD)),
    "not JSON": _of("not JSON", whole(b"temporarily unavailable\n", *HEAD), chunked()),
    "HTML": _of("HTML page", whole(_PAGE, b"Content-Type: text/html; charset=utf-8", *_OWN)),
    "no type": _of("content type", whole(BODY, *_OWN), to=""),
    "202": _of("other success", whole(b"", *HEAD, status=b"202 Accepted"), status=202),
    "203": _of(
        "other success",
        whole(BODY, *HEAD, status=b"203 Non-Authoritative Information"),
        status=203,
    ),
    "204": _of(
        "other success",
        Script((b"\r\n".join((b"HTTP/1.1 204 No Content", *_OWN, b"", b"")),)),
        status=204,
    ),
    "key missing": _of(
        "key missing", whole(json.dumps(_WITHOUT, separators=(",", ":")).encode()), at="/total"
    ),
    "null": _of("value null", whole(_json(total=None)), chunked(), at="/total"),
    "other type": _of("value of another type", whole(_json(total="7")), _GZIP, at="/total"),
    "empty list": _of("empty list", whole(_json(items=[])), at="/items"),
    "nested": _of(
        "extra nesting",
        whole(json.dumps({"data": DOCUMENT}, separators=(",", ":")).encode()),
        at="",
    ),
    "unknown value": _of("unknown value", whole(_json(state="unheard_of")), at="/state"),
    "duplicate": _of(
        "duplicate item",
        whole(_json(items=[*DOCUMENT["items"], DOCUMENT["items"][0]])),
        at="/items",
    ),
    "out of order": _of(
        "items out of order", whole(_json(items=DOCUMENT["items"][::-1])), at="/items"
    ),
    "huge number": _of(
        "huge number",
        whole(_json(items=[{"price": 2**63, "name": "a b"}, DOCUMENT["items"][1]])),
        at="/items/*/price",
    ),
}


def _raw_pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read(7):
        yield piece


WITH_REQUESTS: Mapping[str, Callable[[requests.Response], Any]] = {
    "stream=False": lambda response: [response.content],
    "iter_content(7)": lambda response: response.iter_content(7),
    "iter_content(1024)": lambda response: response.iter_content(1024),
    "iter_content(None)": lambda response: response.iter_content(None),
    "iter_lines()": lambda response: response.iter_lines(),
    "content": lambda response: [response.content],
    "json()": lambda response: [response.json()],
    "raw.stream(9)": lambda response: response.raw.stream(9),
    "raw.read()": lambda response: [response.raw.read()],
    "raw.read(7)": _raw_pieces,
}
WITH_HTTPX: Mapping[str, Callable[[Any], Any]] = {
    "stream=False": lambda response: [response.content],
    "read()": lambda response: [response.read()],
    "json()": lambda response: [response.read() and response.json()],
    "iter_bytes(7)": lambda response: response.iter_bytes(7),
    "iter_bytes()": lambda response: response.iter_bytes(),
    "iter_raw()": lambda response: response.iter_raw(),
    "iter_text()": lambda response: response.iter_text(),
    "iter_lines()": lambda response: response.iter_lines(),
}
# Where each of them takes as long as the read timeout.
FEW = (
    "stream=False",
    "iter_content(7)",
    "iter_content(None)",
    "raw.read(7)",
    "iter_bytes(7)",
    "read()",
)


# One for all: each loads the certificates of this machine.
_CLIENT = httpx.Client(timeout=READ_TIMEOUT, trust_env=False, verify=False)


def read_with_requests(url: str, how: str) -> Seen:
    """All that an application sees of an answer, in order."""
    seen: Seen = []
    try:
        response = requests.get(url, stream=how != "stream=False", timeout=READ_TIMEOUT)
        cookies = dict(response.cookies)
        seen += [response.status_code, response.reason, dict(response.headers), cookies]
        seen += [response.encoding, response.ok, response.url == url]
        pieces = [*_noted(WITH_REQUESTS[how](response), seen)]
        seen += [response.text if how == "stream=False" else "", len(pieces)]
    except (requests.RequestException, _urllib3_error(), ValueError) as error:
        seen.append(story(error))
    return seen


def read_with_httpx(url: str, how: str) -> Seen:
    seen: Seen = []
    try:
        request = _CLIENT.build_request("GET", url)
        response = _CLIENT.send(request, stream=how != "stream=False")
        seen += [response.status_code, response.reason_phrase, dict(response.headers)]
        seen += [dict(response.cookies), response.encoding, response.http_version]
        _ = [*_noted(WITH_HTTPX[how](response), seen)]
        seen += [response.text if how == "stream=False" else ""]
    except (httpx.HTTPError, httpx.StreamError, ValueError) as error:
        seen.append(story(error))
    return seen


def _noted(pieces: Any, seen: Seen) -> Iterator[Any]:
    """The pieces; what has arrived is joined in ``seen``, as sockets split it by chance."""
    for piece in pieces:
        if seen and isinstance(seen[-1], tuple) and isinstance(piece, bytes | str):
            seen[-1] = ("arrived", seen[-1][1] + piece)
        else:
            seen.append(("arrived", piece))
        yield piece


def _urllib3_error() -> type[Exception]:
    import urllib3.exceptions

    return urllib3.exceptions.HTTPError


def story(error: BaseException) -> list[str]:
    """An exception and those of the libraries that it came from, without ports and addresses."""
    told: list[str] = []
    below: BaseException | None = error
    while below is not None:
        if type(below).__module__.partition(".")[0] in ("requests", "urllib3", "httpx", "httpcore"):
            words = re.sub("0x[0-9a-f]+|host='[^']+'|port=[0-9]+", "", str(below))
            told.append(f"{type(below).__module__}.{type(below).__name__}: {words}")
        below = below.__cause__ or below.__context__
    return [each for each in told if "IncompleteRead: " not in each]


CLIENTS: Mapping[str, tuple[Callable[[str, str], Seen], Mapping[str, Any]]] = {
    "requests": (read_with_requests, WITH_REQUESTS),
    "httpx": (read_with_httpx, WITH_HTTPX),
}


def in_process(script: Script) -> Response:
    """The complete answer of a script, as a view gives it."""
    sent = b"".join(step for step in script.steps if isinstance(step, bytes))
    lines, _, body = sent.partition(b"\r\n\r\n")
    headers = [tuple(line.decode().split(": ", 1)) for line in lines.split(b"\r\n")[1:]]
    kept = [(name, value) for name, value in headers if name not in _OF_SOCKETS]
    is_chunked = len(script.steps) > 1
    return Response(iter([BODY]) if is_chunked else body, headers=kept)


_OF_SOCKETS = ("Connection", "Transfer-Encoding")


def _without_sockets(seen: Seen) -> Seen:
    """What was seen, without the headers that only a socket needs."""
    return [
        {name: value for name, value in each.items() if name.title() not in _OF_SOCKETS}
        if isinstance(each, dict)
        else each
        for each in seen
    ]


def compare(server: Server, row: Row, client: str, place: str = "socket") -> None:
    read, methods = CLIENTS[client]
    chosen = [how for how in methods if not row.is_slow or how in FEW]
    url, served = server.follows(row.real), server.served
    expected = {how: read(url, how) for how in chosen}
    server.follows(row.complete)
    met: dict[str, Seen] = {}
    handled: list[str] = []
    leaf = Flask("leaf")
    if place == "process":
        url = "http://leaf/x"

        @leaf.get("/x")
        def x() -> Response:
            handled.append("x")
            return in_process(row.complete)

    def view() -> str:
        met.update({how: read(url, how) for how in chosen})
        return "done"

    faults = [(number, row.fault) for number in range(len(chosen))]
    execution = run(view, {"http://leaf": leaf}, *faults)
    assert execution.verdict == "passed", (execution.problems, execution.error)
    for how in chosen:
        assert _without_sockets(met[how]) == _without_sockets(expected[how]), how
    # In life, without and with the faults: the callee always gets the call.
    assert server.served - served + len(handled) == 3 * len(chosen)


@pytest.mark.parametrize("place", ["socket", "process"])
@pytest.mark.parametrize("client", CLIENTS)
class TestLikeARealServer:
    @pytest.mark.skipif(not CHAINED, reason="before version 2, urllib3 let short bodies pass")
    @pytest.mark.parametrize("row", sample(BROKEN))
    def test_body_cut_short(self, server: Server, row: str, client: str, place: str) -> None:
        compare(server, BROKEN[row], client, place)

    @pytest.mark.slow
    @pytest.mark.parametrize("row", sample(STALLED))
    def test_body_stalled(self, server: Server, row: str, client: str, place: str) -> None:
        compare(server, STALLED[row], client, place)

    @pytest.mark.slow
    @pytest.mark.parametrize("row", sample(DRIPPED))
    def test_body_drips(self, server: Server, row: str, client: str, place: str) -> None:
        compare(server, DRIPPED[row], client, place)

    @pytest.mark.slow
    def test_answer_late(self, server: Server, client: str, place: str) -> None:
        compare(server, LATE, client, place)

    @pytest.mark.parametrize("row", sample(REMADE))
    def test_answer_remade(self, server: Server, row: str, client: str, place: str) -> None:
        compare(server, REMADE[row], client, place)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("row", sample(BROKEN | {"whole": _of("not JSON", whole())}))
def test_described_without_a_difference(server: Server, row: str, client: str) -> None:
    script = (BROKEN | {"whole": _of("not JSON", whole())})[row].real
    read, methods = CLIENTS[client]
    url = server.follows(script)
    expected = {how: read(url, how) for how in methods}
    met: dict[str, Seen] = {}
    front = Flask("front")
    front.add_url_rule("/", "view", lambda: str(met.update({h: read(url, h) for h in methods})))
    model = FaultModel((), default_statuses=(), faults=[Fault.of("not JSON")])
    explore(lambda: front.test_client().get("/"), {"http://front": front}, model, max_executions=1)
    assert met == expected
