"""Apps that a fixture serves in a thread of the test's own process, behind real sockets."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.cases import only_in_earnest, sample
from tests.support.suites import Suite

suite, few_plugins = suites.suite, suites.few_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")

SERVED = """
    import threading
    from contextlib import contextmanager
    import requests
    from flask import Flask
    from flask_filibuster import Filibuster
    from werkzeug.serving import make_server

    back = Flask("back")

    @back.get("/data")
    def data():
        return {"name": "Ada"}

    def front(back_url, extended):
        app = Flask("front")
        if extended:
            Filibuster(app)

        def name():
            return requests.get(f"{back_url}/data", timeout=2).json()["name"]

        @app.get("/careless")
        def careless():
            return name()

        @app.get("/careful")
        def careful():
            try:
                return name()
            except (requests.RequestException, KeyError):
                return "nobody"

        return app

    @contextmanager
    def served(app, threaded=True):
        server = make_server("127.0.0.1", 0, app, threaded=threaded)
        thread = threading.Thread(target=server.serve_forever, args=(0.001,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
"""
CONFTEST = """
    import pytest
    from served import back, front, served

    @pytest.fixture(scope="{scope}")
    def url():
        with served(back, {threaded}) as back_url:
            with served(front(back_url, {extended}), {threaded}) as url:
                yield url
"""
TESTS = """
    import pytest, urllib.request
    import httpx, requests

    def test_careful(url):
        assert {get}(f"{{url}}/careful")

    def test_careful_again(url):
        assert {get}(f"{{url}}/careful")

    def test_careless(url):
        assert {get}(f"{{url}}/careless")
"""
LINE = SERVED.splitlines().index(
    '            return requests.get(f"{back_url}/data", timeout=2).json()["name"]'
)


def write(suite: Suite, scope: str, get: str, *, extended: bool, threaded: bool) -> None:
    conftest = CONFTEST.format(scope=scope, extended=extended, threaded=threaded)
    suite.write(served=SERVED, conftest=conftest, test_it=TESTS.format(get=get))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "get", "extended", "threaded"),
    [
        ("function", "requests.get", False, True),
        pytest.param("function", "httpx.get", True, False, marks=only_in_earnest),
        pytest.param("module", "requests.get", True, False, marks=only_in_earnest),
        pytest.param("module", "httpx.get", False, True, marks=only_in_earnest),
        pytest.param("session", "requests.get", False, True, marks=only_in_earnest),
        ("session", "httpx.get", True, True),
    ],
)
def test_served_apps_take_part(
    suite: Suite, scope: str, get: str, extended: bool, threaded: bool
) -> None:
    write(suite, scope, get, extended=extended, threaded=threaded)
    ran = suite.again("--filibuster-all")
    assert "3 tests explored (18 executions), 0 without calls, 0 not explored" in ran.output
    assert "Weak" not in ran.output
    assert "careful" not in ran.output
    assert ran.output.count("front -> back: GET") == 3
    assert ran.output.count("shown by 1 test: test_it.py::test_careless\n") == 3


@pytest.mark.slow
@pytest.mark.parametrize("scope", sample(["function", "session"]))
@pytest.mark.parametrize("extended", [False, True], ids=["plain", "extended"])
def test_headless_requests_are_named(suite: Suite, scope: str, extended: bool) -> None:
    write(suite, scope, "urllib.request.urlopen", extended=extended, threaded=True)
    ran = suite.again("--filibuster-all", "-k", "careful")
    assert ran.code == 2
    assert "0 without calls, 2 not explored (unexplored calls only: 2)" in ran.output
    assert f"at served.py:{LINE}, in " in ran.output
    assert "name, in a request to http://127.0.0.1:" in ran.output
    assert "name the app's URL in the fixture filibuster_services" in ran.output
    assert "FILIBUSTER_UNEXPLORED" not in ran.output


@pytest.mark.slow
def test_marked_test_is_told(suite: Suite) -> None:
    write(suite, "function", "urllib.request.urlopen", extended=True, threaded=True)
    ran = suite.run(
        """
        import pytest, urllib.request

        @pytest.mark.filibuster
        def test_page(url):
            urllib.request.urlopen(f"{url}/careful")
        """,
        "-k",
        "page",
    )
    assert ran.outcomes["failed"] == 1
    assert "in a request to http://127.0.0.1:" in ran.output
    assert "made no call with a known client" not in ran.output
    assert "the fault-free execution made no call" not in ran.output


@pytest.mark.slow
def test_replay_has_other_ports(suite: Suite) -> None:
    write(suite, "session", "requests.get", extended=False, threaded=True)
    ran = suite.again("--filibuster-all")
    again = suite.again(*ran.replay)
    assert again.outcomes == {"failed": 1}
    assert "no longer" not in again.output
    assert "was not made" not in again.output


@pytest.mark.slow
def test_closing_code_takes_part(suite: Suite) -> None:
    write(suite, "session", "requests.get", extended=False, threaded=True)
    ran = suite.run(
        """
        import pytest, requests, time
        from flask import Flask
        from served import back, served

        @pytest.fixture(scope="module")
        def late():
            with served(back) as back_url:
                app = Flask("late")

                @app.get("/")
                def view():
                    def close():
                        time.sleep(0.05)
                        requests.get(f"{back_url}/data", timeout=2)

                    response = app.make_response("fine")
                    response.call_on_close(close)
                    return response

                with served(app) as url:
                    yield url

        def test_late(late):
            assert requests.get(late).text == "fine"
        """,
        "--filibuster-all",
    )
    assert "1 test explored (6 executions), 0 without calls, 0 not explored" in ran.output


@pytest.mark.slow
def test_server_outlives_its_test(suite: Suite) -> None:
    write(suite, "session", "requests.get", extended=False, threaded=True)
    ran = suite.run(
        """
        import pytest, requests, urllib.request
        from served import back, front, served

        kept = []

        def url():
            if not kept:
                blocks = [served(back)]
                blocks.append(served(front(blocks[0].__enter__(), False)))
                kept[:] = [*blocks, blocks[1].__enter__()]
            return kept[-1]

        def test_first():
            assert requests.get(f"{url()}/careful").ok

        def test_second():
            assert requests.get(f"{url()}/careful").ok

        def test_headless():
            assert urllib.request.urlopen(f"{url()}/careful")
            for block in (kept[1], kept[0]):
                block.__exit__(None, None, None)
        """,
        "--filibuster-all",
        "-ofilibuster_settle=0.2",
    )
    assert "2 tests explored (12 executions), 0 without calls, 1 not explored" in ran.output
    assert "in a request to http://127.0.0.1:" in ran.output
