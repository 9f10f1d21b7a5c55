"""Services that other projects instrument, in other languages, driven by our server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from flask_filibuster import FaultModel
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.server.http.app import create_app

ANALYSIS = {
    "java.grpc": {
        "pattern": "(.*/.*Blocking)",
        "exceptions": [
            {
                "name": "io.grpc.StatusRuntimeException",
                "metadata": {"cause": "", "code": "UNAVAILABLE"},
            }
        ],
    },
    "java.WebClient": {
        "pattern": "WebClient\\.(GET|PUT)",
        "exceptions": [
            {
                "name": "com.linecorp.armeria.client.UnprocessedRequestException",
                "metadata": {"cause": "io.netty.channel.ConnectTimeoutException"},
            },
        ],
        "errors": [{"service_name": "world", "types": [{"return_value": {"status_code": "404"}}]}],
    },
}
# As Java writes it, without spaces.
FIRST = '[["V1-4cf5bc59bee9e1c44c6254b5f84e7f066bd8e5fe-a468b76d6940d5e59a854b8c01bb25e7e2",1]]'


@pytest.fixture
def client() -> FlaskClient:
    return create_app(Coordinator(), version="0").test_client()


def create(client: FlaskClient, module: str, method: str, index: str) -> Any:
    body = {
        "instrumentation_type": "invocation",
        "source_service_name": "hello",
        "module": module,
        "method": method,
        "args": {"toString": "[]"},
        "vclock": {"hello": 1},
        "execution_index": index,
    }
    body["args"] = []
    answer = client.put("/filibuster/create", data=json.dumps(body))
    assert answer.status_code == 200, answer.text
    return answer.json


def run(client: FlaskClient, number: int, module: str, method: str) -> Any:
    """One execution in which a single call is made to the service ``world``."""
    decision = create(client, module, method, FIRST)
    base = {"generated_id": decision["generated_id"], "execution_index": FIRST}
    ended: dict[str, Any] = {"return_value": {"__class__": "Response", "status_code": "200"}}
    if "forced_exception" in decision:
        ended = {"exception": decision["forced_exception"]}
    elif "failure_metadata" in decision:
        ended = {"return_value": decision["failure_metadata"]["return_value"]}
    else:
        received = {"instrumentation_type": "request_received", "target_service_name": "world"}
        assert client.post("/filibuster/update", data=json.dumps(received | base)).json == {}
    complete = {"instrumentation_type": "invocation_complete", "vclock": {"hello": 1}}
    client.post("/filibuster/update", data=json.dumps(complete | base | ended))
    client.post(f"/filibuster/complete-iteration/{number}/exception/0")
    return decision


def test_foreign_faults_come_from_their_analysis(client: FlaskClient) -> None:
    client.post("/filibuster/analysis-file", data=json.dumps(ANALYSIS))
    decisions = []
    for number in (1, 2, 3):
        assert client.get(f"/filibuster/has-next-iteration/{number}/HelloTest").json == {
            "has-next-iteration": True
        }
        decisions.append(run(client, number, "WebClient", "GET"))
    assert client.get("/filibuster/has-next-iteration/4").json == {"has-next-iteration": False}
    assert decisions == [
        {"generated_id": 0, "execution_index": FIRST},
        {
            "generated_id": 0,
            "execution_index": FIRST,
            "forced_exception": {
                "name": "com.linecorp.armeria.client.UnprocessedRequestException",
                "metadata": {"cause": "io.netty.channel.ConnectTimeoutException"},
            },
        },
        {
            "generated_id": 0,
            "execution_index": FIRST,
            "failure_metadata": {"return_value": {"status_code": "404"}},
        },
    ]


def test_calls_match_module_and_method(client: FlaskClient) -> None:
    client.post("/filibuster/analysis-file", data=json.dumps(ANALYSIS))
    client.get("/filibuster/has-next-iteration/1")
    run(client, 1, "hello.HelloService", "Hello")
    assert client.get("/filibuster/has-next-iteration/2").json == {"has-next-iteration": False}

    client.get("/filibuster/has-next-iteration/1")
    run(client, 1, "hello.HelloService/", "HelloBlocking")
    assert client.get("/filibuster/has-next-iteration/2").json == {"has-next-iteration": True}
    decision = run(client, 2, "hello.HelloService/", "HelloBlocking")
    assert decision["forced_exception"]["metadata"] == {"cause": "", "code": "UNAVAILABLE"}


def test_foreign_model_survives_writing() -> None:
    model = FaultModel.from_analysis(ANALYSIS, foreign=True)
    again = FaultModel.from_analysis(model.to_analysis(), foreign=True)
    index = ExecutionIndex.received(FIRST)
    for api in ("WebClient.GET", "a/b.Blocking", "requests.get"):
        call = Call(index, "hello", "world", "GET", "http://world/", api=api)
        assert again.faults_of(call) == model.faults_of(call)
