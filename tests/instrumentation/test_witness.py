"""What leaves the process and is no call of a client is named, with file, line and target."""

from __future__ import annotations

import asyncio
import http.client
import inspect
import multiprocessing
import multiprocessing.pool
import os
import platform
import queue
import smtplib
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from unittest.mock import Mock, patch

import httpx
import pytest
import requests
import responses
import urllib3
from flask import Flask

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, PlannedFault
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import ConfigError
from flask_filibuster.exploring.watch import Watch
from flask_filibuster.instrumentation.patching import Patch
from flask_filibuster.instrumentation.witness import events
from flask_filibuster.instrumentation.witness.processes import HandedOver
from flask_filibuster.instrumentation.witness.seeing import Witness
from flask_filibuster.report.renderings import render
from flask_filibuster.results.result import Result
from tests.support.listener import Listener, listening

Way = Callable[[str], object]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as there:
        yield there


def explored(place: str, way: Way, **options: object) -> Result:
    """An exploration of a view that makes one ordinary call, and something by the way."""
    app, back = Flask("shop"), Flask("back")
    back.get("/")(lambda: "back")

    @app.get("/")
    def index() -> str:
        try:
            requests.get("http://back/", timeout=1)
        except requests.RequestException:
            return "no back"
        way(place)
        return "done"

    def test() -> None:
        assert app.test_client().get("/").status_code == 200

    services = {"http://shop": app, "http://back": back}
    # Given, so that the sources of the ways are not read: those of the standard library are long.
    faults = FaultModel()
    return explore(test, services, faults, **options)  # type: ignore[arg-type]


def by_urlopen(place: str) -> None:
    urllib.request.urlopen(f"http://{place}/way?key=1", timeout=5).close()


def by_http_client(place: str) -> None:
    connection = http.client.HTTPConnection(place, timeout=5)
    connection.request("GET", "/")
    connection.close()


def by_socket(place: str) -> None:
    host, _, port = place.partition(":")
    with socket.socket() as own:
        own.connect((host, int(port)))


def by_connect_ex(place: str) -> None:
    host, _, port = place.partition(":")
    with socket.socket() as own:
        own.connect_ex((host, int(port)))


def by_asyncio(place: str) -> None:
    async def connect() -> None:
        host, _, port = place.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()

    asyncio.run(connect())


def by_pool(place: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(by_urlopen, place).result()


def by_older_thread(place: str) -> None:
    """requests, in a thread of before the exploration: its call belongs to no request."""
    PLACES.append(place)
    ASKED.set()
    assert DONE.wait(10)
    DONE.clear()


PLACES: list[str] = []
ASKED, DONE = threading.Event(), threading.Event()


def ask_for_ever() -> None:
    while ASKED.wait():
        ASKED.clear()
        requests.get(f"http://{PLACES.pop()}/way", timeout=5)
        DONE.set()


threading.Thread(target=ask_for_ever, daemon=True).start()


def connected_in_c(place: str) -> int:
    """A socket that is connected without an event of Python."""
    library = pytest.importorskip("ctypes").CDLL(None)
    number: int = library.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    port = int(place.rpartition(":")[2])
    address = socket.AF_INET.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big")
    address += socket.inet_aton("127.0.0.1") + bytes(8)
    assert library.connect(number, address, len(address)) == 0
    return number


CONNECTING = (
    by_urlopen,
    by_http_client,
    by_socket,
    by_connect_ex,
    by_asyncio,
    by_pool,
    by_older_thread,
)


class TestConnections:
    @pytest.mark.parametrize("way", CONNECTING, ids=lambda each: str(each.__name__))
    def test_are_seen_with_their_place(self, listener: Listener, way: Way) -> None:
        (seen,) = explored(listener.place, way).unexplored
        assert (seen.way, seen.target, seen.count) == ("connection", listener.place, 1)
        assert seen.callsite is not None
        assert seen.callsite.file == __file__

    def test_have_the_url_if_known(self, listener: Listener) -> None:
        (seen,) = explored(listener.place, by_urlopen).unexplored
        assert seen.url == f"http://{listener.place}/way"

    def test_are_counted_in_one_execution(self, listener: Listener) -> None:
        def way(place: str) -> None:
            for _ in range(3):
                by_urlopen(place)

        (seen,) = explored(listener.place, way).unexplored
        assert seen.count == 3

    def test_of_an_unknown_name(self) -> None:
        def way(_: str) -> None:
            with pytest.raises(OSError, match="nosuch"):
                urllib.request.urlopen("http://nosuch.invalid/", timeout=5)

        (seen,) = explored("", way).unexplored
        assert seen.target == "nosuch.invalid:80"

    def test_by_datagram(self) -> None:
        def way(_: str) -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                own.sendto(b"counter:1", ("127.0.0.1", 8125))

        (seen,) = explored("", way).unexplored
        assert (seen.way, seen.target) == ("datagram", "127.0.0.1:8125")

    def test_own_pair_is_none(self) -> None:
        """As libraries wake their loops by: nothing leaves the process."""
        kept: list[socket.socket] = []

        def way(_: str) -> None:
            with socket.socket() as there:
                there.bind(("127.0.0.1", 0))
                there.listen(1)
                own = socket.socket()
                own.connect(there.getsockname())
                kept.extend((own, there.accept()[0]))

        result = explored("", way)
        for each in kept:
            each.close()
        assert result.unexplored == ()

    def test_own_server_is_one(self, listener: Listener) -> None:
        """Which another function listens for."""
        (seen,) = explored(listener.place, by_socket).unexplored
        assert seen.target == listener.place

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_datagrams_are_named_once(self, host: str) -> None:
        """For each target, with their number, from wherever they are sent."""

        def way(_: str) -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
                address = socket.getaddrinfo(host, 8125, socket.AF_INET)[0][4]
                own.sendto(b"requests:1|c", address)
                for _number in range(3):
                    own.sendto(b"rows:1|c", address)
                own.sendto(b"time:1|ms", ("127.0.0.1", 8126))

        result = explored("", way)
        seen = {each.target: each for each in result.unexplored}
        assert seen.keys() == {f"{host}:8125", "127.0.0.1:8126"}
        metrics = seen[f"{host}:8125"]
        assert (metrics.way, metrics.count) == ("datagram", 4)
        assert metrics.callsite is not None
        said = [each for each in result.weakens if f"{host}:8125, 4 times" in each]
        assert len(said) == 1
        assert f"FILIBUSTER_UNEXPLORED = ['{host}:8125']" in said[0]

    def test_connections_are_named_by_line(self, listener: Listener) -> None:
        def way(place: str) -> None:
            by_socket(place)
            by_connect_ex(place)

        result = explored(listener.place, way)
        assert len(result.unexplored) == 2
        assert not any("FILIBUSTER_UNEXPLORED" in each for each in result.weakens)

    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
    def test_to_a_unix_socket(self, tmp_path: object) -> None:
        path = f"{tmp_path}/s"
        with socket.socket(socket.AF_UNIX) as there:
            there.bind(path)
            there.listen()

            def way(_: str) -> None:
                with socket.socket(socket.AF_UNIX) as own:
                    own.connect(path)

            (seen,) = explored("", way).unexplored
        assert seen.target == path

    @pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
    def test_of_a_library_in_c(self, listener: Listener) -> None:
        kept: list[int] = []
        seen = explored(listener.place, lambda place: kept.append(connected_in_c(place))).unexplored
        for number in kept:
            os.close(number)
        assert [each.target for each in seen] == [listener.place]

    @pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
    def test_kept_from_an_earlier_attempt(self, listener: Listener) -> None:
        watch, first, second, faulty = Watch(), object(), object(), object()
        watch.begin(first, FaultSet())
        number = connected_in_c(listener.place)
        seen, _ = watch.end(first, Trace())
        watch.begin(second, FaultSet())
        again, _ = watch.end(second, Trace())
        call = Call(ROOT.child("a", 1), "shop", "back", "GET", "http://back/")
        watch.begin(faulty, FaultSet((PlannedFault(call, Fault(exception="Timeout")),)))
        assert watch.end(faulty, Trace()) == ((), ())
        os.close(number)
        assert [each.target for each in seen] == [listener.place]
        assert again == seen


class TestThreadsFromBefore:
    """Their calls belong to no request, and need no connection that would show them."""

    @pytest.fixture
    def handed(self) -> Iterator[Callable[[Callable[[], object]], object]]:
        """Runs a function in a thread that gets it by a queue that nobody can follow."""

        def work() -> None:
            for function in iter(given.get, None):
                results.put(function())

        def hand(function: Callable[[], object]) -> object:
            given.put(function)
            return results.get(timeout=10)

        given: queue.SimpleQueue[Any] = queue.SimpleQueue()
        results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        thread = threading.Thread(target=work)
        thread.start()
        yield hand
        given.put(None)
        thread.join()

    @pytest.mark.parametrize("mock", ["responses", "function"])
    def test_mocked_call_is_named(self, handed: Any, mock: str) -> None:
        url = "http://weather.test/now"

        def ask() -> object:
            return requests.get(url, timeout=1).status_code

        def way(_: str) -> None:
            if mock == "function":
                with patch("requests.get", return_value=Mock(status_code=200)):
                    assert handed(ask) == 200
                return
            with responses.RequestsMock() as mocked:
                mocked.get(url)
                assert handed(ask) == 200

        (seen,) = explored("", way).unexplored
        assert (seen.target, seen.url) == ("weather.test:80", url)
        assert seen.callsite is not None
        assert seen.callsite.file == __file__

    @pytest.mark.slow
    @pytest.mark.parametrize("library", [requests.Session, httpx.Client])
    def test_kept_connection_is_named(self, handed: Any, listener: Listener, library: Any) -> None:
        with library() as session:
            url = f"http://{listener.place}/way"
            handed(lambda: session.get(url).text)
            (seen,) = explored("", lambda _: handed(lambda: session.get(url).text)).unexplored
        assert (seen.target, seen.url, seen.count) == (listener.place, url, 1)

    def test_call_of_no_exploration_is_not(self, handed: Any, listener: Listener) -> None:
        explored("", lambda _: None)
        result = explored("", lambda _: None)
        handed(lambda: requests.get(f"http://{listener.place}/way", timeout=1).text)
        assert result.unexplored == ()


class TestProcesses:
    @pytest.mark.parametrize(
        ("start", "target", "url"),
        [
            (lambda: subprocess.run(["true"], check=True), "true", ""),
            (
                lambda: subprocess.run(["/bin/true", "http://u:p@h/x?k=1"], check=True),
                "true",
                "http://h/x",
            ),
            (lambda: subprocess.run("A=1 true x | cat", shell=True, check=True), "true", ""),
            (lambda: os.system("true http://h/x"), "true", "http://h/x"),
            (lambda: os.popen("true").close(), "true", ""),
            (lambda: os.posix_spawn("/bin/true", ["true"], {}), "true", ""),
        ],
        ids=["run", "with a url", "shell", "system", "popen", "posix_spawn"],
    )
    def test_commands(self, start: Callable[[], object], target: str, url: str) -> None:
        (seen,) = explored("", lambda _: start()).unexplored
        assert (seen.way, seen.target, seen.url) == ("process", target, url)
        assert seen.callsite is not None

    def test_of_asyncio(self) -> None:
        async def start() -> None:
            await (await asyncio.create_subprocess_exec("true")).wait()

        (seen,) = explored("", lambda _: asyncio.run(start())).unexplored
        assert seen.target == "true"

    def test_fork(self) -> None:
        def way(_: str) -> None:
            number = os.fork()
            if not number:
                os._exit(0)
            os.waitpid(number, 0)

        (seen,) = explored("", way).unexplored
        assert seen.way == "fork"

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_of_multiprocessing(self, method: str) -> None:
        def way(_: str) -> None:
            process = multiprocessing.get_context(method).Process(target=len, args=("a",))  # type: ignore[attr-defined]
            process.start()
            process.join()

        (seen,) = explored("", way, max_executions=2).unexplored
        assert seen.target == "that runs builtins.len"

    def test_of_a_pool(self) -> None:
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            pool.submit(len, "a").result()  # The pool's process exists already.
            (seen,) = explored("", lambda _: pool.submit(len, "a").result()).unexplored
        assert seen.target == "that runs builtins.len"

    def test_of_a_module_imported_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            patched.delitem(sys.modules, "multiprocessing.pool")
            noted = HandedOver()
        own = Patch.of(multiprocessing.pool.Pool, "apply_async")
        before = 0 if own is None else own.holders
        noted.look()
        noted.look()
        held = Patch.of(multiprocessing.pool.Pool, "apply_async")
        assert held is not None
        assert held.holders == before + 1
        noted.release()
        assert held.holders == before

    def test_of_the_standard_library_about_the_machine(self) -> None:
        def way(_: str) -> None:
            platform.uname.cache_clear() if hasattr(platform.uname, "cache_clear") else None
            platform.libc_ver()

        assert explored("", way).unexplored == ()


class _FakeSmtp:
    """What a test puts in the place of a class."""

    def __init__(self, *_args: object) -> None:
        pass

    def noop(self) -> tuple[int, bytes]:
        return 250, b""


def by_opener(place: str) -> None:
    urllib.request.build_opener().open(f"http://{place}/way")


def by_smtp(_place: str) -> None:
    smtplib.SMTP("localhost").noop()


def by_run(_place: str) -> None:
    subprocess.run(["true"], check=True)


def by_urllib3(_place: str) -> None:
    with suppress(Exception), urllib3.PoolManager() as pool:  # A mock is no socket.
        pool.request("GET", "http://h:1/way", retries=False)


HERE = "tests.instrumentation.test_witness"
_CONNECTING = "urllib3.util.connection"


class TestReplaced:
    """What a test replaces, and is no client's: its calls leave nothing else to be seen."""

    @pytest.mark.parametrize(
        ("way", "target", "new", "name"),
        [
            (by_urlopen, "urllib.request.urlopen", Mock(), "urllib.request.urlopen"),
            (by_opener, "urllib.request.OpenerDirector.open", Mock(), "OpenerDirector.open"),
            (by_run, "subprocess.run", lambda *_, **__: None, "subprocess.run"),
            (by_run, f"{HERE}.subprocess", Mock(), "subprocess.run"),
            (by_smtp, "smtplib.SMTP", _FakeSmtp, "smtplib.SMTP.noop"),
            (by_smtp, "smtplib.SMTP", Mock(), "smtplib.SMTP"),
            (by_urllib3, f"{_CONNECTING}.create_connection", Mock(), "create_connection"),
        ],
        ids=["function", "method", "fake", "module", "fake class", "class", "connection"],
    )
    def test_is_named_with_its_place(self, way: Way, target: str, new: Any, name: str) -> None:
        with patch(target, new):
            result = explored("h:1", way)
        seen = result.unexplored[0]
        assert seen.way == "replaced"
        assert seen.target.endswith(name)
        assert seen.callsite is not None
        assert seen.callsite.file == __file__
        assert any(f"call of {seen.target}" in each for each in result.notes)

    def test_has_its_url(self) -> None:
        with patch("urllib.request.urlopen"):
            (seen,) = explored("user:secret@h:1", by_urlopen).unexplored
        assert str(seen).startswith(
            "call of urllib.request.urlopen (http://h:1/way), which the test replaces, at "
        )

    def test_is_named_in_other_forms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
        (seen,) = explored("", by_run).unexplored
        assert seen.target == "subprocess.run"

    @pytest.mark.parametrize(
        ("target", "way"),
        [
            ("subprocess.run", lambda _: None),
            ("subprocess.list2cmdline", lambda _: subprocess.list2cmdline(["a"])),
            ("socket.getfqdn", lambda _: socket.getfqdn()),
            ("urllib3.disable_warnings", lambda _: urllib3.disable_warnings()),
            ("requests.utils.get_netrc_auth", lambda _: requests.utils.get_netrc_auth("http://h")),
        ],
        ids=["not called", "words", "name", "warnings", "file"],
    )
    def test_is_not_if_it_makes_no_call(self, target: str, way: Way) -> None:
        with patch(target):
            result = explored("", way)
        assert result.unexplored == ()
        assert not result.notes

    def test_of_the_test_is_not(self) -> None:
        def test() -> None:
            with patch("subprocess.run"):
                subprocess.run(["true"], check=True)

        assert explore(test, {}).unexplored == ()

    def test_can_be_fine(self) -> None:
        with patch("subprocess.run"):
            result = explored("", by_run, unexplored=["fail", "subprocess.run"])
        assert result.ok

    def test_works_as_before(self) -> None:
        before = vars(subprocess)["run"]
        with patch("subprocess.run", return_value=7) as run:
            explored("", by_run)
            assert run.call_args.args == (["true"],)
            assert subprocess.run is run
        assert vars(subprocess)["run"] is before


class TestOtherServices:
    def test_of_a_wsgi_app_without_frames(self, listener: Listener) -> None:
        def plain(_environ: object, start_response: Any) -> list[bytes]:
            by_urlopen(listener.place)
            start_response("200 OK", [])
            return [b"plain"]

        app = Flask("shop")
        app.get("/")(lambda: requests.get("http://plain/", timeout=1).text)
        services = {"http://shop": app, "http://plain": plain}
        (seen,) = explore(lambda: app.test_client().get("/"), services).unexplored
        assert seen.target == listener.place

    @pytest.mark.slow
    @pytest.mark.parametrize("host", ["back", "listener"])
    def test_of_an_app_that_is_switched_off(self, listener: Listener, host: str) -> None:
        place = listener.place if host == "listener" else "back:80"
        app, middle, back = Flask("shop"), Flask("middle"), Flask("back")
        middle.config["FILIBUSTER_ENABLED"] = False
        Filibuster(middle)
        back.get("/")(lambda: "back")
        app.get("/")(lambda: requests.get("http://middle/", timeout=1).text)
        middle.get("/")(lambda: requests.get(f"http://{place}/", timeout=1).text)
        services = {"http://shop": app, "http://middle": middle, "http://back": back}
        (seen,) = explore(lambda: app.test_client().get("/"), services).unexplored
        assert (seen.target, seen.count) == (place, 1)

    def test_threads_of_the_test_are_its_own(self, listener: Listener) -> None:
        app, back = Flask("shop"), Flask("back")
        back.get("/")(lambda: "back")
        app.get("/")(lambda: requests.get("http://back/", timeout=1).text)

        def test() -> None:
            thread = threading.Thread(target=by_urlopen, args=(listener.place,))
            thread.start()
            thread.join()
            app.test_client().get("/")

        assert explore(test, {"http://shop": app, "http://back": back}).unexplored == ()


class TestExplained:
    """What a client's call does belongs to the call."""

    @pytest.mark.parametrize(
        "way",
        [
            lambda place: requests.get(f"http://{place}/", timeout=5),
            lambda place: requests.get(f"http://localhost:{place.partition(':')[2]}/", timeout=5),
            lambda place: httpx.get(f"http://{place}/", timeout=5),
        ],
        ids=["requests", "by name", "httpx"],
    )
    def test_connections_of_clients(self, listener: Listener, way: Way) -> None:
        result = explored(listener.place, way)
        assert result.unexplored == ()
        assert any(listener.place.partition(":")[2] in each.url for each in _calls(result))

    def test_what_the_test_does_itself(self, listener: Listener) -> None:
        app, back = Flask("shop"), Flask("back")
        back.get("/")(lambda: "back")
        app.get("/")(lambda: requests.get("http://back/", timeout=1).text)

        def test() -> None:
            subprocess.run(["true"], check=True)
            by_urlopen(listener.place)
            app.test_client().get("/")

        services = {"http://shop": app, "http://back": back}
        assert explore(test, services).unexplored == ()

    def test_excluded_hosts(self, listener: Listener) -> None:
        app = Flask("shop")
        app.config["FILIBUSTER_EXCLUDED_HOSTS"] = ["127.0.0.1"]
        app.get("/")(lambda: requests.get(f"http://{listener.place}/", timeout=5).text)
        result = explore(lambda: app.test_client().get("/"), {"http://shop": app})
        assert result.unexplored == ()

    def test_nothing_is_seen_after_the_exploration(
        self, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        explored(listener.place, by_urlopen)
        monkeypatch.setattr(Witness, "note", lambda *_: pytest.fail("it still watches"))
        by_urlopen(listener.place)


def _calls(result: Result) -> list[Call]:
    return [call for each in result.executions for call in each.trace.invocations]


class TestPolicy:
    def test_warns_by_default(self, listener: Listener) -> None:
        result = explored(listener.place, by_urlopen)
        assert result.ok
        (note,) = result.notes
        line = inspect.getsourcelines(by_urlopen)[1] + 1
        assert f"connection to {listener.place} (http://{listener.place}/way)" in note
        assert f"at {__file__}:{line} in by_urlopen" in note

    def test_can_fail(self, listener: Listener) -> None:
        result = explored(listener.place, by_urlopen, unexplored="fail")
        assert (result.ok, result.exit_code) == (False, 2)
        assert listener.place in result.gaps[0]
        assert result.verdict.startswith("nothing proved")

    @pytest.mark.parametrize("fine", ["127.0.0.1", "place"])
    def test_lists_what_is_fine(self, listener: Listener, fine: str) -> None:
        fine = listener.place if fine == "place" else fine
        result = explored(listener.place, by_urlopen, unexplored=["fail", fine])
        assert result.ok
        assert result.unexplored == ()

    def test_of_the_apps_configuration(self) -> None:
        app = Flask("shop")
        app.config["FILIBUSTER_UNEXPLORED"] = "fail"
        app.get("/")(lambda: str(os.system("true")))
        result = explore(lambda: app.test_client().get("/"), {"http://shop": app})
        assert any("process true" in each for each in result.gaps)

    def test_refuses_other_values(self) -> None:
        with pytest.raises(ConfigError, match="unexplored is 7"):
            explore(lambda: None, {}, unexplored=7)  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["text", "markdown", "json"])
    def test_is_in_every_rendering(self, listener: Listener, name: str) -> None:
        said = render(explored(listener.place, by_urlopen), name)
        assert listener.place in said
        lines = said.splitlines()
        place = next(at for at, line in enumerate(lines) if listener.place in line)
        assert place < len(lines) - 1, "it is named before the verdict"


class TestWords:
    @pytest.mark.parametrize(
        ("event", "args", "words"),
        [
            ("subprocess.Popen", ("/usr/bin/curl", ["curl", "-s"], None, None), "curl"),
            ("subprocess.Popen", ("x", "x y", None, None), "x y"),
            ("subprocess.Popen", (b"/bin/git", [b"git"], None, None), "git"),
            ("os.system", (b"'",), "'"),
            ("os.exec", ("/bin/ls", ["ls"], None), "ls"),
            ("os.spawn", (0, "/bin/ls", ["/bin/ls"], None), "ls"),
            ("os.fork", (), "this process"),
        ],
    )
    def test_command(self, event: str, args: tuple[object, ...], words: str) -> None:
        assert events.command_of(event, args)[0] == words

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            (("::1", 80, 0, 0), "[::1]:80"),
            (("h", 80), "h:80"),
            (b"/run/x", "/run/x"),
            ("", "?"),
        ],
    )
    def test_address(self, address: object, words: str) -> None:
        assert events.address_words(address) == words
