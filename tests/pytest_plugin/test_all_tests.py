"""``pytest --filibuster-all``: a suite that has never heard of us."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support import suites
from tests.support.cases import only_in_earnest, sample
from tests.support.suites import WITHOUT, Suite

suite = suites.suite

SHOP = """
    import requests
    from flask import Flask, abort

    def create_app():
        app = Flask(__name__)

        @app.get("/plain")
        def plain():
            return "plain"

        @app.get("/careless/<int:number>")
        def careless(number):
            return name_of(number)

        @app.get("/careful/<int:number>")
        def careful(number):
            try:
                return name_of(number)
            except (requests.RequestException, KeyError):
                abort(503)

        return app

    def name_of(number):
        answer = requests.get(f"http://users.test/{number}", timeout=2)
        return {"name": answer.json()["name"]}
"""
CONFTEST = """
    import pytest
    from shop import create_app

    @pytest.fixture
    def client():
        app = create_app()
        app.testing = True
        return app.test_client()
"""
HEAD = """
    import unittest
    from unittest.mock import patch
    import pytest, responses
    from shop import create_app

    def user(number=1, **more):
        responses.get(f"http://users.test/{number}", **(more or {"json": {"name": "Ada"}}))

    def note(line):
        with open("notes", "a") as file:
            print(line, file=file)
"""
MANY = """
    @pytest.fixture(scope="module", autouse=True)
    def shared():
        note("module set up")
        yield
        note("module torn down")

    def test_no_call(client):
        note("no call")
        assert client.get("/plain").data == b"plain"

    def test_no_app():
        assert 1 + 1 == 2

    @responses.activate
    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_careless(client, number):
        note(f"careless {number}")
        user(number)
        assert client.get(f"/careless/{number}").json == {"name": "Ada"}

    @responses.activate
    def test_careful(client):
        user()
        assert client.get("/careful/1").json == {"name": "Ada"}

    def test_mock(client):
        with patch("shop.requests.get") as get:
            get.return_value.json.return_value = {"name": "Ada"}
            assert client.get("/careful/7").json == {"name": "Ada"}

    class TestOfUnittest(unittest.TestCase):
        @responses.activate
        def test_it(self):
            user()
            self.assertEqual(create_app().test_client().get("/careful/1").status_code, 200)

    @pytest.mark.skip
    def test_skipped(client):
        pass

    @pytest.mark.xfail
    def test_expected(client):
        assert False

    @pytest.mark.filibuster(explore=False)
    @responses.activate
    def test_alone(client):
        note("alone")
        user()
        assert client.get("/careless/1").status_code == 200

    @responses.activate
    def test_error(client):
        user(status=500)
        assert client.get("/careful/1").status_code == 503

    @pytest.mark.filibuster
    @responses.activate
    def test_marked(client):
        user()
        assert client.get("/careful/1").status_code in (200, 503)
"""
OUTCOMES = "12 passed, 1 skipped, 1 xfailed"


def elsewhere(path: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a pytest in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", *WITHOUT, "-pno:hypothesispytest", *arguments]
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), id="one process"),
        pytest.param(("-n", "2"), id="xdist", marks=only_in_earnest),
    ],
)
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a suite that was run; the output is in a file there."""
    path = tmp_path_factory.mktemp("many")
    sources = {"shop": SHOP, "conftest": CONFTEST}
    for name, source in sources.items():
        path.joinpath(f"{name}.py").write_text(dedent(source), encoding="utf-8")
    text = dedent(HEAD) + dedent(MANY)
    path.joinpath("test_many.py").write_text(text, encoding="utf-8")
    path.joinpath("pytest.ini").write_text("[pytest]\nfilibuster_all = true\n", encoding="utf-8")
    code, output = elsewhere(path, "--filibuster-faults", "quick", *request.param)
    path.joinpath("output").write_text(output, encoding="utf-8")
    path.joinpath("code").write_text(str(code), encoding="utf-8")
    return path


@pytest.mark.slow
class TestOneSession:
    @pytest.fixture
    def output(self, many: Path) -> str:
        return many.joinpath("output").read_text(encoding="utf-8")

    def test_exit_code_of_bugs(self, many: Path) -> None:
        assert many.joinpath("code").read_text(encoding="utf-8") == "1"

    def test_outcomes_are_pytests_own(self, output: str) -> None:
        assert OUTCOMES in output

    def test_bugs_are_merged(self, output: str) -> None:
        found = re.findall(r"^\d\. (.*)\n  Unhandled (\w+) in", output, re.MULTILINE)
        kinds = {("uncaught exception", each) for each in ("ConnectionError", "ReadTimeout")}
        assert set(found) == {*kinds, ("uncaught exception", "JSONDecodeError")}
        assert len(found) == 3

    def test_bug_names_its_tests(self, output: str) -> None:
        tests = ", ".join(f"test_many.py::test_careless[{number}]" for number in (1, 2, 3))
        assert f"  shown by 4 tests: {tests}, … and 1 more" in output

    def test_last_line_counts_tests(self, output: str) -> None:
        reasons = (
            "broken without faults: 1, expected to fail: 1, left alone by its mark: 1, skipped: 1"
        )
        assert (
            "3 bugs, so the exit code is 1: 7 tests explored (54 executions), 1 by the mark, "
            f"2 without calls, 4 not explored ({reasons})"
        ) in output

    def test_module_fixture_is_kept(self, many: Path, output: str) -> None:
        notes = many.joinpath("notes").read_text(encoding="utf-8").splitlines()
        processes = 2 if "2 workers" in output or notes.count("module set up") == 2 else 1
        assert notes.count("module set up") == notes.count("module torn down") == processes
        assert notes.count("no call") == notes.count("alone") == 1
        executed = sum(note.startswith("careless") for note in notes)
        # The first run with a sign of a call was not watched, and is not counted.
        assert 0 <= executed - 4 * (1 + 1 + 5) <= processes

    def test_replay_keeps_the_rule(self, many: Path, output: str) -> None:
        command = shlex.split(re.findall(r"replay: pytest (.*)", output)[0])
        code, replayed = elsewhere(many, *command)
        assert code == 1, replayed
        assert ": reproduced: Unhandled " in replayed
        fixed = SHOP.replace("return name_of(number)", "return {}, 503", 1)
        many.joinpath("shop.py").write_text(dedent(fixed), encoding="utf-8")
        code, replayed = elsewhere(many, *command)
        many.joinpath("shop.py").write_text(dedent(SHOP), encoding="utf-8")
        assert code == 2  # The call is not made any more.
        assert "not reproduced: the faults could not be injected" in replayed


@pytest.fixture
def shop(suite: Suite) -> Suite:
    suite.write(shop=SHOP, conftest=CONFTEST)
    return suite


def written(source: str) -> str:
    return dedent(HEAD) + dedent(source)


class TestAssertions:
    @pytest.mark.slow
    def test_failure_under_faults_is_no_bug(self, shop: Suite) -> None:
        ran = shop.run(
            written("""
            @responses.activate
            def test_it(client):
                user()
                assert client.get("/careful/1").status_code == 200
            """),
            "--filibuster-all",
        )
        assert ran.code == 0, ran.output
        assert "nothing found: 1 test explored (6 executions)" in ran.output

    @pytest.mark.slow
    def test_answer_of_500_is_a_bug(self, shop: Suite) -> None:
        shop.write(shop=SHOP.replace("abort(503)", "abort(500)"))
        ran = shop.run(
            written("""
            @responses.activate
            def test_it(client):
                user()
                assert client.get("/careful/1").status_code == 200
            """),
            "--filibuster-all",
        )
        assert ran.code == 1, ran.output
        assert "1. answer 500" in ran.output


@pytest.mark.slow
def test_bug_of_a_marked_test_is_listed(shop: Suite) -> None:
    source = """
        @pytest.mark.filibuster
        @responses.activate
        def test_marked(client, filibuster):
            client.application.testing = False
            user()
            answer = client.get("/careless/1")
            assert answer.status_code == (500 if filibuster.fault_injected else 200)
    """
    ran = shop.run(written(source), "--filibuster-all")
    assert ran.code == 1, ran.output
    assert ran.outcomes["passed"] == 1
    assert "3 bugs, so the exit code is 1: 0 tests explored (6 executions), 1 by" in ran.output
    again = shop.again(*ran.replay)
    assert again.code == 1
    assert ": reproduced: Unhandled " in again.output


class TestNothingProved:
    @pytest.mark.slow
    def test_no_test_makes_a_call(self, shop: Suite) -> None:
        ran = shop.run(
            written("""
            def test_it(client):
                assert client.get("/plain").status_code == 200
            """),
            "--filibuster-all",
        )
        assert ran.code == 2
        assert "nothing proved, no test could be explored, so the exit code is 2" in ran.output

    @pytest.mark.slow
    def test_failed_test_keeps_exit_code(self, shop: Suite) -> None:
        ran = shop.run(
            written("""
            @responses.activate
            def test_it(client):
                user()
                assert client.get("/careful/1").status_code == 404
            """),
            "--filibuster-all",
        )
        assert ran.code == 1
        assert "Not explored, failed without faults: 1 test: test_it.py::test_it" in ran.output
        assert "the exit code" not in ran.output

    def test_opt_out_without_the_option(self, shop: Suite) -> None:
        ran = shop.run(
            written("""
            @pytest.mark.filibuster(explore=False)
            @responses.activate
            def test_it(client):
                note("body")
                user()
                assert client.get("/careless/1").status_code == 200
            """)
        )
        assert (ran.code, ran.count("body")) == (0, 1)


FLASK = """
    import pytest
    from shop import create_app

    @pytest.mark.parametrize("number", range(3))
    def test_plain(number):
        assert create_app().test_client().get("/plain").status_code == 200
"""
SIGNS = {
    "a mock of a function": """
    from unittest.mock import patch
    def test_sign():
        with patch("shop.requests.get") as get:
            get.return_value.json.return_value = {"name": "Ada"}
            assert create_app().test_client().get("/careful/1").status_code == 200
    """,
    "a mock of the module": """
    from unittest.mock import patch
    def test_sign():
        with patch("shop.requests") as requests:
            requests.RequestException = Exception
            requests.get.return_value.json.return_value = {"name": "Ada"}
            assert create_app().test_client().get("/careful/1").status_code == 200
    """,
    "monkeypatch": """
    class Answer:
        status_code = 200
        def json(self):
            return {"name": "Ada"}
    def test_sign(monkeypatch):
        monkeypatch.setattr("requests.get", lambda url, **more: Answer())
        assert create_app().test_client().get("/careful/1").status_code == 200
    """,
    "an assignment": """
    import requests
    class Answer:
        status_code = 200
        def json(self):
            return {"name": "Ada"}
    def test_sign():
        before, requests.get = requests.get, lambda url, **more: Answer()
        try:
            assert create_app().test_client().get("/careful/1").status_code == 200
        finally:
            requests.get = before
    """,
    "responses": """
    import responses
    @responses.activate
    def test_sign():
        responses.get("http://users.test/1", json={"name": "Ada"})
        assert create_app().test_client().get("/careful/1").status_code == 200
    """,
    "a server": """
    import http.server, threading, requests, shop
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"name": "Ada"}')
        def log_message(self, *args):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app = create_app()
    @app.get("/here")
    def here():
        try:
            return requests.get(f"http://127.0.0.1:{server.server_port}/1", timeout=2).json()
        except (requests.RequestException, KeyError):
            return "", 503
    def test_sign():
        assert app.test_client().get("/here").status_code == 200
    """,
}


class TestSigns:
    """The first test with a call is found in a session that has imported nothing of ours."""

    @pytest.mark.slow
    @pytest.mark.parametrize("sign", sample(SIGNS))
    def test_call_after_others(self, shop: Suite, sign: str) -> None:
        ran = shop.run(dedent(FLASK) + dedent(SIGNS[sign]), "--filibuster-all")
        assert ran.code == 0, ran.output
        assert "nothing found: 1 test explored" in ran.output
        assert "3 without calls, 0 not explored" in ran.output

    @pytest.mark.slow
    def test_process_is_named(self, shop: Suite) -> None:
        source = """
            import subprocess
            def test_sign():
                app = create_app()
                app.add_url_rule("/run", "run", lambda: subprocess.check_output(["true"]))
                assert app.test_client().get("/run").status_code == 200
        """
        ran = shop.run(dedent(FLASK) + dedent(source), "--filibuster-all")
        assert ran.code == 2
        assert "Not explored, unexplored calls only: 1 test: test_it.py::test_sign" in ran.output
        assert "  process true, at test_it.py:11, in " in ran.output


ONE = """
    @responses.activate
    def test_one(client):
        user()
        assert client.get("/careful/1").status_code == 200
"""


class TestLimits:
    @pytest.mark.slow
    def test_executions_of_each_test(self, shop: Suite) -> None:
        ran = shop.run(written(ONE), "--filibuster-all", "--filibuster-max-executions", "2")
        assert ran.code == 0, ran.output
        assert "Incomplete: at least 4 fault sets not run (max_executions) (1 test:" in ran.output
        assert "nothing found so far: 1 test explored (2 executions)" in ran.output

    @pytest.mark.slow
    def test_seconds_of_the_session(self, shop: Suite) -> None:
        ran = shop.run(written(ONE), "--filibuster-all", "--filibuster-session-seconds", "0.001")
        assert ran.code == 2
        assert "Not explored, session_seconds reached: 1 test: test_it.py::test_one" in ran.output


class TestNotExplored:
    @pytest.mark.slow
    def test_doctests(self, shop: Suite) -> None:
        shop.write(documented='"""\n>>> 1\n1\n"""')
        ran = shop.run(written(ONE), "--filibuster-all", "--doctest-modules")
        assert ran.code == 0, ran.output
        assert "1 not explored (no test function, but a DoctestItem: 1)" in ran.output

    @pytest.mark.slow
    def test_host_on_another_machine(self, shop: Suite) -> None:
        source = """
            import requests
            def test_far():
                app = create_app()
                @app.get("/far")
                def far():
                    try:
                        return requests.get("http://192.0.2.1/", timeout=0.01).text
                    except requests.RequestException:
                        return "away"
                note("body")
                assert app.test_client().get("/far").text == "away"
        """
        ran = shop.run(written(source), "--filibuster-all")
        assert ran.code == 2
        assert "1 passed" in ran.output
        assert "Not explored, cannot be repeated: 1 test: test_it.py::test_far" in ran.output
        assert "192.0.2.1 is not on this machine" in ran.output
        assert ran.count("body") == 2

    def test_no_filibuster_wins(self, shop: Suite) -> None:
        ran = shop.run(written(ONE), "--filibuster-all", "--no-filibuster")
        assert (ran.code, "filibuster" in ran.output.partition("collected")[2]) == (0, False)

    def test_server_elsewhere_is_refused(self, shop: Suite) -> None:
        ran = shop.run(
            written(ONE), "--filibuster-all", "--filibuster-server", "http://localhost:1"
        )
        assert ran.code == 4
        assert "--filibuster-server is for tests with the filibuster mark" in ran.errors


@pytest.mark.slow
def test_services_of_a_fixture(suite: Suite) -> None:
    source = """
        import requests
        def test_page():
            assert requests.get("http://front:5000/careful").status_code == 200
    """
    ran = suite.run(source, "--filibuster-all")
    assert ran.code == 0, ran.output
    assert "nothing found: 1 test explored (4 executions)" in ran.output


@pytest.mark.slow
def test_property_is_explored_by_one_example(shop: Suite) -> None:
    pytest.importorskip("hypothesis")
    source = """
        from hypothesis import given, settings, strategies

        @settings(max_examples=4, deadline=None)
        @given(number=strategies.integers(1, 9))
        @responses.activate
        def test_it(number):
            note(f"example {number}")
            user(number)
            assert create_app().test_client().get(f"/careful/{number}").status_code == 200

        def test_all_examples_were_run():
            assert len({line for line in open("notes") if "example" in line}) > 1
    """
    ran = shop.run(written(source), "--filibuster-all")
    assert ran.code == 0, ran.output
    assert "one example is explored: number=1 (1 test:" in ran.output
    assert "1 test explored (6 executions)" in ran.output


@pytest.mark.slow
def test_hang_is_a_bug(shop: Suite) -> None:
    pytest.importorskip("pytest_timeout")
    shop.write(shop=SHOP.replace("abort(503)", "import threading; threading.Event().wait()"))
    source = ONE.replace("def test_one", "@pytest.mark.timeout(1)\n    def test_one")
    ran = shop.run(written(source), "--filibuster-all")
    assert ran.code == 1, ran.output
    assert "1. hang" in ran.output
    assert "hangs: Timeout" in ran.output
    assert ran.outcomes["passed"] == 1


@pytest.mark.slow
def test_failed_run_is_repeated_by_plugins(shop: Suite) -> None:
    pytest.importorskip("pytest_rerunfailures")
    source = """
        tries = []
        @responses.activate
        def test_flaky(client):
            tries.append(1)
            user()
            assert client.get("/careful/1").status_code == 200 and len(tries) > 1
    """
    ran = shop.run(written(source), "--filibuster-all", "--reruns", "1")
    assert ran.code == 0, ran.output
    assert "1 test explored" in ran.output
