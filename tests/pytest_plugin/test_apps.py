"""Apps that a marked test makes by itself: no fixture ``app``, no services, no extension."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.suites import Ran, Suite

suite, few_plugins = suites.suite, suites.few_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")

WEATHER = """
    import requests
    from flask import Flask

    def temperature():
        return requests.get("http://weather.test/today", timeout=3).json()["t"]

    def careful():
        try:
            return temperature()
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return None

    def create_app(source=temperature, name=__name__):
        app = Flask(name)
        app.add_url_rule("/w", "w", lambda: {"t": source()})

        async def later():
            return {"t": source()}

        app.add_url_rule("/later", "later", later)
        app.cli.command("fetch")(lambda: print(source()))
        return app
"""
HEAD = """
    import unittest
    import pytest, responses
    from source import source
    from weather import create_app

    pytestmark = pytest.mark.filibuster
    def answers():
        responses.get("http://weather.test/today", json={"t": 1})
"""
CASES = {
    "setUp of unittest": """
    class TestIt(unittest.TestCase):
        def setUp(self):
            self.client = create_app(source).test_client()
        @responses.activate
        def test_it(self):
            answers()
            self.assertEqual(self.client.get("/w").status_code, 200)
    """,
    "a context in setUp": """
    class TestIt(unittest.TestCase):
        def setUp(self):
            self.app = create_app(source)
            self.context = self.app.app_context()
            self.context.push()
        def tearDown(self):
            self.context.pop()
        @responses.activate
        def test_it(self):
            answers()
            self.assertEqual(self.app.test_client().get("/w").status_code, 200)
    """,
    "an own client": """
    @pytest.fixture
    def client():
        with create_app(source).test_client() as client:
            yield client
    @responses.activate
    def test_it(client):
        answers()
        assert client.get("/w").status_code == 200
    """,
    "another name": """
    @pytest.fixture
    def flask_app():
        return create_app(source)
    @responses.activate
    def test_it(flask_app):
        answers()
        assert flask_app.test_client().get("/w").status_code == 200
    """,
    "a global": """
    flask_app = create_app(source)
    @responses.activate
    def test_it():
        answers()
        assert flask_app.test_client().get("/w").status_code == 200
    """,
    "a module's fixture": """
    @pytest.fixture(scope="module")
    def client():
        with create_app(source).app_context() as context:
            yield context.app.test_client()
    @responses.activate
    def test_it(client):
        answers()
        assert client.get("/w").status_code == 200
    """,
    "an async view": """
    @responses.activate
    def test_it():
        answers()
        assert create_app(source).test_client().get("/later").status_code == 200
    """,
    "a command": """
    @responses.activate
    def test_it():
        answers()
        assert create_app(source).test_cli_runner().invoke(args=["fetch"]).exit_code == 0
    """,
    "a job": """
    @responses.activate
    def test_it():
        answers()
        with create_app(source).app_context():
            source()
    """,
    "a job in a fixture's context": """
    @pytest.fixture
    def context():
        with create_app(source).app_context():
            yield
    @responses.activate
    def test_it(context):
        answers()
        source()
    """,
    "a function in the context of pytest-flask": """
    @pytest.fixture
    def app():
        return create_app(source)
    @responses.activate
    def test_it(app):
        answers()
        source()
    """,
}


@pytest.fixture
def every_case(suite: Suite) -> Suite:
    """Each case is a module of one suite: a session of its own for each takes twice the time."""
    cases = {f"test_{number:02}": HEAD + case for number, case in enumerate(CASES.values())}
    suite.write(weather=WEATHER, conftest="", **cases)
    return suite


def said_of(ran: Ran) -> dict[str, str]:
    """What the summary says of each case."""
    lines = [re.fullmatch(r"test_(\d+)\.py::[\w:]+: (.*)", line) for line in ran.summary]
    names = list(CASES)
    return {names[int(found[1])]: found[2] for found in lines if found is not None}


class TestUnknownApps:
    @pytest.mark.slow
    def test_careless_ones_have_bugs(self, every_case: Suite) -> None:
        every_case.write(source="from weather import temperature as source")
        ran = every_case.again()
        assert "executions: 0" not in ran.output
        said = said_of(ran)
        assert list(said) == list(CASES)
        assert [case for case, line in said.items() if " bug" not in line] == [], ran.output
        assert ran.outcomes["failed"] == len(CASES)

    @pytest.mark.slow
    def test_careful_ones_have_none(self, every_case: Suite) -> None:
        every_case.write(source="from weather import careful as source")
        ran = every_case.again()
        said = said_of(ran)
        assert list(said) == list(CASES)
        wrong = [case for case, line in said.items() if not line.endswith(": nothing found")]
        assert wrong == [], ran.output
        assert ran.code == 0


@pytest.mark.slow
def test_two_apps_in_one_test(suite: Suite) -> None:
    two = """
    from weather import careful

    @responses.activate
    def test_it():
        answers()
        for each, name in ((careful, "good"), (source, "bad")):
            assert create_app(each, name).test_client().get("/w").status_code == 200
    """
    source = "from weather import temperature as source"
    suite.write(weather=WEATHER, conftest="", source=source)
    ran = suite.run(HEAD + two)
    assert "bad -> weather.test: GET http://weather.test/today" in ran.output
    assert "good -> weather.test" not in ran.output
