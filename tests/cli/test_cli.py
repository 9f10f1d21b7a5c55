"""The command line, as a developer uses it: in a directory with an app and its services."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from flask.cli import cli

from tests.support import shops
from tests.support.processes import forget
from tests.support.shops import ANALYSIS, Project, replay_of, run_flask
from tests.support.timing import without_times

EXAMPLE = Path(__file__).parents[2] / "example_app.py"

project = shops.project


# --- explore: the example -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explored_example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The first command of the README, in a process of its own."""
    path = tmp_path_factory.mktemp("example")
    shutil.copy(EXAMPLE, path)
    arguments = ["--app", "example_app", "filibuster", "explore", "/products/tea"]
    return path, run_flask(path, *arguments)


@pytest.mark.slow
def test_example_has_these_bugs(explored_example: tuple[Path, Any]) -> None:
    _, done = explored_example
    assert done.returncode == 1
    bugs = done.stdout.split("\n\n")
    first, second = bugs[1], next(each for each in bugs if "\n      answers 500 " in each)
    assert "1. uncaught exception" in first
    assert "at example_app.py:68, in recommended" in first
    assert "shop -> recommendations: GET http://recommendations:5007/for/tea" in first
    assert "raises Timeout" in first
    assert "at example_app.py:62, in rating_of" in second
    assert "shop -> reviews" in second
    assert "shop -> archive" in second
    assert re.search(r"\n\n\d\d bugs, 1 warning\n$", done.stdout)


@pytest.mark.slow
def test_output_is_plain(explored_example: tuple[Path, Any]) -> None:
    """Only progress is on stderr."""
    _, done = explored_example
    assert "\x1b" not in done.stdout + done.stderr
    assert re.fullmatch(r"\d+ executions, \d+ pruned, 0 to go, \d+/s\n", done.stderr)


@pytest.mark.slow
def test_printed_commands_replay_the_bugs(explored_example: tuple[Path, Any]) -> None:
    path, done = explored_example
    commands = re.findall(r"replay: flask (.*)", done.stdout)
    assert len(commands) > 10
    for command, where in (commands[0], "recommended"), (commands[-1], "rating_of"):
        replayed = run_flask(path, *shlex.split(command))
        assert replayed.returncode == 1
        assert "reproduced: Unhandled" in replayed.stdout
        assert f", in {where}\n" in replayed.stdout
        assert replayed.stderr == ""


# --- explore: what it says ------------------------------------------------------------------------


@pytest.mark.slow
def test_careful_app_has_no_bugs(project: Project) -> None:
    result = project.flask("explore", "/careful", "--no-journal")
    assert result.exit_code == 0
    assert result.stdout == (
        "GET /careful: 4 executions\n\n"
        "longest waits\n"
        "  shop, GET /careful: 1 s: 1 call to stock x 1 s\n"
        "    with stock Timeout\n\n"
        "nothing found\n"
    )
    assert not (project.path / ".filibuster").exists()
    assert project.flask("explore", "/careful").stdout == result.stdout
    files = sorted(file.name for file in (project.path / ".filibuster").iterdir())
    assert files == [".gitignore", "journal.sqlite3"]


def test_finding_has_place_and_fault(project: Project) -> None:
    result = project.flask("explore", "/careless")
    assert result.exit_code == 1
    assert re.search(
        r"""
1\. uncaught exception
  Unhandled ReadTimeout in shop, GET /careless: .*
    at shop\.py:\d+, in careless
  with this fault:
    shop -> stock: GET http://stock:5001/count
      called at shop\.py:\d+, in careless
      raises Timeout
  shown by 1 of 4 executions
  replay: flask --app shop filibuster replay \.filibuster/\w+\.json
""",
        result.stdout,
    )
    assert result.stdout.endswith("\n1 bug\n")


def test_answer_500_is_a_finding(project: Project) -> None:
    result = project.flask("explore", "/passed-on")
    assert result.exit_code == 1
    assert "1. answer 500\n  shop answers 500 to GET /passed-on" in result.stdout
    assert "answers 500 Internal Server Error" in result.stdout


def test_missing_timeout_is_a_warning(project: Project) -> None:
    result = project.flask("explore", "/patient")
    assert result.exit_code == 0
    assert "warnings\n  shop calls GET http://stock:5001/count without a timeo" in result.stdout
    assert result.stdout.endswith("\n\n1 warning\n")


@pytest.mark.slow
def test_broken_answer_can_be_replayed(project: Project) -> None:
    result = project.flask("explore", "/streamed")
    assert result.exit_code == 1
    assert "1. uncaught exception\n  Unhandled ConnectionError in shop, GET /st" in result.stdout
    assert "\n  no complete answer: ChunkedEncodingError: " in result.stdout
    assert "raises ConnectionError" in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 200
    replayed = project.flask(*replay_of(result.stdout))
    assert replayed.exit_code == 1
    assert "reproduced: ChunkedEncodingError" in replayed.stdout
    failures = project.explored("/streamed")["failures"]
    assert [each["faults"][0]["exception"] for each in failures] == ["ConnectionError", "Timeout"]
    for failure in failures:
        assert failure["replay"].startswith("flask --app shop filibuster replay")


def test_json_is_alone_on_stdout(project: Project) -> None:
    result = project.flask("explore", "/careless", "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["version"] == 3
    assert data["ok"] is False
    assert data["executed"] == data["generated"] == len(data["executions"]) == 4
    (finding,) = data["findings"]
    assert finding["kind"] == "uncaught exception"
    assert finding["site"]["function"] == "careless"
    assert finding["replay"].startswith("flask --app shop filibuster replay .filibuster/")
    (fault,) = finding["faults"]
    assert (fault["source"], fault["service"], fault["method"]) == ("shop", "stock", "GET")
    assert (fault["exception"], fault["status"], fault["abort"]) == ("Timeout", None, True)
    assert data["executions"][0]["answers"] == ["200"]
    assert project.explored("/careful")["ok"] is True


@pytest.mark.slow
def test_failing_path_is_not_explored(project: Project) -> None:
    result = project.flask("explore", "/nowhere")
    assert result.exit_code == 2
    assert "Incomplete: The fault-free execution failed, so no fault was injected" in result.stdout
    assert "no fault was injected: the answer is 404" in result.stdout
    assert "check the path, --method, --header, --json-body" in result.stdout
    assert "bug" not in result.stdout
    assert project.flask("explore", "/nowhere", "--json").exit_code == 2


def test_broken_path_is_reported(project: Project) -> None:
    result = project.flask("explore", "/broken")
    assert result.exit_code == 2
    assert "Incomplete: The fault-free execution failed, so no fault was injected" in result.stdout
    assert "no fault was injected: the answer is 500" in result.stdout
    assert "--services" in result.stdout
    (failure,) = project.explored("/broken")["failures"]
    assert failure["faults"] == []
    assert failure["replay"] is None


def test_path_without_calls_proves_nothing(project: Project) -> None:
    result = project.flask("explore", "/alone")
    assert result.exit_code == 2
    assert "Incomplete: No fault injected: the fault-free execution made no call." in result.stdout
    assert "note: no call was seen" in result.stdout


def test_inconclusive_executions_exit_with_2(project: Project) -> None:
    result = project.flask("explore", "/moody", "--max-executions", "2")
    assert result.exit_code == 2
    assert "inconclusive executions\n  execution 2:" in result.stdout
    assert "the call was not made: shop -> stock" in result.stdout
    assert result.stdout.endswith("\n1 inconclusive execution\n")


@pytest.mark.slow
def test_colour_is_for_terminals(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless NO_COLOR is set."""
    assert "\x1b[" in project.flask("explore", "/careless", color=True).stdout
    assert "\x1b[" not in project.flask("explore", "/careless").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in project.flask("explore", "/careless", color=True).stdout
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[" in project.flask("explore", "/careless", color=True).stdout


@pytest.mark.slow
def test_progress_is_rewritten_on_terminals(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere it is one line."""
    elsewhere = project.flask("explore", "/careful").stderr
    assert re.fullmatch(r"4 executions, 0 pruned, 0 to go, \d+/s\n", elsewhere)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "200")
    for pause in ("INTERVAL", "SHARE"):
        monkeypatch.setattr(f"flask_filibuster.report.progress.{pause}", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--app", "shop", "filibuster", "explore", "/careful"], standalone_mode=False)
    forget(project.path)
    lines = terminal.getvalue().split("\r\x1b[K")
    assert lines[0] == ""
    assert [line.partition(",")[0] for line in lines[1:]] == [
        "1 execution",
        "1 execution",  # The fault-free one is repeated.
        "2 executions",
        "3 executions",
        "4 executions",
        "4 executions",
    ]
    state = r"\d executions?, 0 pruned, \d to go, \d+/s, about \d+ s left, 0 found(?:, now: (.*))?"
    under_way = [re.fullmatch(state, line) for line in lines[1:-1]]
    assert [match and match[1] for match in under_way] == [
        "no faults",
        "stock ConnectionError",
        "stock Timeout",
        "stock 500",
        None,
    ]
    assert all(under_way)
    assert re.fullmatch(r"4 executions, 0 pruned, 0 to go, \d+/s\n", lines[-1])
    assert terminal.getvalue().count("\n") == 1


@pytest.mark.slow
def test_verbose_shows_logs_of_apps(project: Project) -> None:
    source = (project.path / "shop.py").read_text()
    project.write("shop.py", f"print('printed on import')\n{source}")
    arguments = ["--app", "shop", "filibuster", "explore", "/careless", "--json"]
    arguments += ["--faults", "quick"]
    quiet = run_flask(project.path, *arguments)
    assert quiet.stderr.startswith("printed on import\n4 executions")
    assert quiet.stderr.count("\n") == 2
    verbose = run_flask(project.path, *arguments, "--verbose")
    for line in ("asking for the stock", "printed by the app", "Traceback"):
        assert line in verbose.stderr
    assert verbose.returncode == quiet.returncode == 1
    assert without_times(json.loads(verbose.stdout)) == without_times(json.loads(quiet.stdout))
    assert json.loads(project.flask("status", "--json").stdout)["extension"] is True


@pytest.mark.slow
def test_unwritable_counterexample_hides_no_finding(project: Project) -> None:
    project.write(".filibuster", "in the way")
    result = project.flask("explore", "/careless")
    assert result.exit_code == 1
    assert "uncaught exception" in result.stdout
    assert "replay: " not in result.stdout
    assert "cannot write the counterexample:" in result.stderr


# --- explore: what is requested -------------------------------------------------------------------


def test_request_options_reach_the_app(project: Project) -> None:
    result = project.flask(
        "explore",
        "/orders",
        "--method",
        "post",
        "--json-body",
        '{"item": "tea"}',
        "--header",
        "Authorization: Bearer: x",
    )
    assert result.exit_code == 0
    assert result.stdout.startswith("POST /orders: 4 executions\n")


def test_a_replay_makes_the_same_request(project: Project) -> None:
    source = (project.path / "shop.py").read_text()
    project.write("shop.py", source.replace("return careful()", "return careless()"))
    result = project.flask(
        *("explore", "/orders?a=1", "--method", "POST", "--json-body", '{"item": "tea"}'),
        *("--header", "Authorization: Bearer: x"),
    )
    assert result.exit_code == 1
    replayed = project.flask(*replay_of(result.stdout))
    assert replayed.exit_code == 1
    assert replayed.stdout.startswith("POST /orders?a=1, with:\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param([], "Missing argument 'PATH'", id="no path"),
        pytest.param(["careful"], "it must begin with a slash, like /orders/7", id="no slash"),
        pytest.param(["http://shop/"], "it must begin with a slash", id="a URL"),
        pytest.param(["/", "--json-body", "{item}"], "not JSON: ", id="no JSON"),
        pytest.param(["/", "--header", "x"], "write it as 'Name: value'", id="no header"),
        pytest.param(["/", "--header", ": x"], "write it as 'Name: value'", id="no header name"),
        pytest.param(["/", "--header", "a b: x"], "write it as", id="space in a header name"),
        pytest.param(["/", "--header", "a: \u2603"], "write it as", id="not Latin-1"),
        pytest.param(["/", "--header", "a: b\nc: d"], "write it as", id="two headers in one"),
        pytest.param(["/", "--method", "GE T"], "is not an HTTP method", id="method"),
        pytest.param(["/", "--max-faults", "0"], "'0' is not a whole number", id="max faults"),
        pytest.param(["/", "--max-executions", "x"], "'x' is not a whole number", id="number"),
        pytest.param(["/", "--reduction", "all"], "'all' is not one of", id="reduction"),
        pytest.param(["/", "--services", "shop"], "'shop' is not 'module:name'", id="no colon"),
        pytest.param(["/", "--services", "shop:none"], "has no attribute 'none'", id="no mapping"),
        pytest.param(["/", "--services", "none:none"], "No module named 'none'", id="no module"),
        pytest.param(
            ["/", "--services", "broken_import:x"],
            "broken_import:x cannot be imported: ZeroDivisionError: division by zero (at ",
            id="a module that fails",
        ),
        pytest.param(["/", "--services", "shop:STOCK"], "it must be a mapping", id="a string"),
        pytest.param(["/", "--services", "shop:app"], "it must be a mapping", id="an app"),
        pytest.param(
            ["/", "--services", "shop:make_services_of"],
            "shop:make_services_of() cannot be called: missing a required argument",
            id="a function of something",
        ),
    ],
)
def test_mistakes_exit_with_2(project: Project, arguments: list[str], complaint: str) -> None:
    project.write("broken_import.py", "1 / 0")
    result = project.flask("explore", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)


def test_help_explains_commands_and_exit_codes(project: Project) -> None:
    group = project.flask("--help")
    assert "..." not in group.stdout.partition("Commands:")[2]
    for command in ("status", "explore", "replay"):
        assert re.search(rf"^  {command} +\w", group.stdout, re.MULTILINE)
        helped = project.flask(command, "--help")
        assert helped.exit_code == 0
        assert "Exit code 0" in helped.stdout
    assert "--max-faults N " in project.flask("explore", "--help").stdout


# --- explore: limits and faults -------------------------------------------------------------------


@pytest.mark.slow
def test_options_win_over_configuration(project: Project) -> None:
    assert project.explored("/careful", "--max-executions", "3")["executed"] == 3
    limited = project.explored("/careful", "--max-executions", "3")["not_run"]
    assert limited == {"max_executions": 1, "max_faults": 0}
    project.shop("FILIBUSTER_MAX_EXECUTIONS=2")
    assert project.explored("/careful")["executed"] == 2
    assert project.explored("/careful", "--max-executions", "4")["executed"] == 4
    result = project.flask("explore", "/careful")
    assert "2 executions, at least 2 not run (max_executions)" in result.stdout


@pytest.mark.slow
def test_reduction_and_max_faults_work(project: Project) -> None:
    shutil.copy(EXAMPLE, project.path)
    pruned = project.explored(
        "/products/tea", "--faults", "quick", "--max-faults", "1", app="example_app"
    )
    assert pruned["not_run"]["max_faults"] > 0
    sets = [[fault["service"] for fault in each["faults"]] for each in pruned["executions"]]
    assert max(map(len, sets)) == 2
    # What is only called because of another failure: the second attempt, and the fallback.
    assert {tuple(each) for each in sets if len(each) == 2} == {
        ("taxes", "taxes"),
        ("taxes", "rates"),
        ("rates", "taxes"),
        ("rates", "rates"),
        ("reviews", "archive"),
    }
    everything = project.explored(
        *("/products/tea", "--faults", "quick", "--reduction", "none", "--max-faults", "1"),
        app="example_app",
    )
    assert everything["pruned"] == 0
    assert everything["executed"] == pruned["generated"]


def test_configured_analysis_file_is_used(project: Project) -> None:
    project.write("analysis.json", json.dumps(ANALYSIS))
    project.shop("FILIBUSTER_ANALYSIS_FILE='analysis.json'")
    faults = [each["faults"] for each in project.explored("/careful")["executions"]]
    assert [(one["exception"], one["status"]) for each in faults for one in each] == [
        ("ConnectionError", None),
        (None, 418),
    ]


# --- explore: the app and its services ------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["shop", "shop:app", "shop.py", "shop.py:app", "{directory}/shop.py", "shop:make_app()"]
)
def test_app_is_replayed_as_named(project: Project, name: str) -> None:
    """In every form that Flask takes."""
    source = (project.path / "shop.py").read_text()
    project.write("shop.py", f"{source}\ndef make_app():\n    return app\n")
    app = name.format(directory=project.path)
    result = project.flask("explore", "/careless", app=app)
    assert result.exit_code == 1
    assert f"flask --app {shlex.quote(app)} filibuster replay" in result.stdout
    assert project.flask(*replay_of(result.stdout), app=app).exit_code == 1


@pytest.mark.slow
def test_unnamed_app_is_found(project: Project) -> None:
    (project.path / "shop.py").rename(project.path / "wsgi.py")
    assert project.explored("/careful", app=None)["executed"] == 4
    result = project.flask("explore", "/careless", app=None)
    assert result.exit_code == 1
    assert "replay: flask filibuster replay" in result.stdout


@pytest.mark.slow
def test_services_are_found_in_packages(project: Project) -> None:
    """However the app is named."""
    (project.path / "pages").mkdir()
    project.write("pages/__init__.py", "")
    (project.path / "shop.py").rename(project.path / "pages" / "web.py")
    for app in ("pages.web", "pages/web.py"):
        assert project.explored("/careful", app=app)["executed"] == 4


def test_services_are_found_beside_the_app(project: Project) -> None:
    """In the module that made it."""
    project.write("front.py", "from shop import app\n")
    assert project.explored("/careful", app="front")["executed"] == 4


@pytest.mark.slow
def test_app_has_its_url_among_services(project: Project) -> None:
    among = ("--services", "shop:make_services")
    failed = "no fault was injected: the answer is 404"
    assert failed not in project.flask("explore", "/host", *among).stdout
    assert failed in project.flask("explore", "/host").stdout


@pytest.mark.slow
@pytest.mark.parametrize("services", ["shop:filibuster_services", "shop:make_services"])
def test_services_may_come_from_functions(project: Project, services: str) -> None:
    project.write("front.py", "from shop import app\n")
    assert project.explored("/careful", "--services", services, app="front")["executed"] == 4


def test_named_services_are_replayed(project: Project) -> None:
    project.write("front.py", "from shop import app\n")
    result = project.flask("explore", "/careless", "--services", "shop:make_services", app="front")
    assert result.exit_code == 1
    assert project.flask(*replay_of(result.stdout), app="front").exit_code == 1


@pytest.mark.slow
def test_app_of_a_factory_is_explored(project: Project) -> None:
    project.write(
        "made.py",
        """
        import requests
        from flask import Flask
        from flask_filibuster import Filibuster
        from shop import filibuster_services

        filibuster = Filibuster()

        def create_app(name="made"):
            app = Flask(__name__)
            filibuster.init_app(app, service_name=name)

            @app.get("/")
            def page():
                return requests.get("http://stock:5001/count", timeout=1).text

            return app
        """,
    )
    result = project.flask("explore", "/", app="made:create_app('by-factory')")
    assert result.exit_code == 1
    assert "by-factory -> stock: GET http://stock:5001/count" in result.stdout
    assert "--app 'made:create_app('\"'\"'by-factory'\"'\"')'" in result.stdout
    assert project.flask("explore", "/", app="made").exit_code == 1


@pytest.mark.slow
def test_app_without_extension_is_explored(project: Project) -> None:
    project.shop(extension="")
    result = project.flask("explore", "/careless")
    assert result.exit_code == 1
    assert "Unhandled ReadTimeout in shop" in result.stdout


def test_disabled_extension_is_refused(project: Project) -> None:
    project.shop("FILIBUSTER_ENABLED=False")
    result = project.flask("explore", "/careless")
    assert result.exit_code == 2
    assert "FILIBUSTER_ENABLED is False in the config of the app 'shop'" in result.stderr


def test_missing_app_is_flasks_error(project: Project) -> None:
    (project.path / "shop.py").unlink()
    result = project.flask("explore", "/", app=None)
    assert result.exit_code == 2
    assert "Could not locate a Flask application" in result.stderr


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ((), "GET /front: "),
        (("--json",), "{"),
        (("--format", "json"), "{"),
        (("--format", "markdown"), "## GET /front: "),
    ],
    ids=["text", "json", "format json", "markdown"],
)
def test_report_has_the_format_asked_for(
    project: Project, options: tuple[str, ...], first: str
) -> None:
    assert project.flask("explore", "/front", *options).stdout.startswith(first)


def test_unknown_format_names_the_nearest(project: Project) -> None:
    done = project.flask("explore", "/front", "--format", "markdwn")
    assert done.exit_code == 2
    assert "did you mean 'markdown'?" in done.stderr
