"""Apps that a marked test makes by itself: no fixture ``app``, no services, no extension."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.suites import Suite

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
    from weather import SOURCE as source, create_app

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


@pytest.mark.parametrize("case", CASES)
class TestUnknownApps:
    def test_careless_ones_have_bugs(self, suite: Suite, case: str) -> None:
        suite.write(weather=WEATHER, conftest="")
        ran = suite.run((HEAD + CASES[case]).replace("SOURCE", "temperature"))
        assert "executions: 0" not in ran.output
        (line,) = ran.summary
        assert " bug" in line, ran.output
        assert ran.code == 1

    def test_careful_ones_have_none(self, suite: Suite, case: str) -> None:
        suite.write(weather=WEATHER, conftest="")
        ran = suite.run((HEAD + CASES[case]).replace("SOURCE", "careful"))
        (line,) = ran.summary
        assert line.endswith("executions: nothing found"), ran.output
        assert ran.code == 0


def test_two_apps_in_one_test(suite: Suite) -> None:
    suite.write(weather=WEATHER, conftest="")
    two = """
    @responses.activate
    def test_it():
        answers()
        for each, name in ((careful, "good"), (source, "bad")):
            assert create_app(each, name).test_client().get("/w").status_code == 200
    """
    ran = suite.run((HEAD + two).replace("SOURCE as source", "careful, temperature as source"))
    assert "bad -> weather.test: GET http://weather.test/today" in ran.output
    assert "good -> weather.test" not in ran.output
