"""Which source files an execution depends on, of packages that are really there."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
import textwrap
import time
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_filibuster import FaultModel, Filibuster, explore
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.sources.dependencies import SourceFiles
from flask_filibuster.sources.imports import Imports, Module

APP = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "fine"
"""


NOTHING = hashlib.md5(b"", usedforsecurity=False).hexdigest()


class Tree:
    """Modules in a directory of their own, which can be imported."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        """Write modules by dotted name, with two underscores for a dot; ``init`` is a package's."""
        for name, content in files.items():
            path = self.root / (name.replace("__", "/").replace("init", "__init__") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        importlib.invalidate_caches()

    def load(self, name: str) -> Any:
        return importlib.import_module(name)

    def of(self, test: object = None, **apps: Flask) -> set[str] | None:
        """The files of services, all of which were reached, and of a test."""
        return self.names(SourceFiles(apps).of(reached(*apps), test))

    def names(self, found: Iterable[str] | None) -> set[str] | None:
        """Paths from the root on."""
        return None if found is None else {str(Path(x).relative_to(self.root)) for x in found}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Tree(tmp_path)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        paths = getattr(sys.modules[name], "__path__", ())
        if any(str(each).startswith(str(tmp_path)) for each in (file, *paths)):
            del sys.modules[name]


def reached(*services: str) -> Trace:
    """The trace of an execution that reached these services."""
    indexes = (ROOT.child(f"GET 80/{service}", 1) for service in services)
    handlings = [
        Handling(index=index, service=service, method="GET", path="/")
        for index, service in zip(indexes, services, strict=True)
    ]
    return Trace.of([], handlings)


class TestFilesOfAService:
    def test_are_module_and_imports(self, tree: Tree) -> None:
        tree.write(
            shop=APP + "import prices, unused_by_name as other\nfrom names import NAME",
            prices="import rates",
            rates="",
            names="NAME = 1",
            unused_by_name="",
            elsewhere="",
        )
        app = tree.load("shop").app
        assert tree.of(shop=app) == {
            "shop.py",
            "prices.py",
            "rates.py",
            "names.py",
            "unused_by_name.py",
        }

    def test_have_digests(self, tree: Tree) -> None:
        tree.write(shop=APP)
        file = tree.root / "shop.py"
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        found = SourceFiles({"shop": tree.load("shop").app}).of(reached("shop"))
        assert found == {str(file): digest}

    def test_deleted_file_has_no_digest(self, tree: Tree) -> None:
        tree.write(shop=APP)
        app = tree.load("shop").app
        (tree.root / "shop.py").unlink()
        assert SourceFiles({"shop": app}).of(reached("shop")) == {str(tree.root / "shop.py"): ""}

    def test_include_late_imports(self, tree: Tree) -> None:
        """These are not imported for that."""
        tree.write(
            shop=APP + "def later():\n    import late.inner.module\n    from late import second",
            late__init="import late.first",
            late__first="",
            late__second="raise RuntimeError",
            late__third="",
            late__inner__init="",
            late__inner__module="from ..third import x",
        )
        assert tree.of(shop=tree.load("shop").app) == {
            "shop.py",
            "late/__init__.py",
            "late/first.py",
            "late/second.py",
            "late/third.py",
            "late/inner/__init__.py",
            "late/inner/module.py",
        }
        assert not {"late", "late.inner", "late.second"} & set(sys.modules)

    def test_include_packages_on_the_way(self, tree: Tree) -> None:
        tree.write(
            shop__init="from . import setup",
            shop__setup="",
            shop__web__init="",
            shop__web__app=APP + "from ..core import prices\nfrom .help import helped as h",
            shop__web__help="helped = 1",
            shop__core__init="from .stars import *",
            shop__core__prices="",
            shop__core__stars="",
        )
        found = tree.of(shop=tree.load("shop.web.app").app)
        assert found == {
            "shop/__init__.py",
            "shop/setup.py",
            "shop/web/__init__.py",
            "shop/web/app.py",
            "shop/web/help.py",
            "shop/core/__init__.py",
            "shop/core/prices.py",
            "shop/core/stars.py",
        }
        del tree.load("shop.web.app").__package__
        del tree.load("shop.core").__package__
        assert tree.of(shop=tree.load("shop.web.app").app) == found

    def test_star_imports_what_all_lists(self, tree: Tree) -> None:
        tree.write(
            shop=APP + "from parts import *",
            parts__init="__all__ = ['one', 'x']\nx = 1",
            parts__one="",
            parts__two="",
        )
        assert tree.of(shop=tree.load("shop").app) == {
            "shop.py",
            "parts/__init__.py",
            "parts/one.py",
        }

    def test_circular_imports_are_complete(self, tree: Tree) -> None:
        tree.write(
            shop=APP + "import one",
            one="import two",
            two="def f():\n    import one, shop, three",
            three="import two",
        )
        everything = {"shop.py", "one.py", "two.py", "three.py"}
        assert tree.of(shop=tree.load("shop").app) == everything
        assert tree.of(shop=tree.load("shop").app, test=tree.load("two").f) == everything

    def test_namespace_packages_have_no_file(self, tree: Tree) -> None:
        """Their modules do."""
        tree.write(
            shop=APP + "import spaces.one\ndef f():\n    from empty.deep import two",
            spaces__one="from . import sibling",
            spaces__sibling="",
            empty__deep__two="from .. import three",
            empty__three="",
        )
        assert tree.of(shop=tree.load("shop").app) == {
            "shop.py",
            "spaces/one.py",
            "spaces/sibling.py",
            "empty/deep/two.py",
            "empty/three.py",
        }

    def test_unparsable_file_imports_nothing(self, tree: Tree) -> None:
        tree.write(
            shop=APP + "def f():\n    import broken, nulls, compiled",
            broken="import other\n(",
            other="",
        )
        (tree.root / "nulls.py").write_bytes(b"import other\n\0")
        suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
        (tree.root / f"compiled{suffix}").write_bytes(b"import other")
        assert tree.of(shop=tree.load("shop").app) == {
            "shop.py",
            "broken.py",
            "nulls.py",
            f"compiled{suffix}",
        }

    def test_missing_modules_are_left_out(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree.write(
            shop=APP
            + """
try:
    import nowhere.at_all
    from . import sibling
except ImportError:
    from names import missing, ALSO
def f():
    from ....far import away
    import names.no_package, blocked, odd
""",
            names="missing = ALSO = 1",
            blocked="",
            odd="",
        )
        app = tree.load("shop").app
        # What people put there to forbid a name, or in place of a module.
        monkeypatch.setitem(sys.modules, "blocked", None)
        monkeypatch.setitem(sys.modules, "odd", types.SimpleNamespace())
        assert tree.of(shop=app) == {"shop.py", "names.py"}

    def test_installed_packages_are_left_out(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And Python's own modules."""
        tree.write(
            shop=APP + "import json, requests, flask_filibuster, installed",
            lib__init="",
        )
        packages = tree.root / "lib" / "site-packages"
        packages.mkdir()
        monkeypatch.syspath_prepend(str(packages))
        (packages / "installed.py").write_text("")
        (packages / "installed_app.py").write_text(APP + "import installed")
        assert tree.of(shop=tree.load("shop").app) == {"shop.py"}
        app = tree.load("installed_app").app
        assert tree.of(shop=app) == {"lib/site-packages/installed_app.py"}
        sys.modules.pop("installed")

    def test_a_lazy_module_stays_unloaded(self, tree: Tree) -> None:
        tree.write(shop=APP + "def later(): import lazy", lazy="import other", other="")
        app = tree.load("shop").app
        spec = importlib.util.find_spec("lazy")
        assert spec is not None
        assert spec.loader is not None
        spec.loader = importlib.util.LazyLoader(spec.loader)
        sys.modules["lazy"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = tree.of(shop=app)
        del sys.modules["lazy"]
        assert found == {"shop.py", "lazy.py", "other.py"}
        assert "other" not in sys.modules


class TestPartsOfAnApp:
    """The app is made under a made-up name: only what it is made of leads to files."""

    @pytest.fixture
    def app(self) -> Flask:
        return Flask("no-module", static_folder=None)

    @pytest.mark.parametrize(
        "add",
        [
            lambda app, f: app.add_url_rule("/", "f", f),
            lambda app, f: app.add_url_rule("/", "f", functools.partial(f, 1)),
            lambda app, f: app.add_url_rule("/", "f", decorated(f)),
            lambda app, f: app.before_request(f),
            lambda app, f: app.after_request(f),
            lambda app, f: app.teardown_request(f),
            lambda app, f: app.teardown_appcontext(f),
            lambda app, f: app.errorhandler(404)(f),
            lambda app, f: app.errorhandler(KeyError)(f),
            lambda app, f: app.context_processor(f),
            lambda app, f: app.url_value_preprocessor(f),
            lambda app, f: app.url_defaults(f),
        ],
    )
    def test_functions(self, tree: Tree, app: Flask, add: Callable[[Flask, Any], object]) -> None:
        tree.write(part="def f(*args):\n    pass\nimport below", below="")
        add(app, tree.load("part").f)
        assert tree.of(shop=app) == {"part.py", "below.py"}

    def test_view_classes_and_what_they_inherit(self, tree: Tree, app: Flask) -> None:
        tree.write(
            part="import base\nclass View(base.Base):\n    pass",
            base="""
            from flask.views import MethodView
            class Base(MethodView):
                def get(self): return "fine"
            """,
        )
        app.add_url_rule("/", view_func=tree.load("part").View.as_view("view"))
        assert tree.of(shop=app) == {"part.py", "base.py"}

    def test_methods_of_objects(self, tree: Tree, app: Flask) -> None:
        tree.write(
            part="import base\nclass View(base.Base):\n    pass",
            base="class Base:\n    def get(self): return 'fine'",
        )
        app.add_url_rule("/", "view", tree.load("part").View().get)
        assert tree.of(shop=app) == {"part.py", "base.py"}

    def test_a_blueprint_of_another_module(self, tree: Tree, app: Flask) -> None:
        tree.write(
            views="def index(): return 'fine'",
            routes="""
            from flask import Blueprint
            import views
            routes = Blueprint("routes", __name__, url_prefix="/r")
            routes.add_url_rule("/", view_func=views.index)
            """,
        )
        app.register_blueprint(tree.load("routes").routes)
        assert tree.of(shop=app) == {"routes.py", "views.py"}

    def test_module_that_makes_it(self, tree: Tree) -> None:
        """None that imports it."""
        tree.write(
            views="""
            from flask import Blueprint
            routes = Blueprint("routes", __name__)
            @routes.get("/")
            def index(): return "fine"
            """,
            shop="""
            import flask, settings, views
            app = flask.Flask("no-module")
            app.config["STRICT"] = settings.STRICT
            app.register_blueprint(views.routes)
            """,
            settings="STRICT = False",
            importing="from shop import app",
        )
        tree.load("importing")
        assert tree.of(shop=tree.load("shop").app) == {"shop.py", "settings.py", "views.py"}

    def test_a_class_of_apps(self, tree: Tree) -> None:
        tree.write(kinds="import flask\nclass Shop(flask.Flask):\n    pass", views="def f(): pass")
        app = tree.load("kinds").Shop("no-module")
        app.add_url_rule("/", view_func=tree.load("views").f)
        assert tree.of(shop=app) == {"kinds.py", "views.py"}

    def test_middleware(self, tree: Tree, app: Flask) -> None:
        tree.write(
            middle="""
            class Middle:
                def __init__(self, app): self.app = app
                def __call__(self, *args): return self.app(*args)
            """
        )
        app.wsgi_app = tree.load("middle").Middle(app.wsgi_app)  # type: ignore[method-assign]
        assert tree.of(shop=app) == {"middle.py"}

    def test_class_behind_middleware(self, tree: Tree) -> None:
        tree.write(kinds="import flask\nclass Shop(flask.Flask):\n    pass")
        app = tree.load("kinds").Shop("no-module")
        app.wsgi_app = ProxyFix(app.wsgi_app)
        assert tree.of(shop=app) == {"kinds.py"}

    def test_made_up_name_is_no_module(self, tree: Tree) -> None:
        tree.write(shop="", views="def f(): pass")
        app = Flask("shop")
        app.add_url_rule("/", view_func=tree.load("views").f)
        assert tree.of(shop=app) == {"views.py"}

    def test_the_extension_adds_nothing(self, tree: Tree) -> None:
        tree.write(shop=APP)
        app = tree.load("shop").app
        Filibuster(app)
        assert tree.of(shop=app) == {"shop.py"}


def decorated(function: Any) -> Any:
    """What a decorator without functools.wraps makes of it."""
    namespace: dict[str, Any] = {}
    code = "def decorate(f):\n    def wrapper(*args): return f(*args)\n    return wrapper"
    exec(code, namespace)
    return namespace["decorate"](function)


def with_a_variable_not_assigned(function: Any) -> Any:
    """A function with a closure, in which a variable has no value yet."""

    def wrapper() -> None:
        function(later)

    if not function:
        later = None
    return wrapper


class TestNothingIsKnown:
    def test_of_a_service_without_an_app(self, tree: Tree) -> None:
        tree.write(shop=APP)
        sources = SourceFiles({"shop": tree.load("shop").app})
        assert sources.of(reached("shop", "elsewhere")) is None
        assert sources.of(reached("elsewhere")) is None
        assert sources.of(reached("shop")) is not None

    def test_of_a_view_without_source(self, tree: Tree) -> None:
        tree.write(shop=APP)
        app = tree.load("shop").app
        namespace: dict[str, Any] = {}
        exec("def view(): return 'fine'", namespace)
        app.add_url_rule("/x", view_func=namespace["view"])
        assert tree.of(shop=app) is None

    def test_of_an_app_without_anything(self) -> None:
        assert SourceFiles({"shop": Flask("no-module")}).of(reached("shop")) is None

    @pytest.mark.parametrize("wrap", [lambda f: f, lambda f: functools.partial(f)])
    def test_of_a_test_without_source(self, wrap: Callable[[Any], Any]) -> None:
        namespace: dict[str, Any] = {}
        exec("def test(): pass", namespace)
        assert SourceFiles({}).of(reached(), wrap(namespace["test"])) is None


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
