"""The fault-free execution: what weakens it is named first; nothing real happens by accident."""

from __future__ import annotations

import itertools
import pickle
import socket
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from flask import Flask, abort, redirect

from flask_filibuster import FaultModel, explore, stub
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.errors import ForeignHostError, SetupError
from flask_filibuster.exploring.workers.sending import RemoteTask
from flask_filibuster.report.renderings import render
from tests.support.listener import Listener, listening

FOREIGN = "192.0.2.1"  # TEST-NET-1, RFC 5737
ONE = FaultModel(exceptions=("ConnectionError",), default_statuses=())


def shop(call: Callable[[], object], **config: Any) -> Flask:
    app = Flask("shop")
    app.config.update(config)

    @app.get("/")
    def index() -> str:
        try:
            call()
        except (requests.RequestException, OSError):
            return "degraded"
        return "done"

    return app


def get(app: Flask, path: str = "/") -> Callable[[], object]:
    return lambda: app.test_client().get(path)


class TestWeak:
    @pytest.mark.slow
    def test_refused_call_is_a_note(self) -> None:
        back = Flask("back")
        back.get("/")(lambda: abort(404))
        app = shop(lambda: requests.get("http://back/", timeout=1))
        result = explore(get(app), {"http://shop": app, "http://back": back})
        assert result.ok
        (weak,) = result.weakens
        assert weak == (
            "A call is refused in the fault-free execution: shop -> back  GET http://back/ ended "
            "with 404"
        )
        assert result.notes[0] == result.weakens[0]

    def test_refused_request_is_a_note(self) -> None:
        app = shop(lambda: None)
        result = explore(get(app, "/nowhere"), {"http://shop": app})
        assert result.weakens[0].endswith("GET http://localhost/nowhere ended with 404")

    def test_redirect_in_place_of_a_page(self) -> None:
        app = shop(lambda: None)
        app.get("/page")(lambda: redirect("/login"))
        (weak,) = explore(get(app, "/page"), {"http://shop": app}).weakens
        assert weak.startswith("The fault-free execution ends with a redirect in place of a page")

    def test_followed_redirect_is_fine(self) -> None:
        app = shop(lambda: None)
        app.get("/page")(lambda: redirect("/"))
        client = app.test_client()
        test = lambda: client.get("/page", follow_redirects=True)  # noqa: E731
        assert explore(test, {"http://shop": app}).weakens == ()

    def test_redirect_after_a_post_is_fine(self) -> None:
        app = shop(lambda: None)
        app.post("/page")(lambda: redirect("/"))
        result = explore(lambda: app.test_client().post("/page"), {"http://shop": app})
        assert result.weakens == ()

    def test_failing_request_proves_nothing(self) -> None:
        back = Flask("back")
        back.get("/")(lambda: "back")

        app = Flask("shop")

        @app.get("/")
        def index() -> tuple[str, int]:
            requests.get("http://back/", timeout=1)
            return "broken", 503

        result = explore(get(app), {"http://shop": app, "http://back": back}, ONE)
        assert "A request fails in the fault-free execution" in result.gaps[0]

    @pytest.mark.parametrize("name", ["text", "markdown"])
    def test_is_named_before_anything_else(self, name: str) -> None:
        app = shop(lambda: None)
        lines = render(explore(get(app, "/nowhere"), {"http://shop": app}), name).splitlines()
        weak = next(at for at, line in enumerate(lines) if "is refused" in line)
        assert all("note" not in line.lower() for line in lines[:weak])

    def test_first_execution_without_a_call_is_not_repeated(self) -> None:
        app, numbers = Flask("shop"), itertools.count()
        app.get("/")(lambda: str(next(numbers)))
        explore(get(app), {"http://shop": app})
        assert next(numbers) == 1


class TestForeignHosts:
    @pytest.mark.parametrize(
        "call",
        [
            lambda: requests.get(f"http://{FOREIGN}/pay?token=1", timeout=0.5),
            lambda: urllib.request.urlopen(f"http://{FOREIGN}/pay", timeout=0.5),
            lambda: socket.create_connection((FOREIGN, 80), timeout=0.5),
        ],
        ids=["requests", "urllib", "socket"],
    )
    def test_calls_are_stopped(self, call: Callable[[], object]) -> None:
        app = shop(call)
        with pytest.raises(ForeignHostError) as stopped:
            explore(get(app), {"http://shop": app})
        said = str(stopped.value)
        assert said.startswith("shop: ")
        assert "token" not in said
        assert f"called at {__file__}:" in said
        for way in ("among the services ({", "stub(", "FILIBUSTER_ALLOWED_HOSTS"):
            assert way in said
        assert "--" not in said  # Only explore PATH has such options.

    def test_error_reaches_the_parent_process(self) -> None:
        app = shop(lambda: requests.get(f"http://{FOREIGN}/pay", timeout=0.5))
        task = RemoteTask(get(app), {"http://shop": app}, 1, "of a host elsewhere")
        with pytest.raises(ForeignHostError) as stopped:
            task(FaultSet())
        sent = pickle.loads(pickle.dumps(stopped.value))
        assert (sent.base, str(sent)) == (f"http://{FOREIGN}", str(stopped.value))

    def test_call_behind_a_fault_makes_its_execution_inconclusive(self) -> None:
        back = Flask("back")
        back.get("/")(lambda: "back")

        def call() -> None:
            try:
                requests.get("http://back/", timeout=1)
            except requests.ConnectionError:
                requests.get(f"http://{FOREIGN}/", timeout=0.5)

        app = shop(call)
        result = explore(get(app), {"http://shop": app, "http://back": back}, ONE)
        assert result.exit_code == 2
        assert any("was stopped" in each for each in result.inconclusive[0].problems)

    @pytest.mark.parametrize("key", ["FILIBUSTER_ALLOWED_HOSTS", "FILIBUSTER_EXCLUDED_HOSTS"])
    def test_may_be_allowed(self, key: str) -> None:
        app = shop(lambda: requests.get(f"http://{FOREIGN}/", timeout=0.05), **{key: [FOREIGN]})
        assert explore(get(app), {"http://shop": app}, ONE).executions

    def test_may_be_stubbed(self) -> None:
        app = shop(lambda: requests.get(f"http://{FOREIGN}/pay", timeout=1).json()["n"])
        services = {"http://shop": app, f"http://{FOREIGN}": stub({"/pay": {"n": 1}})}
        assert explore(get(app), services, ONE).ok

    def test_by_name_are_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.getaddrinfo

        def resolve(host: Any, *args: Any, **options: Any) -> Any:
            return real(FOREIGN if host == "pay.example" else host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        app = shop(lambda: requests.get("https://pay.example/x", timeout=0.5))
        with pytest.raises(ForeignHostError, match=r"https://pay\.example/x"):
            explore(get(app), {"http://shop": app})


class TestHeaders:
    """Only services of this process and of this machine get the headers of an exploration."""

    @pytest.fixture
    def listener(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
        with listening() as there:
            real = socket.getaddrinfo

            def resolve(host: Any, *args: Any, **options: Any) -> Any:
                return real("127.0.0.1" if host == "pay.example" else host, *args, **options)

            monkeypatch.setattr(socket, "getaddrinfo", resolve)
            yield there

    @pytest.mark.parametrize(("host", "has"), [("pay.example", False), ("127.0.0.1", True)])
    def test_by_host(self, listener: Listener, host: str, has: bool) -> None:
        url = f"http://{host}:{listener.server_port}/"
        app = shop(lambda: requests.get(url, timeout=5))
        explore(get(app), {"http://shop": app}, ONE)
        (_, _, headers), *_ = listener.requested
        assert any(name.startswith("X-Filibuster") for name in headers) == has

    def test_of_the_test_itself(self, listener: Listener) -> None:
        url = f"http://pay.example:{listener.server_port}/"
        explore(lambda: requests.get(url, timeout=5), {})
        (_, _, headers), *_ = listener.requested
        assert not any(name.startswith("X-Filibuster") for name in headers)


class TestStub:
    def test_refuses_what_is_no_path(self) -> None:
        with pytest.raises(SetupError, match="is no path"):
            stub({"pay": 1})

    def test_refuses_what_is_no_json(self) -> None:
        with pytest.raises(SetupError, match="is no JSON"):
            stub({"/pay": object()})

    def test_names_its_paths(self) -> None:
        service = stub({"POST /pay": (201, {})})
        found = requests_of(service, "/nowhere")
        assert found.status_code == 404
        assert "POST /pay" in found.text


def requests_of(service: Any, path: str) -> Any:
    from werkzeug.test import Client

    return Client(service).get(path)
