"""Marked tests that replace requests, in each place where pytest and unittest let them."""

from __future__ import annotations

import pytest
import requests

from tests.support import suites
from tests.support.suites import Suite

suite = suites.suite

APP = """
    import requests
    from flask import Flask

    app = Flask(__name__)
    URL = "http://weather.test/now"

    @app.get("/fragile")
    def fragile():
        return {"n": requests.get(URL, timeout=3).json()["n"]}

    @app.get("/robust")
    def robust():
        try:
            response = requests.get(URL, timeout=3)
            response.raise_for_status()
            return {"n": response.json()["n"]}
        except requests.RequestException:
            return {"n": 1}
"""
CONFTEST = """
    import pytest
    from weather import app

    @pytest.fixture
    def filibuster_services():
        return {"http://here": app}
"""
TESTS = """
    import unittest
    from unittest import mock

    import pytest
    import requests
    from weather import URL, app

    pytestmark = pytest.mark.filibuster

    def reply(n=1):
        made = mock.Mock()
        made.json.return_value = {"n": n}
        return made

    def check(get=None):
        answer = app.test_client().get("/PATH")
        assert (answer.status_code, answer.json) == (200, {"n": 1})
        if get is not None:
            get.assert_called_once_with(URL, timeout=3)

    @mock.patch("requests.get")
    def test_decorator(get):
        get.return_value = reply()
        check(get)

    @mock.patch("weather.requests.get", return_value=reply())
    class TestClassDecorator:
        def test_it(self, get):
            get.reset_mock()
            check(get)

    class TestSetUp(unittest.TestCase):
        def setUp(self):
            patcher = mock.patch("requests.get", return_value=reply())
            self.get = patcher.start()
            self.addCleanup(patcher.stop)

        def test_it(self):
            check(self.get)

    @pytest.fixture
    def fixed():
        with mock.patch.object(requests, "get", return_value=reply()) as get:
            yield get

    def test_fixture(fixed):
        check(fixed)

    @pytest.fixture(scope="module")
    def shared():
        with mock.patch("requests.get", return_value=reply()) as get:
            yield get

    def test_shared_fixture(shared):
        shared.reset_mock()
        check(shared)

    def test_shared_fixture_again(shared):
        shared.reset_mock()
        check(shared)

    @pytest.fixture(scope="module")
    def shared_fake():
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr("requests.get", lambda url, **options: reply())
            yield

    def test_shared_fake(shared_fake):
        check()

    def test_monkeypatch(monkeypatch):
        monkeypatch.setattr(requests, "get", lambda url, **options: reply())
        check()
"""
MOCKER = """
    import pytest
    import requests
    from weather import URL, app

    pytestmark = pytest.mark.filibuster

    def test_patch(mocker):
        get = mocker.patch("requests.get")
        get.return_value.json.return_value = {"n": 1}
        assert app.test_client().get("/PATH").json == {"n": 1}
        get.assert_called_once_with(URL, timeout=3)

    def test_spy(mocker):
        class Reply:
            def json(self):
                return {"n": 1}

            def raise_for_status(self):
                pass

        mocker.patch("requests.api.request", return_value=Reply())
        spy = mocker.spy(requests, "get")
        assert app.test_client().get("/PATH").json == {"n": 1}
        spy.assert_called_once_with(URL, timeout=3)
"""


@pytest.fixture
def weather(suite: Suite) -> Suite:
    suite.write(weather=APP, conftest=CONFTEST)
    return suite


def summary(suite: Suite, source: str, path: str) -> dict[str, str]:
    ran = suite.run(source.replace("PATH", path))
    assert requests.get.__module__ == "requests.api"
    lines = [line.partition(": ") for line in ran.summary if line.startswith("test_it.py")]
    return {name.removeprefix("test_it.py::"): rest for name, _, rest in lines}


class TestPlacesOfReplacements:
    @pytest.mark.slow
    def test_bugs_are_found(self, weather: Suite) -> None:
        found = summary(weather, TESTS, "fragile")
        assert len(found) >= 8
        assert {each.partition(":")[0] for each in found.values()} == {"6 executions"}
        assert all("bug" in each for each in found.values()), found

    @pytest.mark.slow
    def test_robust_view_is_no_false_alarm(self, weather: Suite) -> None:
        found = summary(weather, TESTS, "robust")
        assert len(found) >= 8
        assert {each.partition(":")[0] for each in found.values()} == {"6 executions"}
        assert not any("bug" in each for each in found.values()), found

    @pytest.mark.slow
    @pytest.mark.parametrize("path", ["fragile", "robust"])
    def test_mocker_and_its_spies(self, weather: Suite, path: str) -> None:
        pytest.importorskip("pytest_mock")
        found = summary(weather, MOCKER, path)
        assert {each.partition(":")[0] for each in found.values()} == {"6 executions"}
        assert all(("bug" in each) == (path == "fragile") for each in found.values()), found
