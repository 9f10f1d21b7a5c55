"""Which source files a service depends on, of packages that are really there."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_filibuster import Filibuster
from flask_filibuster.sources.dependencies import SourceFiles
from tests.support import trees
from tests.support.trees import APP, Tree, decorated, reached

tree = trees.tree


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
