"""The wire protocol, in both directions, against recorded vectors and clients of other projects.

The vectors in ``vectors/`` are written from the protocol's description. In ``server.json``, each
step is a call to the server with the status and, where the protocol gives it, the whole answer. In
``service.json`` a service handles one request, and everything that it sends is given.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from flask_filibuster import Filibuster, was_fault_injected, was_fault_injected_on
from flask_filibuster.config import Config
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.protocol import headers as wire
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from tests.support.callers import dead_url, serving
from tests.support.foreign import ForeignServer, differences, foreign_server

VECTORS = Path(__file__).parent / "vectors"
SERVER = json.loads((VECTORS / "server.json").read_text("utf-8"))
SERVICE = (VECTORS / "service.json").read_text("utf-8").replace("$400_zeros", "0" * 400)
Step = dict[str, Any]
Send = Callable[[Step], tuple[int, bytes]]


def new_server() -> Flask:
    return create_app(Coordinator(config=Config(timeout=0.2)), version="x")


class Switch:
    """A WSGI app in whose place another one can be put, behind the same socket."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


@pytest.fixture(scope="module")
def socket_to() -> Iterator[tuple[Switch, http.client.HTTPConnection]]:
    switch = Switch()
    with Serving(switch, port=0) as serving:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
        yield switch, connection
        connection.close()


def body_of(step: Step) -> bytes:
    if "body" in step:
        return str(step["body"]).encode()
    return json.dumps(step["json"]).encode() if "json" in step else b""


@pytest.fixture(params=["in process", "over a socket"])
def send(
    request: pytest.FixtureRequest, socket_to: tuple[Switch, http.client.HTTPConnection]
) -> Send:
    """Sends steps to a new server."""
    switch, connection = socket_to
    app = new_server()
    switch.app = app

    def in_process(step: Step) -> tuple[int, bytes]:
        response = app.test_client().open(
            step["path"],
            method=step["method"],
            data=body_of(step),
            headers=step.get("headers", {}),
            content_type="application/json" if "json" in step else None,
        )
        return response.status_code, response.data

    def over_socket(step: Step) -> tuple[int, bytes]:
        kind = {"Content-Type": "application/json"} if "json" in step else {}
        headers = {**kind, **step.get("headers", {})}
        connection.request(step["method"], step["path"], body_of(step), headers)
        response = connection.getresponse()
        return response.status, response.read()

    return in_process if request.param == "in process" else over_socket


@pytest.mark.parametrize("vector", SERVER["vectors"], ids=lambda vector: vector["name"])
def test_server_answers_as_specified(vector: Step, send: Send) -> None:
    known: dict[str, str] = {}
    for step in vector["steps"]:
        content = SERVER["steps"][step] if isinstance(step, str) else step
        status, answer = send(content)
        what = f"{content['method']} {content['path']}"
        assert status == content["status"], f"{what}: {answer!r}"
        if "answer" in content:
            assert differences(content["answer"], json.loads(answer), known) == [], what


class OtherProject:
    """A program that knows the protocol only: test driver, and services users and bookings.

    All that is optional is left out. Users gets a booking, and tries once more where it fails.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        self.injected: list[Any] = []

    def close(self) -> None:
        self._connection.close()

    def call(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content)
        self._connection.request(method, path, body)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status == 200, (method, path, answer)
        return json.loads(answer) if answer else None

    def explore(self) -> int:
        """Drive the whole exploration; returns how many executions there were."""
        number = 1
        while self.call("GET", f"/filibuster/has-next-iteration/{number}")["has-next-iteration"]:
            assert self.call("GET", "/filibuster/new-test-execution/users") == {
                "new-test-execution": True
            }
            before = len(self.injected)
            there = self.user_request()
            asked = self.call("GET", "/filibuster/fault-injected")
            assert asked == {"result": len(self.injected) > before}
            assert there or asked["result"]
            self.call("POST", f"/filibuster/complete-iteration/{number}/exception/0")
            self.call("GET", f"/filibuster/teardowns-completed/{number}")
            number += 1
        return number - 1

    def user_request(self) -> bool:
        """Users handles a request; returns whether it had a booking."""
        return any(self.booking(attempt) == "200" for attempt in (1, 2))

    def booking(self, attempt: int) -> str:
        """Users calls bookings; returns the status, or the exception's name."""
        index = json.dumps([["68ae", attempt]])
        message = {
            "instrumentation_type": "invocation",
            "source_service_name": "users",
            "module": "requests",
            "method": "get",
            "args": ["5003/bookings/chris"],
            "kwargs": {},
            "metadata": {"timeout": 10},
            "vclock": {"users": attempt},
            "origin_vclock": {},
            "execution_index": index,
        }
        answer = self.call("PUT", "/filibuster/create", message)
        assert answer.pop("generated_id") == attempt - 1
        assert answer.pop("execution_index") == index
        if answer:
            self.injected.append(answer)
        completed = {
            "instrumentation_type": "invocation_complete",
            "generated_id": attempt - 1,
            "execution_index": index,
            "vclock": {"users": attempt},
        }
        end: str
        if "forced_exception" in answer:
            end = answer["forced_exception"]["name"]
            completed["exception"] = {"name": end, "metadata": {}}
        else:
            if "failure_metadata" in answer:
                end = answer["failure_metadata"]["return_value"]["status_code"]
            else:
                end = "200"
                received = {
                    "instrumentation_type": "request_received",
                    "generated_id": str(attempt - 1),
                    "execution_index": index,
                    "target_service_name": "bookings",
                }
                assert self.call("POST", "/filibuster/update", received) == {}
            completed["return_value"] = {"__class__": "Response", "status_code": end, "text": ""}
        assert self.call("POST", "/filibuster/update", completed) == {}
        return end


def test_foreign_program_explores_every_fault() -> None:
    """Of its own model."""
    forced = [
        {"forced_exception": {"name": f"requests.exceptions.{name}", "metadata": {}}}
        for name in ("ConnectionError", "Timeout")
    ]
    failures = [
        {"failure_metadata": {"return_value": {"status_code": status}}} for status in ("500", "404")
    ]
    with Serving(new_server(), port=0) as serving:
        program = OtherProject(serving.url)
        try:
            step = SERVER["steps"]["analysis-file"]
            program.call(step["method"], step["path"], step["json"])
            executions = program.explore()
            assert program.call("GET", "/filibuster/iterations-remaining") == {
                "iterations-remaining": 0
            }
        finally:
            program.close()
    # One without faults; each on the first attempt; and each on both.
    assert executions > 1 + len(forced + failures)
    assert [each for each in forced + failures if each not in program.injected] == []
    assert [each for each in program.injected if each not in forced + failures] == []


def test_a_body_in_chunks_is_read(socket_to: tuple[Switch, http.client.HTTPConnection]) -> None:
    switch, connection = socket_to
    switch.app = new_server()
    step = SERVER["steps"]["analysis-file"]
    pieces = iter([body_of(step)[:100], body_of(step)[100:]])
    connection.request(step["method"], step["path"], pieces, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"{}")


class World:
    """The front service and what it calls, on real sockets, and a server of another project.

    :ivar calls: what the front service calls when it handles a request.
    :ivar ends: what these calls ended in.
    :ivar arrived: the headers of the requests that its callee received.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.calls: list[dict[str, Any]] = []
        self.ends: list[dict[str, Any]] = []
        self.arrived: list[dict[str, str]] = []
        self.asked: list[bool] = []
        self.server: ForeignServer = stack.enter_context(foreign_server())
        self.leaf = stack.enter_context(serving(self._leaf()))
        self.bookings = stack.enter_context(serving(self._instrumented(stack, self._bookings())))
        self.front = stack.enter_context(serving(self._instrumented(stack, self._front())))

    def _instrumented(self, stack: ExitStack, app: Flask) -> Flask:
        Filibuster(app, server_url=self.server.url)
        stack.callback(app.extensions["filibuster"].disconnect)
        return app

    def _leaf(self) -> Flask:
        app = Flask("leaf")

        @app.before_request
        def note() -> None:
            self.arrived.append(dict(request.headers))

        app.add_url_rule("/ok", "ok", lambda: "fine", methods=["GET", "POST"])
        app.add_url_rule("/teapot", "teapot", lambda: ("teapot", 418))
        return app

    def _bookings(self) -> Flask:
        app = Flask("bookings")

        @app.get("/chris")
        def chris() -> ResponseReturnValue:
            return jsonify([each.what for each in self.server.told])

        return app

    def _front(self) -> Flask:
        app = Flask("front")

        @app.get("/")
        def index() -> ResponseReturnValue:
            self.ends = [end_of(call) for call in self.calls]
            return "answer"

        @app.get("/asks")
        def asks() -> ResponseReturnValue:
            self.asked = [was_fault_injected(), was_fault_injected_on("book ings/é")]
            return "answer"

        return app

    def request(self, path: str = "/", headers: Mapping[str, str] = {}) -> None:
        """Let the front service handle a request."""
        response = requests.get(self.front + path, headers=headers, timeout=10)
        assert (response.status_code, response.text) == (200, "answer")


def end_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """Make a call, and say how it ended."""
    options = dict(call)
    if isinstance(options.get("timeout"), list):
        options["timeout"] = tuple(options["timeout"])
    try:
        with requests.request(**options) as response:
            return {"status": response.status_code, "text": response.text}
    except (requests.RequestException, FilibusterError) as error:
        return {
            "raised": f"{type(error).__module__}.{type(error).__qualname__}",
            "says": str(error),
        }


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack)


def in_this(world: World, text: str) -> Any:
    """Vectors with the addresses of this world."""
    leaf = urlsplit(world.leaf)
    for name, value in (
        ("$leaf_port", str(leaf.port)),
        ("$leaf", leaf.netloc),
        ("$dead", urlsplit(dead_url()).netloc),
    ):
        text = text.replace(name, value)
    return json.loads(text)


def only(names: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: content.get(name) for name in names}


def marked(vector: Step) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason=vector["xfail"])] if "xfail" in vector else []
    return pytest.param(vector["name"], id=vector["name"], marks=marks)


@pytest.mark.parametrize("name", [marked(each) for each in json.loads(SERVICE)["vectors"]])
def test_service_sends_as_specified(name: str, world: World) -> None:
    vectors = in_this(world, SERVICE)
    (vector,) = (each for each in vectors["vectors"] if each["name"] == name)
    world.calls = vector["calls"]
    world.server.decisions = vector.get("decisions", [])
    world.request(headers=vector.get("headers", {}))
    known = dict(vector.get("known", {}))
    told = world.server.told
    if "sent" in vector:
        expected = [vectors["sent"].get(e, e) if isinstance(e, str) else e for e in vector["sent"]]
        seen = [{"method": e.method, "path": e.path, "json": e.content} for e in told]
        assert differences(expected, seen, known) == []
    for kind, what in (("creates", "invocation"), ("completes", "invocation_complete")):
        for wanted, sent in zip(
            vector.get(kind, []), world.server.of_kind(what), strict=kind in vector
        ):
            assert differences(wanted, only(wanted, sent.content), known) == []
    if "callee" in vector:
        assert len(world.arrived) == len(vector["callee"])
        for wanted, headers in zip(vector["callee"], world.arrived, strict=True):
            arrived = {key.lower(): value for key, value in headers.items()}
            seen_here = {key: arrived.get(key.lower()) for key in wanted}
            assert differences(wanted, seen_here, known) == []
    assert len(world.ends) == len(vector["ends"])
    for wanted, end in zip(vector["ends"], world.ends, strict=True):
        says = wanted.pop("says", "")
        assert says in end.get("says", "")
        assert differences(wanted, only(wanted, end), known) == []


class TestCallsToAServerOfAnotherProject:
    def test_are_marked_after_one_health_check(self, world: World) -> None:
        world.calls = [{"method": "get", "url": f"{world.leaf}/ok"}] * 2
        world.request()
        world.request("/asks")
        assert {each.headers[wire.INSTRUMENTATION] for each in world.server.sent} == {"true"}
        assert sum(each.path == "/health-check" for each in world.server.sent) == 1

    def test_two_for_a_plain_callee(self, world: World) -> None:
        """A callee without instrumentation."""
        world.calls = [{"method": "get", "url": f"{world.leaf}/ok"}] * 3
        world.request(headers={wire.REQUEST_ID: "3f0c", wire.EXECUTION_INDEX: '[["GET 1/", 1]]'})
        assert [each.what for each in world.server.told] == [
            "invocation",
            "invocation_complete",
        ] * 3

    def test_three_for_an_instrumented_callee(self, world: World) -> None:
        """It tells before its view runs."""
        world.calls = [{"method": "get", "url": f"{world.bookings}/chris"}]
        world.request(headers={wire.REQUEST_ID: "3f0c", wire.EXECUTION_INDEX: '[["GET 1/", 1]]'})
        (end,) = world.ends
        assert json.loads(end["text"]) == ["invocation", "request_received"]
        create, received, completed = world.server.told
        assert received.content == {
            "instrumentation_type": "request_received",
            "generated_id": "0",
            "execution_index": create.content["execution_index"],
            "target_service_name": "bookings",
        }
        assert completed.what == "invocation_complete"

    def test_services_keep_one_connection_each(self, world: World) -> None:
        world.calls = [{"method": "get", "url": f"{world.bookings}/chris"}] * 3
        for _ in range(3):
            world.request()
        assert world.server.connections == 2

    def test_new_execution_is_asked_per_request(self, world: World) -> None:
        """Per request without an index."""
        world.calls = [{"method": "get", "url": f"{world.leaf}/ok"}] * 3
        asked = "/filibuster/new-test-execution/front"
        world.request()
        world.request()
        assert len(world.server.of_kind(asked)) == 2
        world.request(headers={wire.REQUEST_ID: "3f0c", wire.EXECUTION_INDEX: '[["GET 1/", 1]]'})
        assert len(world.server.of_kind(asked)) == 2

    def test_indexes_are_repeatable(self, world: World) -> None:
        world.calls = [{"method": "get", "url": f"{world.leaf}/ok"}] * 2
        indexes = []
        for _ in range(2):
            world.server.next_execution()
            world.request()
            world.request()
            creates = world.server.of_kind("invocation")
            indexes.append([each.content["execution_index"] for each in creates])
        assert indexes[0] == indexes[1]
        assert len(set(indexes[0])) == 4

    def test_indexes_are_written_as_python_json(self, world: World) -> None:
        world.calls = [{"method": "get", "url": f"{world.leaf}/ok"}]
        world.request()
        (create,) = world.server.of_kind("invocation")
        index = create.content["execution_index"]
        assert index == json.dumps(json.loads(index))
        assert len(json.loads(index)) == 2

    def test_questions_quote_the_name(self, world: World) -> None:
        """Whether a fault was injected."""
        world.server.fault_injected = True
        world.request("/asks", {wire.REQUEST_ID: "3f0c", wire.EXECUTION_INDEX: '[["GET 1/", 1]]'})
        assert world.asked == [True, True]
        assert [urlsplit(each.path).path for each in world.server.told] == [
            "/filibuster/fault-injected",
            "/filibuster/fault-injected/book%20ings%2F%C3%A9",
        ]

    @pytest.mark.slow
    def test_callee_sleeps_as_ordered(self, world: World) -> None:
        sleep = {"abort": False, "sleep": 0.3}
        forced = {"name": "requests.exceptions.Timeout", "metadata": sleep}
        world.server.decisions = [{"forced_exception": forced}]
        # The callee would answer at once; asleep, it outlasts the caller's timeout.
        world.calls = [{"method": "get", "url": f"{world.bookings}/chris", "timeout": 0.1}]
        world.request()
        (end,) = world.ends
        assert end["raised"] == "requests.exceptions.ReadTimeout"
        assert [each.what for each in world.server.told][-2:] == [
            "request_received",
            "invocation_complete",
        ]
