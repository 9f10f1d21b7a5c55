"""Hosts on other machines are asked once; their answers are kept without credentials."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import explore
from flask_filibuster.errors import SetupError
from flask_filibuster.mesh.network import ELSEWHERE
from flask_filibuster.mesh.recordings import Recordings
from flask_filibuster.results.result import Result
from tests.support.listener import Listener, listening


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Listener]:
    monkeypatch.chdir(tmp_path)
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "pay.example" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with listening() as there:
        yield there


def explored(listener: Listener, path: str = "/pay?token=mine", method: str = "GET") -> Result:
    app = Flask("shop")

    @app.get("/")
    def index() -> dict[str, Any]:
        url = f"http://pay.example:{listener.server_port}{path}"
        try:
            reply = requests.request(method, url, json={"n": 1}, timeout=5)
            return {"paid": reply.json()["ok"]}
        except requests.RequestException:
            return {"paid": None}

    def test() -> None:
        paid = app.test_client().get("/").json
        assert paid in ({"paid": True}, {"paid": None})

    return explore(test, {"http://shop": app, ELSEWHERE: Recordings()})


def kept() -> list[Path]:
    return sorted(Path(".filibuster/recordings").rglob("*.json"))


def test_host_is_asked_once_for_all_explorations(listener: Listener) -> None:
    first, second = explored(listener), explored(listener)
    assert len(listener.requested) == 1
    assert len(first.executions) == len(second.executions) > 3
    assert first.unexplored == ()


def test_faults_are_injected_as_usual(listener: Listener) -> None:
    faulted = [
        call.fault for each in explored(listener).executions for call in each.trace.invocations
    ]
    assert any(faulted)


def test_different_requests_are_asked_each(listener: Listener) -> None:
    explored(listener, "/one")
    explored(listener, "/two", "POST")
    assert [each[:2] for each in listener.requested] == [("GET", "/one"), ("POST", "/two")]


def test_headers_of_the_exploration_stay_here(listener: Listener) -> None:
    explored(listener)
    (_, _, headers) = listener.requested[0]
    assert not any(name.lower().startswith("x-filibuster") for name in headers)


def test_credentials_are_masked(listener: Listener) -> None:
    explored(listener)
    (file,) = kept()
    text = file.read_text()
    assert "secret-of-the-host" not in text
    assert "mine" not in text
    assert json.loads(text)["json"] == {"ok": True, "access_token": "***"}


def test_damaged_file_is_named(listener: Listener) -> None:
    explored(listener)
    (file,) = kept()
    file.write_text("{")
    result = explored(listener)
    assert result.exit_code == 2


def test_host_that_is_away_is_named(tmp_path: Path) -> None:
    from werkzeug.test import Client

    with pytest.raises(SetupError, match=r"cannot record GET http://127\.0\.0\.1:9/x"):
        Client(Recordings(tmp_path)).get("/x", base_url="http://127.0.0.1:9/")


def test_local_hosts_are_not_recorded(listener: Listener) -> None:
    app = Flask("shop")
    app.get("/")(lambda: requests.get(f"http://{listener.place}/", timeout=5).text)
    explore(
        lambda: app.test_client().get("/"),
        {"http://shop": app, ELSEWHERE: Recordings()},
        max_executions=1,
    )
    assert kept() == []
