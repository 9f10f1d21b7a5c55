"""Fixtures of wider scopes: set up once, in the first execution of some test."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.cases import only_in_earnest, sample
from tests.support.plugins import Beside

beside = plugins.beside

SHARED = """
    from flask import Flask

    @pytest.fixture(scope="session")
    def mock():
        with answering() as mock:
            yield mock

    @pytest.fixture(scope="SCOPE")
    def app(mock):
        app = create_app(SOURCE)
        client = app.test_client()
        for _ in range(2):
            note("set up")
            assert client.get("/w").json == {"t": 1}  # Through the app.
            assert careless() == 1  # Directly.
        yield app
        note("torn down")
        assert client.get("/w").json == {"t": 1}
        assert careless() == 1

    @pytest.fixture(scope="SCOPE")
    def client(app):
        with app.test_client() as client:
            yield client

    class TestHere:
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(self, client, number):
            assert client.get("/w").status_code == 200

        def test_twice(self, client):
            assert client.get("/w").status_code == 200
            assert client.get("/w?again").status_code == 200

    def test_last(client):
        assert client.get("/w").status_code == 200
"""
MOCKS = {
    "responses": """
        with answering():
            yield
    """,
    "requests_mock": """
        import requests_mock

        with requests_mock.Mocker() as mock:
            mock.get(URL, json={"t": 1})
            yield
    """,
    "a function": """
        from unittest import mock

        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"t": 1}'
        with mock.patch("requests.get", return_value=answer):
            yield
    """,
    "an adapter": """
        from unittest import mock

        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"t": 1}'
        with mock.patch.object(requests.adapters.HTTPAdapter, "send", return_value=answer):
            yield
    """,
}
MOCKED = """
    @pytest.fixture(scope="session")
    def mock():
        MOCK

    @pytest.mark.parametrize("source", [careless, careful], ids=["careless", "careful"])
    @pytest.mark.parametrize("number", [1, 2])
    def test_it(mock, source, number):
        assert create_app(source).test_client().get("/w").status_code == 200
"""
MESH = """
    @pytest.fixture(scope="module")
    def filibuster_services():
        back = Flask("back")
        back.add_url_rule("/data", "data", lambda: {"t": 2})
        return {"http://back:5001": back}

    @pytest.fixture
    def fresh(filibuster_services):
        assert requests.get("http://back:5001/data", timeout=1).json() == {"t": 2}
        yield
        assert requests.get("http://back:5001/data", timeout=1).json() == {"t": 2}

    def test_mesh(client, fresh):
        assert client.get("/w").status_code == 200
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "scope", ["class", pytest.param("module", marks=only_in_earnest), "session"]
)
def test_their_calls_belong_to_no_execution(beside: Beside, scope: str) -> None:
    source = SHARED.replace("SCOPE", scope)
    careful = beside.run(source.replace("SOURCE", "careful"))
    one = "6 executions: nothing found"
    assert [line.split(": ", 1)[1] for line in careful.summary] == [
        one,
        one,
        "12 executions, 24 pruned: nothing found",
        one,
    ]
    # Beside that of the class, one for each execution of the test that is in no class.
    made = {"class": 1 + 7, "module": 1, "session": 1}[scope]
    assert careful.count("set up") == 2 * made
    assert careful.count("torn down") == made
    if scope != "class":
        careless = beside.run(source.replace("SOURCE", "careless"))
        assert [line.rpartition(": ")[2] for line in careless.summary] == ["3 bugs"] * 4
        assert careless.count("torn down") == made
        assert "error" not in careless.outcomes


@pytest.mark.slow
@pytest.mark.parametrize("mock", sample(MOCKS))
def test_mocks_may_be_shared(beside: Beside, mock: str) -> None:
    if mock == "requests_mock":
        pytest.importorskip("requests_mock")
    ran = beside.run(MOCKED.replace("        MOCK", MOCKS[mock]))
    assert [line.rpartition(": ")[2] for line in ran.summary] == [
        *("nothing found", "3 bugs"),
        *("nothing found", "3 bugs"),
    ], ran.output
    assert ran.output.count("called at beside.py:22, in careless") == 2 * 3


@pytest.mark.slow
def test_services_may_be_shared(beside: Beside) -> None:
    source = (SHARED + MESH).replace("SCOPE", "module").replace("SOURCE", "careful")
    ran = beside.run(source, "-k", "test_mesh")
    assert ran.summary == ["test_it.py::test_mesh: 6 executions: nothing found"]
