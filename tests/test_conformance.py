"""The wire protocol, in both directions, against recorded vectors and clients of other projects.

The vectors in ``vectors/`` are written from the protocol's description. In ``server.json``, each
step is a call to the server with the status and, where the protocol gives it, the whole answer. In
``service.json`` a service handles one request, and everything that it sends is given.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from flask_filibuster.config import Config
from flask_filibuster.server.http import create_app
from flask_filibuster.server.serving import Serving
from flask_filibuster.testing.coordinator import Coordinator
from tests.foreign import differences

VECTORS = Path(__file__).parent / "vectors"
SERVER = json.loads((VECTORS / "server.json").read_text("utf-8"))
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
def test_our_server_answers_as_the_protocol_says(vector: Step, send: Send) -> None:
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


def test_a_program_of_another_project_explores_every_fault_of_its_model() -> None:
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
