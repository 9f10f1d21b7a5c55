"""Functions that a test calls directly in a context of an app: the app's, or the test's own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import responses
from flask import Flask

from flask_filibuster import explore
from flask_filibuster.results.result import Result
from tests.support.callers import service
from tests.support.models import REFUSALS

CALLEE = {"http://callee:1": service(way=lambda: "fine")}

APP = "from flask import Flask\napp = Flask(__name__)\n"
NAMELESS = "from flask import Flask\napp = Flask('no module')\n"
CALLS = """
    import requests

    def careless():
        return requests.get("http://callee:1/way", timeout=1).status_code

    def careful():
        try:
            return careless()
        except requests.RequestException:
            return 0
    """
TESTS = """
    import threading

    import requests
    {imports}

    def in_app_context(action):
        with app.app_context():
            return action()

    def in_request_context(action):
        with app.test_request_context("/"):
            return action()

    def in_thread(action):
        thread = threading.Thread(target=in_app_context, args=(action,))
        thread.start()
        thread.join()

    def own():
        return requests.get("http://callee:1/way", timeout=1)

    def test_without_context():
        assert own().ok

    def test_itself():
        with app.app_context():
            assert requests.get("http://callee:1/way", timeout=1).ok

    def test_helper():
        with app.test_request_context("/"):
            assert own().ok

    def test_other_helper():
        with app.app_context():
            assert helpers.careless() == 200
    """

LAYOUTS = {
    "package": {
        "shop/__init__.py": APP,
        "shop/calls.py": CALLS,
        "tests/helpers.py": CALLS,
        "tests/test_shop.py": "from shop import app, calls\nimport helpers",
    },
    "factory": {
        "shop/__init__.py": "",
        "shop/factory.py": APP,
        "shop/clients/__init__.py": "",
        "shop/clients/calls.py": CALLS,
        "shop/tests/__init__.py": "",
        "shop/tests/helpers.py": CALLS,
        "shop/tests/test_shop.py": (
            "from shop.factory import app\nfrom shop.clients import calls\n"
            "from shop.tests import helpers"
        ),
    },
    "flat": {
        "shop.py": APP,
        "calls.py": CALLS,
        "conftest.py": CALLS,
        "test_shop.py": "from shop import app\nimport calls\nimport conftest as helpers",
    },
    "beside": {
        "shop/__init__.py": APP,
        "services/calls.py": CALLS,
        "checks/helpers.py": CALLS,
        "checks/shop_checks.py": "from shop import app\nimport calls\nimport helpers",
    },
    "nameless": {
        "shop/__init__.py": NAMELESS,
        "shop/calls.py": CALLS,
        "tests/helpers.py": CALLS,
        "tests/test_shop.py": "from shop import app, calls\nimport helpers",
    },
}


class Suite:
    """A test module in a layout of files, and the modules that it imports."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True, parents=True)
            is_test = "app" in text and not text.startswith("from flask")
            path.write_text(dedent(TESTS).format(imports=text) if is_test else dedent(text))
            if is_test:
                self.module = path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")

    def load(self) -> Any:
        return importlib.import_module(self.module)


@pytest.fixture(params=list(LAYOUTS.values()), ids=list(LAYOUTS))
def suite(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    before = set(sys.modules)
    files = request.param
    made = Suite(tmp_path, files)
    for folder in {tmp_path, *(path.parent for path in tmp_path.rglob("*.py"))}:
        if not (folder / "__init__.py").exists():
            monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(tmp_path)
    if not made.module.startswith("shop"):
        made.module = made.module.rpartition(".")[2]
    yield made.load()
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def explored(test: Any) -> Result:
    result = explore(test, CALLEE, REFUSALS)
    assert not result.inconclusive, [each.problems for each in result.inconclusive]
    return result


CONTEXTS = ["in_app_context", "in_request_context"]


@pytest.mark.parametrize("context", CONTEXTS)
def test_careless_function_is_a_bug(suite: Any, context: str) -> None:
    result = explored(lambda: getattr(suite, context)(suite.calls.careless))
    assert [each.source for each in result.executions[0].trace.invocations] == [suite.app.name]
    assert len(result.bugs) == 1, str(result)


@pytest.mark.parametrize("context", [*CONTEXTS, "in_thread"])
def test_careful_function_is_none(suite: Any, context: str) -> None:
    result = explored(lambda: getattr(suite, context)(suite.calls.careful))
    assert result.ok, str(result)
    assert len(result.executions) == 2


@pytest.mark.parametrize("context", ["app_context", "test_request_context"])
def test_context_of_a_fixture(suite: Any, context: str) -> None:
    app: Flask = suite.app
    with getattr(app, context)():
        result = explored(lambda: suite.calls.careless())
        assert len(result.bugs) == 1, str(result)
        assert explored(lambda: suite.calls.careful()).ok


@pytest.mark.slow
@pytest.mark.parametrize("test", ["test_itself", "test_helper", "test_other_helper"])
def test_calls_of_the_test_never_fail(suite: Any, test: str) -> None:
    if test == "test_helper" and suite.app.import_name == "no module":
        pytest.skip("The app might be in this file, and its function be meant.")
    result = explored(getattr(suite, test))
    (execution,) = result.executions
    assert execution.verdict == "passed"
    assert execution.trace.invocations == ()
    with suite.app.app_context():
        assert explored(suite.test_without_context).executions[0].trace.invocations == ()


def test_way_to_explore_is_named(suite: Any) -> None:
    """Without a context, nothing tells of which app a function is."""

    def test() -> None:
        with responses.RequestsMock() as mocked:
            mocked.get("http://callee:1/way", body="fine")
            suite.calls.careful()

    (note,) = explore(test, {}, REFUSALS).notes
    assert "run its code in a request, a command, or with app.app_context()" in note
