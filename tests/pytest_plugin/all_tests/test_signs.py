"""Signs of calls: what is seen later in a session is a first sign of a call, too."""

from __future__ import annotations

import json
import re
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any
from unittest import mock

import flask
import pytest
import requests

from flask_filibuster import explore
from flask_filibuster.errors import ForeignHostError
from flask_filibuster.pytest_plugin.all_tests import signs as signs_module
from flask_filibuster.pytest_plugin.all_tests.signs import Signs
from tests.support import suites, weather
from tests.support.forms import Form
from tests.support.forms.clients import CLIENTS
from tests.support.forms.mocks import MOCKS, Replace
from tests.support.suites import Ran, Suite

suite, few_plugins = suites.suite, suites.few_plugins


@pytest.fixture(scope="module")
def shared() -> Iterator[Signs]:
    """One for all tests here, with what it found at its first look."""
    # Of these, the mere import is a sign, and other tests have imported them.
    with mock.patch.object(signs_module, "_UNSEEN", ()):
        signs = Signs()
        signs._others = set()
        yield signs
        signs.close()


@pytest.fixture
def signs(shared: Signs) -> Signs:
    shared.look()
    shared.seen = False
    return shared


def in_request(ask: Callable[[], Any]) -> None:
    app = flask.Flask("caller")
    app.add_url_rule("/", "index", lambda: str(ask()))
    app.test_client().get("/")


class TestForms:
    @pytest.mark.parametrize(
        "form", [each for each in MOCKS.possible if each.name != "nothing"], ids=repr
    )
    def test_each_is_a_sign(
        self, signs: Signs, form: Form[Replace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = CLIENTS[form.client]
        if not client.is_possible:
            pytest.skip(f"{client.needs} is not installed")
        monkeypatch.setattr(weather, "URL", weather.URL)
        signs.seen = False
        with form.make("http://127.0.0.1:9/ok") as url:
            in_request(lambda: client.make(url))
        signs.look(in_test=True)
        assert signs.seen

    @pytest.mark.parametrize(
        "target", ["json.loads", "os.getcwd", "flask.session", "flask.Flask.url_for"]
    )
    def test_others_are_none(self, signs: Signs, target: str) -> None:
        with mock.patch(target, print):
            pass
        assert not signs.seen

    @pytest.mark.parametrize("owner", [smtplib.SMTP, smtplib.SMTP("")], ids=["class", "object"])
    def test_method_that_monkeypatch_replaces(
        self, signs: Signs, monkeypatch: pytest.MonkeyPatch, owner: Any
    ) -> None:
        monkeypatch.setattr(owner, "sendmail", print)
        assert signs.seen

    def test_inherited_method(self, signs: Signs, monkeypatch: pytest.MonkeyPatch) -> None:
        class Session(requests.Session):
            pass

        monkeypatch.setattr(json, "loads", print)
        assert not signs.seen
        monkeypatch.setattr(Session, "get", print)
        assert signs.seen

    def test_assignment_to_a_method(self, signs: Signs) -> None:
        before, requests.Session.get = requests.Session.get, print  # type: ignore[assignment, method-assign]
        try:
            with flask.Flask("caller").app_context():
                pass
        finally:
            requests.Session.get = before  # type: ignore[method-assign]
        assert signs.seen

    def test_stand_in_before_the_first_look(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "run", print)
            signs = Signs()
            signs._others = set()
            signs.look()
            assert signs.seen
            signs.close()


SHOP = """
    import smtplib, subprocess, urllib.request
    import requests
    from flask import Flask

    app = Flask(__name__)
    session = requests.Session()

    @app.get("/session")
    def of_session():
        try:
            return session.get("http://users.test/", timeout=2).text
        except requests.RequestException:
            return "none"

    @app.get("/urlopen")
    def urlopen():
        return str(urllib.request.urlopen("http://users.test/"))

    @app.get("/mail")
    def mail():
        smtplib.SMTP("mail.test").sendmail("a", "b", "c")
        return "sent"

    @app.get("/run")
    def run():
        return str(subprocess.run(["true"]))
"""
EXPLORED = """
    import pytest, requests_mock
    from types import SimpleNamespace
    from unittest.mock import patch
    from shop import app, session

    def get(page):
        assert app.test_client().get(page).status_code == 200

    def test_before():
        with requests_mock.Mocker() as mocks:
            mocks.get("http://users.test/", text="Ada")
            get("/session")
"""
FORMS = {
    "object": """
    def test_one(monkeypatch):
        monkeypatch.setattr(session, "get", lambda *_, **more: SimpleNamespace(text="Ada"))
        get("/session")
    """,
    "urlopen": """
    def test_one():
        with patch("urllib.request.urlopen"):
            get("/urlopen")
    """,
    "mail": """
    def test_one():
        with patch("smtplib.SMTP"):
            get("/mail")
    """,
    "process": """
    def test_one(monkeypatch):
        monkeypatch.setattr("subprocess.run", lambda *_: "done")
        get("/run")
    """,
    "nothing": """
    def test_one():
        assert app.test_client().get("/other").status_code == 404
    """,
}


def known_of(ran: Ran) -> list[str]:
    """What the report says of the test, and not of the one before."""
    lines = [line for line in ran.output.splitlines() if "::test_one" in line]
    counts = re.findall(r"(\d+) (without calls|not explored(?: \(.*\))?)", ran.output)
    return [*lines, *map(str, counts)]


@pytest.mark.slow
@pytest.mark.usefixtures("few_plugins")
@pytest.mark.parametrize("form", FORMS)
def test_order_does_not_matter(suite: Suite, form: str) -> None:
    pytest.importorskip("requests_mock")
    suite.write(conftest="", shop=SHOP)
    source = dedent(EXPLORED) + dedent(FORMS[form])
    alone = suite.run(source, "--filibuster-all", "-ktest_one")
    after = suite.run(source, "--filibuster-all")
    assert known_of(alone) == known_of(after) != []
    explored = int(form == "object")
    assert f"{explored} test{'s' * (not explored)} explored" in alone.output


@pytest.mark.slow
@pytest.mark.usefixtures("few_plugins")
def test_sessions_add_no_hooks(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook stays for good, and Python calls each of them at each ``id()``."""
    # A wrapper: if this is the first to listen in this process, what listens later needs the hook.
    adding = mock.Mock(wraps=sys.addaudithook)
    monkeypatch.setattr(sys, "addaudithook", adding)
    suite.write(conftest="", shop=SHOP)
    for _ in range(3):
        suite.run(dedent(EXPLORED), "--filibuster-all")
    assert adding.call_count <= 1


@pytest.mark.slow
@pytest.mark.usefixtures("few_plugins")
def test_own_calls_are_counted(suite: Suite) -> None:
    suite.write(conftest="", shop=SHOP)
    source = """
        from types import SimpleNamespace
        from shop import app, of_session, session

        def test_own(monkeypatch):
            monkeypatch.setattr(session, "get", lambda *_, **more: SimpleNamespace(text="Ada"))
            assert of_session() == "Ada"

        def test_none():
            assert app.test_client().get("/other").status_code == 404
    """
    ran = suite.run(source, "--filibuster-all")
    assert ran.saw(
        "Not explored, calls of its own only: 1 test: test_it.py::test_own",
        "  calls of the test and its helpers never fail: if they are the application's, run its "
        "code in a request, a command, or with app.app_context()",
    ), ran.output
    assert "1 without calls, 1 not explored (calls of its own only: 1)" in ran.output


@pytest.mark.slow
def test_wrapper_that_a_mock_kept_hides_nothing(
    shared: Signs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mocks put back what they have found, at a time when it is wanted no more."""
    kept = shared._calling(requests.adapters.HTTPAdapter.send)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", kept)
    app = flask.Flask("caller")
    app.add_url_rule("/", "index", lambda: requests.get("http://192.0.2.1/pay", timeout=1).text)
    with pytest.raises(ForeignHostError, match=r"/pay, called at \S+test_signs\.py:\d+"):
        explore(lambda: app.test_client().get("/"))
