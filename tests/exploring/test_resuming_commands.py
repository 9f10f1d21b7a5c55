"""``flask filibuster explore``, resumed, and run again where something has changed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest

from tests.support import shops
from tests.support.cases import in_earnest
from tests.support.shops import Project, run_flask

project = shops.project


@pytest.mark.slow
def test_command_counts_what_it_recalled(project: Project) -> None:
    first = project.flask("explore", "/careless", "--max-executions", "2")
    assert "2 executions, at least 2 not run (max_executions)" in first.stdout
    second = project.flask("explore", "/careless", "--resume")
    assert "4 executions (2 from the journal)\n" in second.stdout
    assert second.exit_code == 1
    third = project.flask("explore", "/careless", "--resume", "--json")
    assert json.loads(third.stdout)["recalled"] == 4
    assert len(json.loads(third.stdout)["failures"]) == 0
    assert (project.path / ".filibuster" / "journal.sqlite3").is_file()


@pytest.mark.slow
def test_request_contents_name_the_exploration(project: Project) -> None:
    right = ["--method", "POST", "--header", "Authorization: Bearer: x", "--json-body"]
    first = project.explored("/orders", *right, '{"item": "tea"}')
    assert first["recalled"] == 0
    other = project.flask("explore", "/orders", *right, '{"item": "salt"}', "--resume")
    assert "no fault was injected: the answer is 400" in other.stdout
    again = project.explored("/orders", *right, '{"item": "tea"}', "--resume")
    assert again["recalled"] == again["executed"] == first["executed"]


@pytest.mark.slow
def test_edits_during_executions_are_noticed(project: Project) -> None:
    project.write("shared.py", "")
    project.write(
        "editing.py",
        """
        import pathlib
        import requests
        from flask import Flask

        app, back = Flask("front"), Flask("back")

        @app.get("/")
        def index():
            path = pathlib.Path("late.py")
            path.write_text(path.read_text() + "\\n")
            try:
                return requests.get("http://late:5001/", timeout=1).text
            except requests.RequestException:
                return "none"
        """,
    )
    project.write(
        "late.py",
        """
        from flask import Flask

        app = Flask("late")
        app.add_url_rule("/", view_func=lambda: "late")
        """,
    )
    project.write("services.py", 'import late\nmapping = {"http://late:5001": late.app}')
    always = ("/", "--services", "services:mapping")
    first = project.explored(*always, app="editing")
    second = project.explored(*always, "--changed", app="editing")
    # Late took part in the execution without faults.
    assert second["recalled"] == first["executed"] - 1


@pytest.mark.slow
def test_only_changes_run_again(project: Project) -> None:
    """The page of books asks the stock and the authors, which are modules of their own."""
    for name in ("stock", "authors"):
        project.write(
            f"{name}.py",
            f"""
            from flask import Flask
            import log

            app = Flask("{name}")

            @app.get("/")
            def index():
                log.note("{name}")
                return "{name}"
            """,
        )
    project.write(
        "log.py",
        """
        def note(what):
            with open("runs", "a") as file:
                print(what, file=file)
        """,
    )
    project.write(
        "books.py",
        """
        import requests
        from flask import Flask

        app = Flask("books")

        @app.get("/")
        def index():
            try:
                requests.get("http://stock:5001/", timeout=1).raise_for_status()
            except requests.RequestException:
                return "no stock", 503
            try:
                return requests.get("http://authors:5002/", timeout=1).text
            except requests.RequestException:
                return "nobody"
        """,
    )
    project.write(
        "services.py",
        """
        import authors, stock

        mapping = {"http://stock:5001": stock.app, "http://authors:5002": authors.app}
        """,
    )
    always = ("--reduction", "none", "--services", "services:mapping")

    def run(*arguments: str) -> tuple[dict[str, Any], list[str]]:
        (project.path / "runs").unlink(missing_ok=True)
        data = project.explored("/", *always, *arguments, app="books")
        runs = project.path / "runs"
        return data, runs.read_text().split() if runs.exists() else []

    whole, runs = run()
    # Without faults, twice; stock fails in three ways; it does not, and authors fails in three.
    assert (whole["executed"], whole["recalled"]) == (7, 0)
    assert Counter(runs) == {"stock": 5, "authors": 2}
    same, runs = run("--changed")
    assert (same["executed"], same["recalled"], runs) == (7, 7, [])
    path = project.path / "authors.py"
    path.write_text(path.read_text() + "\n# Another line.\n")
    changed, runs = run("--changed")
    # It handled a request only where neither failed.
    assert (changed["executed"], changed["recalled"]) == (7, 6)
    assert Counter(runs) == {"stock": 2, "authors": 2}
    path = project.path / "log.py"
    path.write_text(path.read_text() + "\n# It is imported by both.\n")
    changed, runs = run("--changed")
    assert (changed["executed"], changed["recalled"]) == (7, 3)
    for each in (whole, same, changed):
        assert [one["faults"] for one in each["executions"]] == [
            one["faults"] for one in whole["executions"]
        ]


@pytest.mark.slow
def test_failures_run_again_unchanged(project: Project) -> None:
    first = project.explored("/careless")
    second = project.explored("/careless", "--changed")
    crashed = [each for each in first["executions"] if each["answers"] == ["500"]]
    assert crashed
    assert second["recalled"] == first["executed"]  # The test itself, a request, has passed.
    assert second["findings"] == first["findings"]


@pytest.mark.parametrize(
    "arguments",
    [("--resume", "--changed"), ("--resume", "--no-journal"), ("--journal", "x", "--no-journal")],
    ids=" ".join,
)
def test_contradicting_options_are_refused(project: Project, arguments: tuple[str, ...]) -> None:
    result = project.flask("explore", "/careful", *arguments)
    assert result.exit_code == 2
    assert "journal" in result.stderr or "choose one" in result.stderr


def test_damaged_journal_exits_with_2(project: Project) -> None:
    """And is untouched."""
    project.write("journal", "no journal")
    result = project.flask("explore", "/careful", "--journal", "journal")
    assert result.exit_code == 2
    assert "journal" in result.stderr
    assert "move it away" in result.stderr
    assert (project.path / "journal").read_text() == "no journal"


def test_without_a_journal_nothing_is_written(project: Project) -> None:
    assert project.flask("explore", "/careful", "--no-journal").exit_code == 0
    assert not (project.path / ".filibuster").exists()
    project.shop("FILIBUSTER_JOURNAL=None")
    assert project.flask("explore", "/careful").exit_code == 0
    assert not (project.path / ".filibuster").exists()
    refused = project.flask("explore", "/careful", "--resume")
    assert refused.exit_code == 2
    assert "FILIBUSTER_JOURNAL is None" in refused.stderr


SLOW = """
    import time
    import requests
    from flask import Flask

    app, back = Flask("front"), Flask("back")

    @app.get("/")
    def index():
        parts = []
        for number in range(4):
            try:
                parts.append(requests.get(f"http://back:5001/{number}", timeout=1).status_code)
            except requests.RequestException:
                parts.append(None)
        return parts

    @back.get("/<int:number>")
    def part(number):
        time.sleep(0.01)
        return "part"

    filibuster_services = {"http://back:5001": back}
"""


@pytest.mark.slow
def test_interrupted_command_can_be_resumed(project: Project) -> None:
    project.write("slow.py", SLOW)
    command = [sys.executable, "-m", "flask", "--app", "slow", "filibuster", "explore", "/"]
    with subprocess.Popen(
        [*command, "--faults", "quick", "--reduction", "none"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        journal = project.path / ".filibuster" / "journal.sqlite3-wal"
        deadline = time.monotonic() + 30
        while not (journal.exists() and journal.stat().st_size > 100_000):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "interrupted after" in err
    assert "to continue, repeat the command with --resume" in err
    assert "Traceback" not in err
    counts = out.splitlines()[0]
    assert "not run (interrupted)" in counts
    executed = int(counts.split(": ")[1].split()[0])
    assert executed > 1
    resumed = project.explored(
        "/", "--reduction", "none", "--resume", "--max-executions", str(executed + 2), app="slow"
    )
    assert resumed["recalled"] in (executed, executed + 1)
    assert resumed["executed"] == executed + 2


@in_earnest
@pytest.mark.slow
def test_exiting_app_ends_no_exploration(project: Project) -> None:
    source = SLOW.replace(
        "except requests.RequestException:",
        "except requests.Timeout:\n"
        "                raise SystemExit(0)\n"
        "            except requests.RequestException:",
    )
    project.write("ending.py", source)
    arguments = ("filibuster", "explore", "/", "--max-executions", "5", "--no-journal")
    for more in (), ("--workers", "1"):
        ran = run_flask(project.path, "--app", "ending", *arguments, *more)
        assert ran.returncode == 1, ran.stderr
        assert ran.stdout.startswith("GET /: 5 executions")
        assert "SystemExit: 0" in ran.stdout
