"""Which source files a test depends on, and which executions a change affects."""

from __future__ import annotations

import functools
import hashlib
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, explore
from flask_filibuster.sources.dependencies import SourceFiles
from flask_filibuster.sources.imports import Imports, Module
from tests.support import trees
from tests.support.trees import APP, Tree, decorated, reached

tree = trees.tree


NOTHING = hashlib.md5(b"", usedforsecurity=False).hexdigest()


def with_a_variable_not_assigned(function: Any) -> Any:
    """A function with a closure, in which a variable has no value yet."""

    def wrapper() -> None:
        function(later)

    if not function:
        later = None
    return wrapper


class TestFilesOfATest:
    @pytest.fixture
    def tests(self, tree: Tree) -> Any:
        tree.write(
            checks__init="",
            checks__help="",
            checks__base="class Base:\n    def test_it(self): pass",
            checks__test_it="""
            import functools
            from . import help, base
            def test_it(): pass
            def wrapped(): pass
            class TestIt(base.Base): pass
            def caller(test): return lambda: test()
            """,
        )
        return tree.load("checks.test_it")

    EXPECTED: ClassVar[set[str]] = {
        "checks/__init__.py",
        "checks/help.py",
        "checks/base.py",
        "checks/test_it.py",
    }

    @pytest.mark.parametrize(
        "get",
        [
            lambda tests: tests.test_it,
            lambda tests: functools.partial(tests.test_it, 1),
            lambda tests: functools.partial(functools.partial(tests.test_it)),
            lambda tests: functools.wraps(tests.wrapped)(lambda: None),
            lambda tests: decorated(tests.test_it),
            lambda tests: functools.partial(decorated, tests.test_it),
            lambda tests: with_a_variable_not_assigned(tests.test_it),
            lambda tests: tests.TestIt().test_it,
            lambda tests: tests.TestIt,
            lambda tests: tests.TestIt(),
            lambda tests: tests,
        ],
        ids=[
            "function",
            "partial",
            "partial of partial",
            "wraps",
            "decorated",
            "argument",
            "not assigned",
            "method",
            "class",
            "object",
            "module",
        ],
    )
    def test_are_module_and_imports(
        self, tree: Tree, tests: Any, get: Callable[[Any], object]
    ) -> None:
        found = SourceFiles({}).of(reached(), get(tests))
        assert found is not None
        within = {name: found[name] for name in found if name.startswith(str(tree.root))}
        assert tree.names(within) == self.EXPECTED

    def test_come_with_those_of_the_services(self, tree: Tree, tests: Any) -> None:
        tree.write(shop=APP)
        app = tree.load("shop").app
        assert tree.of(shop=app, test=tests.test_it) == {"shop.py", *self.EXPECTED}

    def test_are_those_of_the_last_test(self, tree: Tree, tests: Any) -> None:
        tree.write(other="def test(): pass")
        sources = SourceFiles({})
        for _ in range(2):
            assert tree.names(sources.of(reached(), tests.test_it)) == self.EXPECTED
            assert tree.names(sources.of(reached(), tree.load("other").test)) == {"other.py"}
            assert sources.of(reached()) == {}

    def test_include_extra_files(self, tree: Tree, tests: Any) -> None:
        """With what these import."""
        tree.write(conftest="import fixtures", fixtures="", checks__conftest="from . import shared")
        tree.write(checks__shared="")
        (tree.root / "data.json").write_text("import nothing")
        tree.load("checks.conftest")
        given = [
            str(tree.root / each) for each in ("conftest.py", "checks/conftest.py", "data.json")
        ]
        sources = SourceFiles({})
        assert tree.names(sources.of(reached(), tests.test_it, extra=given)) == {
            *self.EXPECTED,
            "conftest.py",
            "fixtures.py",
            "checks/conftest.py",
            "checks/shared.py",
            "data.json",
        }
        assert tree.names(sources.of(reached(), tests.test_it)) == self.EXPECTED

    def test_missing_extra_file_has_no_digest(self, tree: Tree) -> None:
        path = str(tree.root / "conftest.py")
        assert SourceFiles({}).of(reached(), extra=[path]) == {path: ""}

    @pytest.mark.parametrize("wrap", [lambda f: f, functools.partial])
    def test_are_those_of_an_installed_package(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Any], object]
    ) -> None:
        packages = tree.root / "site-packages"
        within = Tree(packages)
        within.write(
            checked__init="",
            checked__conftest="",
            checked__test_it="import installed\ndef test_it(): pass",
            installed="",
        )
        monkeypatch.syspath_prepend(str(packages))
        test = wrap(tree.load("checked.test_it").test_it)
        found = SourceFiles({}).of(reached(), test)
        assert within.names(found) == {"checked/__init__.py", "checked/test_it.py"}
        extra = str(packages / "checked" / "conftest.py")
        assert SourceFiles({}).of(reached(), extra=[extra]) == {extra: NOTHING}
        sys.modules.pop("installed")


class TestChanges:
    @pytest.fixture
    def apps(self, tree: Tree) -> dict[str, Flask]:
        tree.write(
            front=APP + "import shared, own",
            back=APP + "import shared, deep",
            own="",
            deep="import deeper",
            deeper="",
            shared="",
        )
        return {name: tree.load(name).app for name in ("front", "back")}

    @pytest.mark.parametrize(
        ("changed", "affected"),
        [
            ("own", {"front", "front back"}),
            ("deeper", {"back", "front back"}),
            ("shared", {"front", "back", "front back"}),
        ],
    )
    def test_affect_executions_that_reached_them(
        self, tree: Tree, apps: dict[str, Flask], changed: str, affected: set[str]
    ) -> None:
        executions = ("front", "back", "front back")

        def all_of_them() -> dict[str, dict[str, str] | None]:
            sources = SourceFiles(apps)
            return {each: sources.of(reached(*each.split())) for each in executions}

        before = all_of_them()
        tree.write(**{changed: "# changed"})
        after = all_of_them()
        assert {each for each in executions if before[each] != after[each]} == affected

    def test_are_not_seen_after_reading(self, tree: Tree, apps: dict[str, Flask]) -> None:
        sources = SourceFiles(apps)
        before = sources.of(reached("front"))
        tree.write(shared="# changed")
        assert sources.of(reached("front")) == before
        both, alone = sources.of(reached("front", "back")), SourceFiles(apps).of(reached("front"))
        assert both is not None
        assert alone is not None
        shared = str(tree.root / "shared.py")
        assert before is not None
        assert both[shared] == before[shared] != alone[shared]

    def test_of_a_result_stay_the_callers(self, tree: Tree, apps: dict[str, Flask]) -> None:
        sources = SourceFiles(apps)
        first = sources.of(reached("front"))
        assert first is not None
        kept = dict(first)
        first.clear()
        assert sources.of(reached("front")) == kept


def test_are_looked_for_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking again takes microseconds."""
    count = 200
    tree.write(**{f"part{n}": f"import part{n + 1}, part{n + 2}" for n in range(count)})
    tree.write(**{f"part{count}": "", f"part{count + 1}": "", "other": APP})
    tree.write(
        shop=APP + "def later(): import part0",
        test_it="def test(): import part0\ndef second(): pass",
    )
    apps = {name: tree.load(name).app for name in ("shop", "other")}
    test = tree.load("test_it").test
    read: list[Path] = []
    original = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        read.append(path)
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    closures: list[object] = []
    closure = Imports.closure

    def counted(
        self: Imports, modules: Iterable[Module], package: str, *, without: Iterable[Module] = ()
    ) -> frozenset[str]:
        closures.append(modules)
        return closure(self, modules, package, without=without)

    monkeypatch.setattr(Imports, "closure", counted)
    sources, trace = SourceFiles(apps), reached("shop", "other")
    found = sources.of(trace, test)
    assert found is not None
    assert len(found) == count + 5
    assert sorted(map(str, read)) == sorted(found)

    def again() -> float:
        began = time.perf_counter()
        assert sources.of(trace, test) is not None
        return time.perf_counter() - began

    with monkeypatch.context() as patch:
        patch.setattr(Imports, "digest", None)
        assert min(again() for _ in range(100)) < 0.0001
    assert sources.of(reached("other"), test) is not None
    assert sources.of(trace, tree.load("test_it").second) == found
    assert len(read) == len(found)
    assert len(closures) == 3


def test_follow_the_trace_of_an_exploration(tree: Tree) -> None:
    tree.write(
        front="""
        import requests
        from flask import Flask
        app = Flask(__name__)
        @app.get("/")
        def index():
            try:
                return requests.get("http://back/", timeout=5).text
            except requests.RequestException:
                return "none"
        """,
        back=APP,
    )
    apps = {name: tree.load(name).app for name in ("front", "back")}
    result = explore(
        lambda: requests.get("http://front/", timeout=5),
        {f"http://{name}": app for name, app in apps.items()},
        FaultModel(exceptions=["ConnectionError"], default_statuses=[]),
    )
    sources = SourceFiles(apps)
    found = [tree.names(sources.of(execution.trace)) for execution in result.executions]
    assert found == [{"front.py", "back.py"}, {"front.py"}]
