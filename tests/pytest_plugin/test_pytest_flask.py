"""The fixtures of pytest-flask."""

from __future__ import annotations

import re

import pytest

from tests.support import suites
from tests.support.suites import RUNS, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


FLASK_CONFTEST = """
    import pytest
    from services import back, front

    @pytest.fixture
    def app():
        return front

    @pytest.fixture
    def filibuster_services():
        return {"http://back:5001": back}
"""


@pytest.mark.slow
@pytest.mark.usefixtures("all_plugins")
def test_pytest_flask_is_explored(suite: Suite) -> None:
    suite.write(conftest=FLASK_CONFTEST)
    ran = suite.run(
        """
        import pytest
        from flask import request, url_for
        from services import note

        @pytest.mark.filibuster
        @pytest.mark.options(debug=True)
        def test_page(client, accept_json, config):
            note("body")
            assert url_for("careful") == "/careful"
            assert config["DEBUG"]
            assert request.path == "/"
            answer = client.get("/careful", headers=accept_json)
            assert answer.status_code == 200

        @pytest.mark.filibuster
        def test_careless_page(client):
            assert client.get("/careless").status_code == 200
        """
    )
    assert ran.outcomes["passed"] == ran.outcomes["failed"] == 1
    assert ran.count("body") == RUNS
    assert ran.summary == [
        "test_it.py::test_careless_page: 4 executions: 2 bugs",
        "test_it.py::test_page: 4 executions: nothing found",
    ]
    assert "front -> back: GET http://back:5001/data" in ran.output


@pytest.mark.slow
def test_propagated_exceptions_fail_the_test(suite: Suite) -> None:
    suite.write(
        conftest=FLASK_CONFTEST.replace(
            "return front", "front.testing = True\n        return front"
        )
    )
    ran = suite.run(
        """
        import pytest

        @pytest.mark.filibuster
        def test_page(client):
            client.get("/careless")
        """
    )
    assert ran.outcomes["failed"] == 1
    assert re.search(r"^E +requests\.exceptions\.ReadTimeout", ran.output, re.MULTILINE)
    assert "raises Timeout" in ran.output


@pytest.mark.slow
def test_app_has_a_temporary_extension(suite: Suite) -> None:
    suite.write(conftest=FLASK_CONFTEST)
    ran = suite.run(
        """
        import pytest
        from services import back, front, note

        def both():
            return [bool(app.extensions.get("filibuster")) for app in (front, back)]

        def test_before():
            assert both() == [False, False]

        @pytest.mark.filibuster
        def test_page(client):
            client.get("/careful")
            assert both() == [True, True]

        def test_after():
            assert both() == [False, False]
            assert not any(front.before_request_funcs.values())
        """
    )
    assert ran.outcomes == {"passed": 3}


@pytest.mark.slow
def test_fresh_apps_are_explored(suite: Suite) -> None:
    suite.write(
        conftest="""
            import pytest
            import requests
            from flask import Flask
            from flask_filibuster import Filibuster
            from services import back, note

            filibuster = Filibuster()

            @pytest.fixture
            def app():
                app = Flask("made")
                filibuster.init_app(app, service_name="afresh")
                note("made")

                @app.get("/")
                def page():
                    return requests.get("http://back:5001/data", timeout=1).text

                return app

            @pytest.fixture
            def filibuster_services():
                return {"http://back:5001": back}
        """
    )
    ran = suite.run(
        """
        import pytest

        @pytest.mark.filibuster
        def test_page(client):
            assert client.get("/").status_code == 200
        """
    )
    assert ran.outcomes["failed"] == 1
    assert ran.count("made") == RUNS
    assert "afresh -> back: GET http://back:5001/data" in ran.output
