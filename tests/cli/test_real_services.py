"""``explore PATH`` of pages behind a login, and of apps whose services are not on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import shops
from tests.support.shops import Project, replay_of

project = shops.project

PAGES = """
    import requests
    from flask import Flask, abort, redirect, session

    app = Flask("pages")
    app.secret_key = "x"

    def price():
        try:
            return requests.get("http://192.0.2.1/price", timeout=1).json()["price"]
        except requests.ConnectionError:
            return None

    @app.get("/")
    def page():
        if "user" not in session:
            return redirect("/login")
        return {"price": price()}

    @app.get("/refused")
    def refused():
        price()
        abort(403)

    @app.get("/token")
    def token():
        from flask import request
        if request.headers.get("X-Token") != "t":
            abort(401)
        return {"price": price()}

    @app.post("/login")
    def log_in():
        session["user"] = "me"
        return "welcome"

    def logged_in(client):
        client.post("/login")

    def with_app(client, app):
        with client.session_transaction() as kept:
            kept["user"] = app.name

    def broken(client):
        raise KeyError("no user")
"""


@pytest.fixture
def pages(project: Project) -> Project:
    project.write("pages.py", PAGES)
    Path("prices.json").write_text(json.dumps({"/price": {"price": 7}}))
    return project


STUB = ("--stub", "http://192.0.2.1=prices.json")


class TestLogin:
    @pytest.mark.slow
    def test_redirect_in_place_of_a_page_proves_nothing(self, pages: Project) -> None:
        result = pages.flask("explore", "/", *STUB, app="pages")
        assert result.exit_code == 2
        assert "the answer is 302, a redirect to /login in place of a page" in result.stdout
        assert "--session module:function" in result.stdout

    @pytest.mark.parametrize("function", ["logged_in", "with_app"])
    def test_by_a_function(self, pages: Project, function: str) -> None:
        arguments = ("explore", "/", *STUB, "--session", f"pages:{function}")
        result = pages.flask(*arguments, app="pages")
        assert result.exit_code == 1
        assert "Unhandled" in result.stdout

    def test_by_a_header(self, pages: Project) -> None:
        arguments = ("explore", "/token", *STUB, "--header", "X-Token: t")
        assert pages.flask(*arguments, app="pages").exit_code == 1

    def test_is_part_of_a_replay(self, pages: Project) -> None:
        found = pages.flask("explore", "/", *STUB, "--session", "pages:logged_in", app="pages")
        assert pages.flask(*replay_of(found.stdout), app="pages").exit_code == 1

    @pytest.mark.parametrize(
        ("session", "said"),
        [
            ("pages:nothing", "has no attribute 'nothing'"),
            ("pages:broken", "raised KeyError('no user')"),
            ("pages", "write it as module:function"),
        ],
    )
    def test_that_fails_is_an_error(self, pages: Project, session: str, said: str) -> None:
        result = pages.flask("explore", "/", *STUB, "--session", session, app="pages")
        assert result.exit_code == 2
        assert said in result.stderr


class TestExpectedStatus:
    def test_is_explored(self, pages: Project) -> None:
        arguments = ("explore", "/refused", *STUB, "--expect-status", "403")
        result = pages.flask(*arguments, app="pages")
        assert result.exit_code == 1
        assert "The fault-free execution failed" not in result.stdout
        assert "fault-free execution: GET" not in result.stdout

    def test_is_named_where_it_is_missing(self, pages: Project) -> None:
        result = pages.flask("explore", "/refused", *STUB, app="pages")
        assert result.exit_code == 2
        assert "--expect-status 403" in result.stdout

    def test_that_is_another_one_fails(self, pages: Project) -> None:
        result = pages.flask("explore", "/refused", *STUB, "--expect-status", "200", app="pages")
        assert result.exit_code == 2
        assert "the answer is 403" in result.stdout


class TestHostsElsewhere:
    def test_calls_are_stopped(self, pages: Project) -> None:
        result = pages.flask("explore", "/refused", "--expect-status", "403", app="pages")
        assert result.exit_code == 2
        assert "pages: GET http://192.0.2.1/price, called at " in result.stderr
        assert "--stub http://192.0.2.1=FILE.json, or --record" in result.stderr

    @pytest.mark.parametrize(
        ("stub", "said"),
        [
            ("http://192.0.2.1=nowhere.json", "cannot read the stub"),
            ("192.0.2.1=prices.json", "write it as http://host=FILE.json"),
            ("http://192.0.2.1", "write it as http://host=FILE.json"),
        ],
    )
    def test_stub_that_is_wrong_is_an_error(self, pages: Project, stub: str, said: str) -> None:
        result = pages.flask("explore", "/", "--stub", stub, app="pages")
        assert result.exit_code == 2
        assert said in result.stderr

    def test_that_cannot_be_recorded_prove_nothing(self, pages: Project) -> None:
        arguments = ("explore", "/refused", "--expect-status", "403", "--record")
        assert pages.flask(*arguments, app="pages").exit_code == 2
