"""Plugins that change how tests are ordered, repeated, measured and mocked."""

from __future__ import annotations

import pytest

from tests.support import plugins
from tests.support.plugins import Beside

beside = plugins.beside

SUITE = """
    import random

    pytestmark = [pytest.mark.filibuster, pytest.mark.parametrize("source", [careless, careful])]

    @pytest.mark.order(2)
    def test_mocker(source, mocker):
        note("second")
        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"t": 1}'
        get = mocker.patch("requests.get", return_value=answer)
        app = create_app(source)
        spy = mocker.spy(app, "full_dispatch_request")
        assert app.test_client().get("/w").status_code == 200
        assert (get.call_count, spy.call_count) == (1, 1)

    @pytest.mark.order(1)
    def test_random(source, mocker):
        note("first")
        send = mocker.patch.object(requests.Session, "send")
        send.return_value.json.return_value = {"t": 1}
        client = create_app(source).test_client()
        # The plugin seeds it for each execution.
        assert client.get(f"/w?{random.random()}").status_code == 200
"""
LOADED = "pytest_mock pytest_order.plugin pytest_repeat pytest_randomly pytest_cov.plugin"


def test_all_together(beside: Beside) -> None:
    options = ("--count=2", "--cov=beside")
    ran = beside.run(SUITE, *options, plugins=LOADED)
    lines = [line.removeprefix("test_it.py::") for line in ran.summary if "::" in line]
    assert len(lines) == 2 * 2 * 2
    for line in lines:
        ending = ": nothing found" if "[careful" in line else " bugs"
        assert line.endswith(ending), ran.output
    assert ran.outcomes == {"failed": 4, "passed": 4}
    # Each repetition is explored; the order is that of the plugin.
    assert ran.notes == ["first"] * (len(ran.notes) // 2) + ["second"] * (len(ran.notes) // 2)
    assert "beside.py" in ran.output.partition("tests coverage")[2]


@pytest.mark.slow
def test_files_in_other_processes(beside: Beside) -> None:
    options = ("-n1", "--dist=loadfile", "-k", "mocker", "-Wignore")
    loaded = "pytest_mock pytest_order.plugin xdist.plugin xdist.looponfail"
    ran = beside.elsewhere(SUITE, *options, plugins=loaded)
    assert ran.outcomes == {"failed": 1, "passed": 1}
    assert len(ran.summary) == 2
