"""Commands, jobs and hooks by hand: pytest runs the first execution, and we run the others."""

from __future__ import annotations

import pytest

from tests.support import suites
from tests.support.cases import sample
from tests.support.suites import Suite

suite, few_plugins = suites.suite, suites.few_plugins

APP = """
    import click
    import requests
    from flask import Flask

    def work():
        try:
            return requests.get("http://users.test/1", timeout=2).status_code
        except requests.RequestException:
            return 503

    def create_app():
        app = Flask("work_app")
        app.cli.command("go")(lambda: click.echo(work() < 500))
        app.before_request(lambda: None)
        return app
"""
TESTS = """
    import pytest, responses
    from work_app import create_app, work

    @responses.activate
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_it(number):
        responses.get("http://users.test/1")
        app = create_app()
"""
BODIES = {
    "command": """
        assert app.test_cli_runner().invoke(args=["go"]).exit_code == 0
    """,
    "job": """
        with app.app_context():
            work()
    """,
    "preprocessed": """
        with app.test_request_context("/"):
            app.preprocess_request()
            work()
    """,
    "job of this file": """
        def job():
            return work()
        with app.app_context():
            job()
    """,
}


@pytest.mark.slow
@pytest.mark.usefixtures("few_plugins")
@pytest.mark.parametrize("body", sample(BODIES))
def test_all_equal_tests_are_explored(suite: Suite, body: str) -> None:
    suite.write(work_app=APP, conftest="")
    ran = suite.run(TESTS + BODIES[body], "--filibuster-all")
    assert "nothing found: 3 tests explored" in ran.output, ran.output
    assert "not deterministic" not in ran.output


@pytest.mark.slow
@pytest.mark.usefixtures("few_plugins")
@pytest.mark.parametrize("careful", [False, True])
def test_crash_of_a_command_is_a_bug(suite: Suite, careful: bool) -> None:
    error = "requests.RequestException" if careful else "ZeroDivisionError"
    suite.write(work_app=APP.replace("requests.RequestException", error), conftest="")
    ran = suite.run(TESTS + BODIES["command"], "--filibuster-all")
    assert ("Unhandled ReadTimeout in work_app, CLI /go" in ran.output) is not careful, ran.output
    assert "3 tests explored" in ran.output
    assert ran.code == (0 if careful else 1)
