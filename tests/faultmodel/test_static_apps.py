"""Which code of an app is read for statuses, and which is not, whatever is in it."""

from __future__ import annotations

import ast
import importlib
import linecache
import logging
import os
import subprocess
import sys
import types
import warnings
from http import HTTPStatus
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Flask, abort, jsonify
from werkzeug.exceptions import NotFound

from flask_filibuster import Filibuster
from flask_filibuster.core import own_code
from flask_filibuster.faultmodel import static_analysis
from flask_filibuster.faultmodel.static_analysis import answered_statuses
from tests.support import analysed_app
from tests.support.statuses import returns_pair, statuses_of

LOGGER = "flask_filibuster"


def test_hooks_and_error_handlers_are_read() -> None:
    app = Flask(__name__)
    blueprint = flask.Blueprint("orders", __name__)

    @app.before_request
    def refuse() -> Any:
        return "closed", 503

    @blueprint.before_request
    def refuse_orders() -> Any:
        abort(403)

    @app.errorhandler(ValueError)
    def invalid(error: ValueError) -> Any:
        return str(error), 422

    @blueprint.errorhandler(404)
    def missing(error: NotFound) -> Any:
        return error, HTTPStatus.GONE

    app.register_blueprint(blueprint)

    assert answered_statuses(app) == {403, 410, 422, 503}


def test_modules_of_the_package_are_read() -> None:
    assert answered_statuses(analysed_app.create_app()) == {401, 409, 410, 413, 422, 423}


SERVICE = """
from flask import Flask

app = Flask(__name__)

@app.get("/")
def view():
    return helper()

def helper():
    return "x", 404
"""


def test_view_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read with that package."""
    (tmp_path / "other_service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    other_service = importlib.import_module("other_service")

    assert statuses_of(other_service.view) == {404}


def test_other_packages_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_library.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    some_library = importlib.import_module("some_library")

    def view() -> Any:
        return some_library.helper()

    assert statuses_of(view) == set()


def test_what_flask_registers_itself_contributes_nothing() -> None:
    app = Flask(__name__)

    assert "static" in app.view_functions
    assert answered_statuses(app) == set()


def test_app_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "installed_service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(packages)
    installed_service = importlib.import_module("installed_service")

    assert answered_statuses(installed_service.app) == {404}
    assert statuses_of(installed_service.view) == set()


ASSERTION = """
from flask_filibuster.faultmodel.static_analysis import answered_statuses

assert answered_statuses(app) == {404}, answered_statuses(app)
"""
ROOT = str(Path(static_analysis.__file__).parents[2])


def test_view_of_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read."""
    (tmp_path / "standard_service.py").write_text(SERVICE)
    monkeypatch.syspath_prepend(tmp_path)
    standard_service = importlib.import_module("standard_service")
    monkeypatch.setattr(own_code, "_INSTALLED", (f"{tmp_path}{os.sep}",))

    assert statuses_of(standard_service.view) == set()


@pytest.mark.slow
def test_an_app_in_main_is_read(tmp_path: Path) -> None:
    script = tmp_path / "service.py"
    script.write_text(SERVICE + ASSERTION)
    subprocess.run([sys.executable, str(script)], check=True, env={"PYTHONPATH": ROOT})


@pytest.mark.slow
def test_package_run_as_main_is_read(tmp_path: Path) -> None:
    package = tmp_path / "service"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helpers.py").write_text("def helper():\n    return 'x', 404\n")
    service = SERVICE.replace("return helper()", "from . import helpers; return helpers.helper()")
    (package / "__main__.py").write_text("from . import helpers\n" + service + ASSERTION)
    command = [sys.executable, "-m", "service"]
    subprocess.run(command, check=True, cwd=tmp_path, env={"PYTHONPATH": ROOT})


# what cannot be read


def test_view_without_source_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec("def view():\n    return 'x', 404\n", names)
    app = Flask(__name__)
    app.add_url_rule("/sum", "sum", sum)
    app.add_url_rule("/pair", "pair", returns_pair)
    caplog.set_level(logging.DEBUG, LOGGER)

    assert statuses_of(names["view"], app) == {503}
    assert "no source of view in <string>" in caplog.text
    assert "no source of sum" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


def test_unparsable_source_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "service_of_tomorrow.py"
    file.write_text("def view():\n    return 'x', 404\n")
    monkeypatch.syspath_prepend(tmp_path)
    service_of_tomorrow = importlib.import_module("service_of_tomorrow")

    file.write_text("syntax of tomorrow\n")
    caplog.set_level(logging.DEBUG, LOGGER)

    assert statuses_of(service_of_tomorrow.view) == set()
    assert f"cannot analyse {file}: SyntaxError" in caplog.text


def test_compiler_warnings_are_silenced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "careless_service.py").write_text(SERVICE.replace('"x"', r'"\d"'))
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        careless_service = importlib.import_module("careless_service")
    # Hypothesis reads the modules that are loaded, and the compiler warns again.
    del sys.modules["careless_service"]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answered_statuses(careless_service.app) == {404}


class MakesUp:
    """Makes up attributes without end."""

    def __getattr__(self, name: str) -> Any:
        return MakesUp()


class Odd:
    """Has every attribute, and none can be used."""

    def __getattr__(self, name: str) -> Any:
        return Odd()

    @property
    def __wrapped__(self) -> Any:
        raise RuntimeError("working outside of every context")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError


odd: Any = Odd()


class RaisingApp:
    import_name = __name__

    @property
    def view_functions(self) -> Any:
        raise RuntimeError


@pytest.mark.parametrize(
    "weird",
    [
        None,
        object(),
        odd,
        RaisingApp(),
        types.SimpleNamespace(view_functions=None),
        types.SimpleNamespace(
            view_functions={"a": None, "b": 404, "c": odd, "d": Odd, "e": "x", "f": MakesUp()}
        ),
        types.SimpleNamespace(
            import_name=odd,
            view_functions={},
            before_request_funcs={None: [odd]},
            error_handler_spec={None: {None: {ValueError: odd}}},
        ),
    ],
    ids=["none", "object", "odd", "raising", "no views", "no functions", "odd functions"],
)
def test_no_app_is_too_weird(weird: Any) -> None:
    assert answered_statuses(weird) == set()


def test_odd_objects_hide_nothing() -> None:
    def view() -> Any:
        odd.anything(odd, key=odd)
        odd.status_code = odd
        if odd:
            raise odd
        status = odd
        status = 404
        return odd.attribute if odd else odd, status

    assert statuses_of(view) == {404}


class Unplaceable:
    @property
    def __module__(self) -> str:  # type: ignore[override]
        raise RuntimeError


def test_unreadable_part_hides_no_views() -> None:
    app = types.SimpleNamespace(
        view_functions={"odd": Unplaceable(), "view": returns_pair}, before_request_funcs=404
    )

    assert answered_statuses(app) == {503}


def test_used_instance_is_not_called() -> None:
    class Closed:
        open = False

        def __call__(self) -> Any:
            abort(503)

    closed = Closed()

    def view() -> Any:
        return jsonify(closed.open, closed)

    assert statuses_of(view) == set()


def test_each_file_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = ast.parse

    def counting(source: str, *args: Any) -> Any:
        parsed.append(source)
        return parse(source, *args)

    app = analysed_app.create_app()
    app.add_url_rule("/again", "again", analysed_app.orders.show)
    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", counting)
        answered_statuses(app)

    modules = ("orders", "stock", "pricing", "access", "problems")
    files = [Path(analysed_app.__file__).with_name(f"{each}.py") for each in modules]
    assert sorted(parsed) == sorted(file.read_text() for file in files)


def test_the_analysis_itself_needs_no_flask() -> None:
    code = (
        "import sys, flask_filibuster.faultmodel.static_analysis as a;"
        "a.answered_statuses(object());"
        "assert not {'flask', 'werkzeug', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ROOT})


def test_own_hooks_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the extension."""
    read: list[str] = []

    def getlines(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
        read.append(Path(filename).name)
        return real(filename, module_globals)

    real = linecache.getlines
    monkeypatch.setattr(linecache, "getlines", getlines)
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: ("gone", 410))
    Filibuster(app)
    assert answered_statuses(app) == {410}
    assert set(read) == {Path(__file__).name}
