"""Whatever is sent to the server, nothing breaks, and no state grows.

``FILIBUSTER_HOSTILE_CASES`` in the environment says how many cases to try in all; ``.ci/run``
tries many.
"""

from __future__ import annotations

import copy
import gc
import json
import logging
import re
import socket
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from flask_filibuster.config import Config
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.protocol.reading import OURS
from flask_filibuster.server import embedded, execution
from flask_filibuster.server.http.app import LARGEST_BODY, create_app
from flask_filibuster.server.http.serving import Serving
from tests.support.hostile import (
    ANALYSIS,
    HOSTILE,
    MESSAGES,
    QUESTIONS,
    SCALARS,
    Message,
    as_json,
    part,
    places_in,
    replaced,
)

# Some of what is sent is large on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


class Errors(logging.Handler):
    """What is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@contextmanager
def no_errors() -> Iterator[None]:
    """Nothing is logged as an error in the block."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(errors)
    assert errors.messages == []


def without(value: Any, path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return changed


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A message of the protocol in which something may be replaced, or left out."""
    method, path, content = draw(st.sampled_from(MESSAGES))
    places = list(places_in(content))
    if draw(st.integers(0, 5)) == 0:
        return method, path, without(content, draw(st.sampled_from(places[1:])))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        content = replaced(content, draw(st.sampled_from(places)), draw(HOSTILE))
    return method, path, content


class Target:
    """A new server, some way into an exploration."""

    def __init__(self, *, begun: bool = True) -> None:
        self.coordinator = Coordinator(config=Config(timeout=0.005))
        app = create_app(self.coordinator, version="x")
        self.client: FlaskClient = app.test_client()
        self.exploration = ""
        if begun:
            self.exploration = self.client.post(
                "/filibuster/explorations", json={"name": "x", "analysis": ANALYSIS}
            ).get_json()["exploration"]
            self.client.get(f"/filibuster/has-next-iteration/1?exploration={self.exploration}")

    def send(self, message: Message) -> int:
        """Send a message; the answer is checked, and its status returned."""
        method, path, content = message
        path = path.replace("EXPLORATION", self.exploration)
        body = content if isinstance(content, bytes) else as_json(content)
        response = self.client.open(path, method=method, data=body)
        check_status(path, response.status_code, response.data)
        return response.status_code


def check_status(path: str, status: int, answer: bytes) -> None:
    away = status == 503 and path.startswith("/ready")
    assert status < 500 or away, (path, status, answer)


class TestTheServer:
    @pytest.mark.slow
    @part(35)
    @given(st.booleans(), st.lists(messages() | st.sampled_from(QUESTIONS), min_size=1, max_size=6))
    def test_takes_any_values_in_messages(self, begun: bool, sent: list[Message]) -> None:
        with no_errors():
            target = Target(begun=begun)
            for message in sent:
                target.send(message)
            assert target.client.get("/health-check").status_code == 200
            check_status("/", target.client.get("/").status_code, b"")

    @pytest.mark.slow
    @part(10)
    @given(
        st.sampled_from([(method, path) for method, path, _ in (*MESSAGES, *QUESTIONS)]),
        st.binary() | st.sampled_from([b"\xff\xfe", b"\x00" * 100, b"[" * 100_000, b'"\\ud800"']),
    )
    def test_takes_any_bytes_as_bodies(self, where: tuple[str, str], body: bytes) -> None:
        with no_errors():
            Target().send((*where, body))

    @pytest.mark.slow
    @part(10)
    @given(
        st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"]),
        st.sampled_from(sorted({path.partition("?")[0] for _, path, _ in (*MESSAGES, *QUESTIONS)})),
        st.lists(
            st.text(st.characters(exclude_characters="?#", exclude_categories=["Cs"]), max_size=9)
            | st.sampled_from(["9" * 5000, "-1", "..", "%", "%ff", "", "EXPLORATION", "a" * 5000]),
            max_size=3,
        ),
        st.dictionaries(
            st.sampled_from(["request_id", "exploration", "method", "url", "other"]),
            SCALARS.map(str),
            max_size=4,
        ),
    )
    @example("GET", "/filibuster/has-next-iteration", ["9" * 5000], {})
    @example("GET", "/filibuster/new-test-execution/a", [], {"method": "", "url": "http://a:99999"})
    @example("GET", "/filibuster/new-test-execution/a", [], {"method": "", "url": "http://["})
    def test_takes_any_method_path_and_query(
        self, method: str, path: str, more: list[str], query: dict[str, str]
    ) -> None:
        with no_errors():
            target = Target()
            path = "/".join((path, *more)).replace("EXPLORATION", target.exploration)
            # Past what a client makes of them.
            environ = {
                "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
                "QUERY_STRING": urlencode(query, errors="surrogatepass"),
            }
            response = target.client.open("/", method=method, environ_overrides=environ)
            check_status(path, response.status_code, response.data)

    @pytest.mark.parametrize("url", ["http://[", "//[", "http://a:99999/", "http://a:b/", "//℀"])
    @pytest.mark.parametrize(
        ("message", "place"),
        [
            (MESSAGES[0], (OURS, "url")),
            (MESSAGES[6], ("faults", 0, "url")),
            *((each, ("url",)) for each in MESSAGES if each[2].get("note") == "request"),
        ],
        ids=["create", "explorations", "note", "note of an exploration"],
    )
    def test_refuses_what_is_no_url(
        self, message: Message, place: tuple[Any, ...], url: str
    ) -> None:
        method, path, content = message
        with no_errors():
            assert Target().send((method, path, replaced(content, place, url))) == 400

    @pytest.mark.parametrize("index", ["[]", "", " [ ] ", "[[]]"])
    @pytest.mark.parametrize(
        "message",
        [
            each
            for each in MESSAGES
            if "execution_index" in (each[2] or {}) and each[2].get("note") != "reports_lost"
        ],
        ids=lambda each: f"{each[1]} {each[2].get('note', '')}",
    )
    def test_no_call_has_an_empty_index(self, message: Message, index: str) -> None:
        method, path, content = message
        target = Target()
        changed = replaced(content, ("execution_index",), index)
        with no_errors():
            assert target.send((method, path, changed)) == 400
            target.send(("GET", "/filibuster/has-next-iteration/2?exploration=EXPLORATION", None))

    @pytest.mark.parametrize("length", [LARGEST_BODY + 1, 10**11])
    def test_refuses_bodies_over_the_limit(self, length: int) -> None:
        with Serving(create_app(Coordinator(), version="x"), port=0) as serving:
            head = f"PUT /filibuster/create HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
            assert raw(serving, head.encode()).startswith(b"HTTP/1.1 413 ")
        response = Target().client.put("/filibuster/create", data=b"x" * (LARGEST_BODY + 1))
        assert response.status_code == 413

    @pytest.mark.slow
    def test_takes_deeply_nested_calls(self) -> None:
        target = Target()
        method, path, content = MESSAGES[0]
        end: Message = ("POST", "/filibuster/complete-iteration/1?exploration=EXPLORATION", None)
        with no_errors():
            for depth in range(1, 1500):
                index = json.dumps([["", 1]] * depth)
                if target.send((method, path, {**content, "execution_index": index})) != 200:
                    break
            assert target.send(end) == 200

    @pytest.mark.slow
    def test_refuses_too_many_explorations(self) -> None:
        target = Target()
        statuses = [target.send(MESSAGES[5]) for _ in range(1100)]
        assert set(statuses) == {200, 409}
        assert len(target.coordinator.describe()["explorations"]) == statuses.count(200) + 1


def raw(serving: Serving, sent: bytes) -> bytes:
    """Send bytes, and nothing more; everything that comes back."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as connection:
        received = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65_536):
                received += piece
        except OSError:
            pass  # The server need not read all of it, nor wait for our end.
        return received


STATUS = re.compile(rb"HTTP/1\.[01] (\d+) ")
PLAIN = b"GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"PUT /filibuster/create HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1", b"GET /", b"GET", b"", b" ", b"GET / HTTP/9.9", b"GET / HTTP/1.x"),
        *(b"PRI * HTTP/2.0", b"GET //a HTTP/1.1", b"GET http://[ HTTP/1.1", b"GET * HTTP/1.1"),
        *(b"PUT /filibuster/create HTTP/1.1", b"HEAD / HTTP/1.0", b"OPTIONS * HTTP/1.1"),
        *(
            b"GET /\xff\xfe HTTP/1.1",
            b"GET /%00%ff HTTP/1.1",
            b"\x16\x03\x01\x02\x00",
            b"GET / " * 20,
        ),
        b"GET /<long> HTTP/1.1",
    ]
)
FIELDS = st.sampled_from(
    [
        *(b"Host: a", b"Host: [", b"Host: \xff", b"Host:", b"Host: a:99999", b"Host: a:b", b": x"),
        *(b"Content-Length: -1", b"Content-Length: x", b"Content-Length: \xb2", b"Content-Length:"),
        *(b"Content-Length: 10", b"Content-Length: 1e3", b"Content-Length: 99999999999999999999"),
        *(b"Content-Length: 4", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
        *(b"Expect: 100-continue", b"Connection: upgrade", b"Connection: close", b" folded"),
        *(
            b"X-Filibuster-Signature: \xff",
            b"no colon",
            b"X: <long>",
            b"Content_Length: 5",
        ),
        *(b"Content-Type: \xff; charset=\x00", b"Cookie: \xff=;=;", b"Range: bytes=a-"),
    ]
)
CHUNKS = st.sampled_from(
    [
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n",
        b"-1\r\n",
        b"\r\n",
        b"zz\r\n",
        b"fffffffff\r\n",
        b"5;a=b\r\nab",
    ]
)
REQUESTS = st.one_of(
    st.binary(max_size=200),
    st.lists(LINES | FIELDS | st.binary(max_size=20), max_size=8).map(b"\r\n".join),
    st.tuples(LINES, st.lists(FIELDS, max_size=4), st.binary(max_size=30)).map(
        lambda parts: b"\r\n".join((parts[0], *parts[1], b"", parts[2]))
    ),
    st.lists(CHUNKS | st.binary(max_size=9), max_size=5).map(lambda some: CHUNKED + b"".join(some)),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    coordinator = Coordinator(config=Config(timeout=0.005))
    with Serving(create_app(coordinator, version="x"), port=0) as serving:
        yield serving


class TestTheSocket:
    @pytest.mark.slow
    @part(15)
    @given(sent=REQUESTS)
    @example(sent=CHUNKED + b"fffffffff\r\n")
    @example(sent=b"GET / HTTP/1.1\r\nHost: [\r\n\r\n")
    def test_takes_any_bytes(self, served: Serving, sent: bytes) -> None:
        with no_errors():
            answer = raw(served, sent.replace(b"<long>", b"a" * 70_000))
            statuses = [int(each) for each in STATUS.findall(answer)]
            # Of the unknown it says so: 501 of a method, 505 of a version.
            assert [each for each in statuses if each >= 500 and each not in (501, 505)] == []
            assert raw(served, PLAIN).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize(
        "field", [b"-1", b"x", b"1e3", b"+5", b"5_0", b"\xb2", b"0x10"], ids=repr
    )
    def test_bad_content_length_is_refused(self, served: Serving, field: bytes) -> None:
        head = b"PUT /filibuster/create HTTP/1.1\r\nContent-Length: " + field + b"\r\n\r\n"
        assert raw(served, head).startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize(
        ("chunks", "status"),
        [
            (b"zz\r\n", b"400"),
            (b"-5\r\nabcde\r\n0\r\n\r\n", b"400"),
            (b"", b"400"),
            (b"fffffffff\r\n", b"413"),
            (b"2\r\n{}\r\n0\r\n\r\n", b"400"),  # Which is read, but no message.
        ],
        ids=["no number", "negative", "nothing", "too large", "no message"],
    )
    def test_chunks_that_are_none_are_refused(
        self, served: Serving, chunks: bytes, status: bytes
    ) -> None:
        assert raw(served, CHUNKED + chunks).startswith(b"HTTP/1.1 " + status)

    def test_a_request_after_trailers_is_answered(self, served: Serving) -> None:
        answer = raw(served, CHUNKED + b"2\r\n{}\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n" + PLAIN)
        assert STATUS.findall(answer) == [b"400", b"200"]


def held_by(*roots: object) -> int:
    """Bytes held by what is reachable from objects, without modules, classes and functions."""
    seen: set[int] = set()
    waiting: list[object] = list(roots)
    size = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | types.ModuleType | types.FunctionType):
            continue
        seen.add(id(each))
        size += sys.getsizeof(each)
        waiting.extend(gc.get_referents(each))
    return size


def numbered(text: str, number: int) -> str:
    return text.replace("68ae", f"{number:08x}").replace("3f0c", f"id-{number}")


LIMIT = 16
ROUND = 2 * LIMIT
"""How many messages are told between two measurements: what keeps any of them has grown."""


class TestState:
    @pytest.fixture(autouse=True)
    def _low_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (embedded, execution):
            for name in vars(module):
                if name.startswith("MOST_"):
                    monkeypatch.setattr(module, name, LIMIT)

    @pytest.mark.parametrize(
        "message",
        [each for each in MESSAGES if not each[1].endswith(("analysis-file", "explorations"))],
        ids=lambda each: f"{each[1]} {list(each[2])}"[:80],
    )
    @pytest.mark.parametrize("begun", [True, False], ids=["in an execution", "outside"])
    def test_is_bounded_whatever_is_told(self, message: Message, begun: bool) -> None:
        target = Target(begun=begun)
        sizes = []
        for rounds in range(3):
            for number in range(ROUND):
                each = rounds * ROUND + number + 1000
                told = numbered(json.dumps(message[2]), each)
                told = told.replace("bookings", f"bookings{each}")
                told = told.replace("was away", f"was away {each}")
                # What was lost before the execution began is kept elsewhere, for half a second.
                told = told.replace('"age": 0.5', '"age": 0')
                target.send((message[0], message[1], json.loads(told)))
            sizes.append(held_by(target.coordinator))
        assert sizes[2] < sizes[1] + 10 * ROUND

    @pytest.mark.parametrize(
        "path",
        [
            "/filibuster/new-test-execution/users{0}",
            "/filibuster/new-test-execution/users?method=GET&url=http://a/{0}&request_id=id-{0}",
            "/filibuster/new-test-execution/users?method=GET&url=http://a/{0}",
            "/filibuster/fault-injected/bookings{0}?request_id=id-{0}",
            "/filibuster/fault-injected/method/bookings{0}/get",
        ],
    )
    def test_is_bounded_whatever_is_asked(self, path: str) -> None:
        target = Target()
        sizes = []
        for rounds in range(3):
            for number in range(ROUND):
                target.send(("GET", path.format(rounds * ROUND + number + 1000), None))
            sizes.append(held_by(target.coordinator))
        assert sizes[2] < sizes[1] + 10 * ROUND

    def test_overlong_execution_proves_nothing(self) -> None:
        target = Target()
        path = "/filibuster/complete-iteration/1/exception/0?exploration="
        for number in range(LIMIT + 10):
            for message in (MESSAGES[0], MESSAGES[2]):
                told = json.loads(numbered(json.dumps(message[2]), number))
                told["request_id"] = "3f0c"
                told["generated_id"] = number
                target.send((*message[:2], told))
        seen = target.client.post(path + target.exploration).get_json()[OURS]
        assert seen["verdict"] == "inconclusive"
        assert f"more than {LIMIT} calls" in " ".join(seen["problems"])
