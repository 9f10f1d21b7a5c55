"""Objects in ``sys.modules``, in modules and in apps that are not what they seem."""

from __future__ import annotations

import functools
import importlib
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.faultmodel.static_analysis import answered_statuses
from flask_filibuster.sources.dependencies import SourceFiles

APP = """
from flask import Flask
app = Flask({name})
@app.get("/")
def index():
    return "fine"
"""


class OddError(RuntimeError):
    """What other people's objects raise."""


class Raises:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise OddError(name)

    def __eq__(self, other: object) -> bool:
        raise OddError

    def __hash__(self) -> int:
        raise OddError

    def __bool__(self) -> bool:
        raise OddError

    def __call__(self) -> str:
        return "called"


class Claims:
    """Claims to be a module, as cffi's libraries do."""

    @property
    def __class__(self) -> Any:
        return types.ModuleType

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise OddError


class RaisingModule(types.ModuleType):
    """A module of which nothing can be asked."""

    def __getattribute__(self, name: str) -> Any:
        raise OddError(name)


class OddText(str):
    """A string that is not to be trusted."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise OddError

    __hash__ = str.__hash__

    def startswith(self, *arguments: Any) -> bool:
        raise OddError

    def __str__(self) -> str:
        raise OddError


def module_with(**variables: Any) -> types.ModuleType:
    module = types.ModuleType("odd")
    vars(module).update(variables)
    return module


class RaisingPath:
    """The path of a namespace package that has lost the package above it."""

    def __iter__(self) -> Iterator[str]:
        raise KeyError("above")


ODD: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "number": lambda: 5,
    "raises": Raises,
    "claims": Claims,
    "raising-module": lambda: RaisingModule("odd"),
    "bare-module": lambda: types.ModuleType.__new__(types.ModuleType),
    "file-is-no-text": lambda: module_with(__file__=5),
    "file-is-a-path": lambda: module_with(__file__=Path("odd.py")),
    "file-raises": lambda: module_with(__file__=Raises()),
    "file-is-odd-text": lambda: module_with(__file__=OddText("odd.py")),
    "file-has-a-nul": lambda: module_with(__file__="odd\0.py"),
    "path-is-no-list": lambda: module_with(__path__=5),
    "path-raises": lambda: module_with(__path__=RaisingPath()),
    "path-of-odd-parts": lambda: module_with(__path__=[None, Raises(), "odd\0", "/nowhere"]),
    "package-raises": lambda: module_with(__package__=Raises(), __file__="odd.py"),
    "names-raise": lambda: module_with(__all__=[Raises(), 5, "a"], __file__="odd.py"),
    "list-of-names-raises": lambda: module_with(__all__=Raises(), __file__="odd.py"),
    "holds-odd-values": lambda: module_with(__file__="odd.py", a=Raises(), b=Claims()),
}


def reached(service: str) -> Trace:
    handling = Handling(index=ROOT.child("GET 80/", 1), service=service, method="GET", path="/")
    return Trace.of([], [handling])


def files_of(app: Flask, test: object = None) -> set[str] | None:
    found = SourceFiles({"shop": app}).of(reached("shop"), test)
    return None if found is None else {Path(each).name for each in found}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(**files: str) -> None:
        for name, content in files.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(content))
        importlib.invalidate_caches()

    yield write
    for name in {"shop", "odd", "other", "test_it"} & set(sys.modules) - before:
        del sys.modules[name]


class TestLoadedModules:
    @pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
    @pytest.mark.parametrize("name", ["__name__", "'shop-service'"])
    def test_odd_ones_hide_no_source(
        self, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch, odd: Any, name: str
    ) -> None:
        write(
            shop=APP.format(name=name) + "def later():\n    import odd.part, other\n"
            "    from odd import a, b\nif not app:\n    from odd import *\n",
            other="",
            test_it="def test(): pass",
        )
        app = importlib.import_module("shop").app
        test = importlib.import_module("test_it").test
        monkeypatch.setitem(sys.modules, "odd", odd())
        found = files_of(app, test)
        assert found is not None
        assert found - {"odd.py", "odd\0.py"} == {"shop.py", "other.py", "test_it.py"}

    def test_a_name_that_is_no_text(
        self, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(shop=APP.format(name="'shop-service'"))
        app = importlib.import_module("shop").app
        modules: dict[Any, Any] = sys.modules
        monkeypatch.setitem(modules, 5, types.ModuleType("five"))
        assert files_of(app) == {"shop.py"}

    @pytest.mark.parametrize("base", ["object", "types.ModuleType"])
    def test_object_in_place_of_its_module(self, write: Callable[..., None], base: str) -> None:
        write(
            shop=APP.format(name="__name__") + "import odd",
            odd=f"""
            import sys, types, other
            class Odd({base}):
                def __init__(self, *name): pass
            sys.modules[__name__] = Odd(__name__)
            """,
            other="",
        )
        assert files_of(importlib.import_module("shop").app) == {"shop.py", "odd.py", "other.py"}

    def test_a_finder_that_raises(
        self, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(shop=APP.format(name="__name__") + "def later(): import other", other="")
        app = importlib.import_module("shop").app
        monkeypatch.setattr(sys, "meta_path", [Raises(), object(), *sys.meta_path])
        assert files_of(app) == {"shop.py", "other.py"}


def wrapped(held: Any) -> Any:
    """A decorator that holds an object, as one with the current user does."""

    def decorate(function: Any) -> Any:
        @functools.wraps(function)
        def inner() -> Any:
            return held and function()

        return inner

    return decorate


class TestAppsAndTests:
    @pytest.mark.parametrize("held", [Raises, Claims], ids=["raises", "claims"])
    def test_view_with_an_odd_object(self, held: Any) -> None:
        app = Flask(__name__)
        app.add_url_rule("/", "view", wrapped(held())(lambda: "fine"))
        found = files_of(app)
        assert found is not None
        assert Path(__file__).name in found

    def test_view_that_raises(self) -> None:
        app = Flask(__name__)
        app.view_functions["odd"] = Raises()
        found = files_of(app)
        assert found is not None
        assert Path(__file__).name in found

    def test_that_raises(self) -> None:
        found = files_of(Flask(__name__), Raises())
        assert found is not None
        assert Path(__file__).name in found

    @pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
    def test_statuses_beside_an_odd_module(
        self, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch, odd: Any
    ) -> None:
        write(
            shop=APP.format(name="__name__")
            + "@app.get('/x')\ndef x():\n    import odd\n    return odd.a() or ('no', 503)\n"
        )
        app = importlib.import_module("shop").app
        monkeypatch.setitem(sys.modules, "odd", odd())
        assert answered_statuses(app) == {503}
