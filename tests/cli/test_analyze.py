"""``flask filibuster analyze``: from the source of services to an analysis file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.cli import cli

from flask_filibuster import FaultModel
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT

APP = """
    from flask import Flask, abort

    app = Flask(__name__)

    @app.get("/")
    def index():
        abort({status})
"""
FACTORY = """
    from flask import Flask, abort

    def {name}({arguments}):
        app = Flask(__name__)
        app.add_url_rule("/", "index", lambda: abort({status}))
        return app
"""


class Project:
    """A directory with services in it.

    :ivar path: the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, source: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(source), encoding="utf-8")

    def app(self, name: str, status: int) -> None:
        """Write a module with an app that answers with that status."""
        self.write(name, APP.format(status=status))

    def analyze(self, *arguments: str) -> Result:
        """Run the command, which must leave no traces in this process."""
        path, modules = list(sys.path), set(sys.modules)
        result = CliRunner().invoke(cli, ["filibuster", "analyze", *arguments])
        assert sys.path == path
        left = {name for name in set(sys.modules) - modules if self.has(sys.modules[name])}
        assert left == set()
        return result

    def has(self, module: Any) -> bool:
        return str(getattr(module, "__file__", None)).startswith(str(self.path))

    def statuses(self, *targets: str) -> dict[str, list[int]]:
        """The statuses of each service, as the analysis has them."""
        result = self.analyze(*targets)
        assert result.exit_code == 0, result.output
        return statuses_in(json.loads(result.stdout))


def statuses_in(content: dict[str, Any]) -> dict[str, list[int]]:
    described = FaultModel.from_analysis(content).describe()["statuses"]
    return {
        re.sub(r"\\(.)", r"\1", name): statuses
        for name, statuses in described.items()
        if "(?!" not in name
    }


def ways(model: FaultModel, target: str) -> list[object]:
    call = Call(
        ROOT.child("call", 1), "test", target, "GET", f"http://{target}/", timeout=(1.0, 1.0)
    )
    return [fault.exception or fault.status for fault in model.faults_of(call)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")  # As Flask does, for good.
    monkeypatch.delenv("FLASK_APP", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Project(tmp_path)


# --- what is written ------------------------------------------------------------------------------


def test_services_have_their_own_statuses(project: Project) -> None:
    project.app("services/users.py", 404)
    project.app("services/stock.py", 503)
    result = project.analyze("services")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith('{\n  "python.requests": {\n    "pattern"')
    assert result.stdout.endswith("}\n")
    model = FaultModel.from_analysis(json.loads(result.stdout))
    assert ways(model, "users") == ["ConnectionError", "Timeout", 404, 500]
    assert ways(model, "stock") == ["ConnectionError", "Timeout", 500, 503]
    assert ways(model, "elsewhere") == ["ConnectionError", "Timeout", 500, 502, 503]


def test_output_file_is_written(project: Project) -> None:
    """Its services are named on stderr."""
    project.app("services/users.py", 404)
    project.app("services/stock.py", 503)
    result = project.analyze("services", "-o", "analysis.json")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "stock: 500, 503\nusers: 404, 500\n"
    text = (project.path / "analysis.json").read_text()
    assert text == project.analyze("services").stdout == project.analyze("services", "-o-").stdout
    model = FaultModel.from_analysis_file(project.path / "analysis.json")
    assert ways(model, "users") == ["ConnectionError", "Timeout", 404, 500]
    assert sorted(os.listdir(project.path)) == ["analysis.json", "services"]


def test_failed_write_keeps_the_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    project.app("users.py", 404)
    project.write("analysis.json", "old")
    monkeypatch.setattr(Path, "replace", fails)
    result = project.analyze("users", "-o", "analysis.json")
    assert result.exit_code == 2
    assert "cannot write analysis.json: disk full" in result.stderr
    assert (project.path / "analysis.json").read_text() == "old"
    assert sorted(os.listdir(project.path)) == ["analysis.json", "users.py"]


@pytest.mark.parametrize("output", ["nowhere/analysis.json", "."])
def test_unusable_place_is_named(project: Project, output: str) -> None:
    project.app("users.py", 404)
    result = project.analyze("users", "-o", output)
    assert result.exit_code == 2
    assert f"Error: cannot write {output}: " in result.stderr


def test_link_stays_a_link(project: Project) -> None:
    project.app("users.py", 404)
    project.write("real.json", "old")
    (project.path / "analysis.json").symlink_to("real.json")
    assert project.analyze("users", "-o", "analysis.json").exit_code == 0
    assert (project.path / "analysis.json").is_symlink()
    assert "users" in (project.path / "real.json").read_text()


@pytest.mark.slow
def test_dev_stdout_is_not_replaced(project: Project) -> None:
    project.app("users.py", 404)
    expected = project.analyze("users").stdout
    command = [sys.executable, "-m", "flask", "filibuster", "analyze", "users", "-o", "/dev/stdout"]
    with open(project.path / "log", "w+", encoding="utf-8") as log:
        log.write("what was there before\n")
        log.flush()
        subprocess.run(command, cwd=project.path, stdout=log, timeout=60, check=True)
    assert (project.path / "log").read_text() == f"what was there before\n{expected}"


def test_prints_of_modules_go_to_stderr(project: Project) -> None:
    source = textwrap.dedent(APP.format(status=404))
    project.write("users.py", f"print('hello')\n{source}\napp.run()\n")
    project.write("made.py", FACTORY.format(name="create_app", arguments="", status=410))
    made = (project.path / "made.py").read_text()
    project.write("made.py", made.replace("app =", "print('making'); app ="))
    result = project.analyze("users", "made")
    assert set(statuses_in(json.loads(result.stdout))) == {"users", "made"}
    assert "hello\n" in result.stderr
    assert "making\n" in result.stderr


@pytest.mark.slow
def test_runs_without_any_app(project: Project) -> None:
    project.app("services/users/app.py", 404)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("FLASK_")}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "filibuster", "analyze", "services", "-o", "a.json"],
        cwd=project.path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "users: 404, 500\n")


def test_help_warns_of_running_code() -> None:
    result = CliRunner().invoke(cli, ["filibuster", "analyze", "--help"])
    assert result.exit_code == 0
    assert "which runs their code" in " ".join(result.stdout.split())
    listed = CliRunner().invoke(cli, ["filibuster", "--help"]).stdout
    assert "analyze" in listed


# --- where apps are found -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["create_app", "make_app"])
def test_factory_makes_a_missing_app(project: Project, name: str) -> None:
    project.write("users.py", FACTORY.format(name=name, arguments="debug=False", status=404))
    assert project.statuses("users") == {"users": [404, 500]}


def test_factory_is_not_called_needlessly(project: Project) -> None:
    factory = textwrap.dedent(FACTORY.format(name="create_app", arguments="", status=404))
    project.write("users.py", f"{factory}\napp = create_app()\ndel Flask\n")
    result = project.analyze("users")
    assert statuses_in(json.loads(result.stdout)) == {"users": [404, 500]}
    assert result.stderr == ""


def test_failing_factory_is_named(project: Project) -> None:
    """The other apps are analysed."""
    project.write("orders.py", FACTORY.format(name="create_app", arguments="config", status=404))
    project.write("stock.py", "def make_app():\n    raise RuntimeError('no database')\n")
    project.app("users.py", 404)
    result = project.analyze(".")
    assert result.exit_code == 0
    assert set(statuses_in(json.loads(result.stdout))) == {"users"}
    assert (
        "create_app() of orders is skipped; it raised TypeError: missing a required"
        in result.stderr
    )
    assert "make_app() of stock is skipped; it raised RuntimeError: no database\n" in result.stderr


MAPPING = """
    from flask import Flask, abort

    def made(status):
        app = Flask(__name__)
        app.add_url_rule("/", "index", lambda: abort(status))
        return app

    users, orders = made(404), made(409)
    SERVICES = {"http://users.internal:5001": users, "http://orders": orders, "http://x": "no app"}
"""


@pytest.mark.parametrize(
    "services",
    [
        "filibuster_services = SERVICES",
        "def filibuster_services():\n    return SERVICES",
    ],
    ids=["mapping", "function"],
)
def test_mapped_services_have_host_names(project: Project, services: str) -> None:
    project.write("mesh.py", f"{textwrap.dedent(MAPPING)}\n{services}\n")
    assert project.statuses("mesh") == {"users.internal": [404, 500], "orders": [409, 500]}


def test_given_names_are_kept(project: Project) -> None:
    extension = """
    from flask_filibuster import Filibuster
    Filibuster(app, service_name="front")
    filibuster_services = {"http://other:5001": app}
    """
    project.write("one.py", textwrap.dedent(APP.format(status=404)) + textwrap.dedent(extension))
    config = "app.config['FILIBUSTER_SERVICE_NAME'] = 'back'\n"
    project.write("two.py", textwrap.dedent(APP.format(status=409)) + config)
    assert project.statuses("one", "two") == {"front": [404, 500], "back": [409, 500]}


def test_services_without_mapping_are_named(project: Project) -> None:
    project.app("users.py", 404)
    source = (project.path / "users.py").read_text()
    project.write("users.py", f"{source}\nfilibuster_services = 7\n")
    result = project.analyze("users")
    assert result.exit_code == 0
    assert "filibuster_services in users is skipped; it must be a mapping" in result.stderr


def test_directories_name_services(project: Project) -> None:
    project.app("services/users/app.py", 404)
    project.app("services/order-book/wsgi.py", 409)
    project.app("services/stock/__init__.py", 410)
    project.app("services/movies/src/app.py", 418)
    project.app("services/movies/__init__.py", 451)
    assert project.statuses("services") == {
        "users": [404, 500],
        "order-book": [409, 500],
        "stock": [410, 500],
        "movies": [451, 500],
    }


def test_single_directory_names_its_service(project: Project) -> None:
    project.app("users/app.py", 404)
    for target in ("users", "users/", "./users", str(project.path / "users")):
        assert project.statuses(target) == {"users": [404, 500]}


def test_equal_module_names_do_not_mix(project: Project) -> None:
    """Of different services."""
    for name, status in ("users", 404), ("orders", 409):
        project.write(f"services/{name}/helpers.py", f"STATUS = {status}\n")
        project.write(f"services/{name}/views/__init__.py", "from helpers import STATUS\n")
        project.write(
            f"services/{name}/app.py",
            """
            from flask import Flask
            import common
            from views import STATUS

            app = Flask(__name__)

            @app.get("/")
            def index():
                import helpers
                return "", helpers.STATUS if common else STATUS
            """,
        )
    project.write("services/common.py", "")
    assert project.statuses("services") == {"users": [404, 500], "orders": [409, 500]}


def test_links_to_services_are_followed(project: Project) -> None:
    for name, status in ("one", 404), ("two", 409):
        project.write(f"elsewhere/{name}/helpers.py", f"STATUS = {status}\n")
        source = textwrap.dedent(APP.format(status="helpers.STATUS"))
        project.write(f"elsewhere/{name}/app.py", f"import helpers\n{source}")
    project.app("elsewhere/three.py", 410)
    (project.path / "services").mkdir()
    for link, place in ("users", "one"), ("orders", "two"), ("stock.py", "three.py"):
        (project.path / "services" / link).symlink_to(project.path / "elsewhere" / place)
    expected = {"users": [404, 500], "orders": [409, 500], "stock": [410, 500]}
    assert project.statuses("services") == expected
    (project.path / "link").symlink_to("services")
    assert project.statuses("link") == expected


def test_package_imports_from_itself(project: Project) -> None:
    project.write("services/users/__init__.py", "")
    project.write("services/users/errors.py", "GONE = 410\n")
    project.write("services/users/helpers.py", "")
    project.write(
        "services/users/app.py",
        """
        from flask import Flask
        import helpers
        from .errors import GONE
        from users import errors

        app = Flask(__name__)

        @app.get("/")
        def index():
            return "", errors.GONE
        """,
    )
    assert project.statuses("services") == {"users": [410, 500]}
    assert project.statuses("services/users") == {"users": [410, 500]}


def test_shared_app_is_one_service(project: Project) -> None:
    project.app("users/app.py", 404)
    project.write("users/wsgi.py", "from app import app\napplication = app\n")
    project.write("users/__main__.py", "raise SystemExit('started')\n")
    result = project.analyze("users")
    assert statuses_in(json.loads(result.stdout)) == {"users": [404, 500]}
    assert result.stderr == ""


def test_app_made_twice_is_one_service(project: Project) -> None:
    project.write("users/app.py", FACTORY.format(name="create_app", arguments="", status=404))
    project.write("users/wsgi.py", "from app import create_app\napp = create_app()\n")
    result = project.analyze("users")
    assert statuses_in(json.loads(result.stdout)) == {"users": [404, 500]}
    assert result.stderr == ""


def test_apps_with_one_name_are_united(project: Project) -> None:
    project.app("old/users/app.py", 404)
    project.app("new/users/app.py", 410)
    result = project.analyze("old", "new")
    assert statuses_in(json.loads(result.stdout)) == {"users": [404, 410, 500]}
    assert result.stderr == (
        f"users: several apps have this name; the result combines those of "
        f"app in {project.path}/old/users, "
        f"app in {project.path}/new/users\n"
    )


def test_tests_and_setup_scripts_are_skipped(project: Project) -> None:
    project.app("services/users.py", 404)
    for name in ("setup.py", "conftest.py", "test_users.py", "users_test.py", ".hidden.py"):
        project.write(f"services/{name}", "raise RuntimeError('imported')\n")
    for name in ("tests", ".venv", "__pycache__"):
        project.write(f"services/{name}/app.py", "raise RuntimeError('imported')\n")
    result = project.analyze("services")
    assert result.exit_code == 0
    assert result.stderr == ""


def test_odd_objects_are_no_apps(project: Project) -> None:
    project.app("users.py", 404)
    source = (project.path / "users.py").read_text()
    odd = "class Odd:\n    __class__ = property(lambda self: 1 / 0)\nodd = Odd()\n"
    project.write("users.py", f"from flask import current_app, g\n{source}\n{odd}")
    assert project.statuses("users") == {"users": [404, 500]}


# --- what cannot be analyzed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def (", "SyntaxError: "),
        ("import sys\nsys.path.clear()\nimport nowhere_at_all", "ModuleNotFoundError"),
    ],
    ids=["missing", "exit", "error", "syntax", "path"],
)
def test_failing_import_is_named(project: Project, source: str, reason: str) -> None:
    project.app("services/users.py", 404)
    project.write("services/broken/app.py", source)
    result = project.analyze("services")
    assert result.exit_code == 0
    assert set(statuses_in(json.loads(result.stdout))) == {"users"}
    broken = project.path / "services" / "broken"
    assert result.stderr.startswith(f"app is skipped in {broken}; it cannot be imported: {reason}")


def test_taken_module_name_is_named(project: Project) -> None:
    project.app("services/users.py", 404)
    project.app("services/json.py", 404)
    result = project.analyze("services")
    assert set(statuses_in(json.loads(result.stdout))) == {"users"}
    assert "json is skipped" in result.stderr
    assert "its name already belongs to " in result.stderr


@pytest.mark.parametrize("target", ["nowhere", "nowhere/", "..x", "empty", "users.py"])
def test_no_app_is_wrong_usage(project: Project, target: str) -> None:
    (project.path / "empty").mkdir()
    result = project.analyze(target)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"Error: no Flask app found in {target}; name a directory" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_no_target_is_wrong_usage(project: Project) -> None:
    result = project.analyze()
    assert result.exit_code == 2
    assert "Missing argument 'TARGET...'" in result.stderr


@pytest.mark.slow
def test_too_many_services_are_refused(project: Project) -> None:
    project.write(
        "many.py",
        """
        from flask import Flask

        filibuster_services = {f"http://service-{n}:5000": Flask("x") for n in range(1_000)}
        """,
    )
    result = project.analyze("many")
    assert result.exit_code == 2
    assert "Error: this model cannot be written: its patterns are too long" in result.stderr


# --- what is no plain module ----------------------------------------------------------------------

ODD = """
    import sys
    from flask import Flask, abort

    class Odd:
        __class__ = property(lambda self: type(sys))
        def __getattr__(self, name):
            raise RuntimeError(name)

    odd = Odd()
    odd.app = Flask(__name__)

    @odd.app.get("/")
    def index():
        abort(410)

    sys.modules[__name__] = odd
"""


IMPORTS_ODD = """
    import sys, types

    class Lazy(types.ModuleType):
        def __getattribute__(self, name):
            raise RuntimeError(name)

    class Path:
        def __iter__(self):
            raise KeyError("above")

    sys.modules["analysed_lazy"] = Lazy("analysed_lazy")
    sys.modules["analysed_gone"] = types.ModuleType("analysed_gone")
    sys.modules["analysed_gone"].__path__ = Path()
    sys.modules["analysed_number"] = 5
"""


def test_a_service_may_import_odd_modules(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("analysed_lazy", "analysed_gone", "analysed_number"):
        monkeypatch.setitem(sys.modules, name, sys)  # and put back afterwards
    project.app("services/users.py", 404)
    project.write("services/stock.py", IMPORTS_ODD + APP.format(status=503))
    path, modules = list(sys.path), set(sys.modules)
    result = CliRunner().invoke(cli, ["filibuster", "analyze", "services"])
    assert result.exit_code == 0, result.output
    assert statuses_in(json.loads(result.stdout)) == {"users": [404, 500], "stock": [500, 503]}
    assert sys.path == path
    assert set(sys.modules) == modules


def test_service_may_replace_its_module(project: Project) -> None:
    project.write("services/odd.py", ODD)
    assert project.statuses("services") == {"odd": [410, 500]}
