"""Explorations that are killed, interrupted and gone on with, and those of what has changed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, explore, was_fault_injected_on
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.trace import Trace
from flask_filibuster.errors import JournalError, SetupError
from flask_filibuster.journal.journal import Journal
from flask_filibuster.journal.recorder import Recorder
from flask_filibuster.report.text import error_line
from flask_filibuster.results.execution import Observation
from flask_filibuster.results.result import Result
from flask_filibuster.search.explorer import Explorer
from tests.support import shapes, shops, suites
from tests.support.applications import never
from tests.support.cases import cases
from tests.support.driving import run_all
from tests.support.killed_exploration import EXECUTIONS, explored, named
from tests.support.shops import Project, run_flask
from tests.support.simulation import FunctionalTest, Orderly, Service, Simulation, Step
from tests.support.suites import CAREFUL, CARELESS, Suite

KILLS = cases(25)

project = shops.project
suite = suites.suite


def told(result: Result) -> list[object]:
    """Everything in a result that does not depend on who ran what, and when."""
    return [
        [
            (each.number, named(each.faults), each.trace, each.verdict, each.purpose, each.problems)
            for each in result.executions
        ],
        [(named(each.faults), each.answer) for each in result.pruned],
        [
            (named(each.faults), [number.number for number in each.executions])
            for each in result.failures
        ],
        [None if each.error is None else error_line(each.error) for each in result.executions],
        replace(result, executions=(), pruned=(), recalled=0),
        [(each.kind, each.message, each.executions) for each in result.findings],
    ]


def kill_after(executions: int, journal: Path, log: Path) -> list[str]:
    """Kill an exploration once it has begun that many executions; what it had begun by then."""
    command = [sys.executable, "-m", "tests.support.killed_exploration", str(journal), str(log)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        seen = 0
        while seen < executions:
            told = process.stdout.read(executions - seen)
            assert told, "it ended by itself"
            seen += len(told)
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
        assert process.wait() == -signal.SIGKILL
    return log.read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_killed_exploration_finds_the_same(tmp_path: Path) -> None:
    """It goes on where it was."""
    uninterrupted: list[str] = []
    expected = told(explored(None, lambda faults: uninterrupted.append(named(faults))))
    assert len(uninterrupted) == EXECUTIONS + 1
    points = random.Random(25).sample(range(2, EXECUTIONS), KILLS)

    def killed(point: int) -> list[str]:
        return kill_after(point, tmp_path / f"{point}.sqlite3", tmp_path / f"{point}.log")

    with ThreadPoolExecutor(4) as several:
        before = dict(zip(points, several.map(killed, points), strict=True))
    for point in points:
        assert len(before[point]) >= point
        rest: list[str] = []
        result = explored(
            tmp_path / f"{point}.sqlite3",
            lambda faults, rest=rest: rest.append(named(faults)),  # type: ignore[misc]
            resume=True,
        )
        assert told(result) == expected
        # The one that was under way, at the most, is run for a second time.
        assert uninterrupted[: len(before[point])] == before[point]
        assert rest in (uninterrupted[len(before[point]) - extra :] for extra in (0, 1))


def test_what_is_complete_is_recalled_whole(tmp_path: Path) -> None:
    first = explored(tmp_path / "journal", lambda faults: None)
    again: list[object] = []
    second = explored(tmp_path / "journal", again.append, resume=True)
    assert again == []
    assert told(second) == told(first)
    assert (first.recalled, second.recalled) == (0, EXECUTIONS)


def test_retried_execution_is_recalled(
    tmp_path: Path,
) -> None:
    services: dict[str, Service] = {"page": Orderly(((Step("a"),),)), "a": Orderly()}
    simulation = Simulation(services, FunctionalTest(("page",), never))
    model = FaultModel(("ConnectionError",), default_statuses=(503,))
    ran: list[FaultSet] = []

    def run(faults: FaultSet) -> Observation:
        ran.append(faults)
        seen = simulation.run(faults)
        return Observation(Trace(), problems=("lost",)) if len(ran) == lost else seen

    def found() -> Result:
        with Journal(tmp_path / "journal") as journal:
            part = journal.begin("a test", resume=True)
            result = run_all(Explorer(model, recorder=Recorder(part), retries=1), run)
            part.finish("complete")
        return result

    lost = 2
    first = found()
    assert first.ok
    assert (len(ran), len(first.notes)) == (4, 1)
    again = found()
    assert len(ran) == 4
    assert told(again) == told(first)
    # What was lost for good is run again, in case it can be had now.
    ran, lost = [], 0
    (tmp_path / "journal").unlink()
    simulation_run = simulation.run
    with Journal(tmp_path / "journal") as journal:
        part = journal.begin("a test", resume=True)

        def losing(faults: FaultSet) -> Observation:
            seen = simulation_run(faults)
            return replace(seen, problems=("lost",)) if len(faults) else seen

        run_all(Explorer(model, recorder=Recorder(part), retries=1), losing)
        part.finish("complete")
    assert found().ok
    assert len(ran) == 2


# --- from Python ----------------------------------------------------------------------------------


def careless_services() -> dict[str, Flask]:
    """A front that has nobody catch a slow answer."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def index() -> str:
        try:
            return requests.get("http://back:5001/", timeout=1).text
        except requests.ConnectionError:
            return "default"

    @back.get("/")
    def data() -> str:
        return "data"

    return {"http://front:5000": front, "http://back:5001": back}


class Asking:
    """A test that counts how often it is run."""

    def __init__(self, url: str = "http://front:5000/") -> None:
        self.url = url
        self.runs = 0

    def __call__(self) -> None:
        self.runs += 1
        assert requests.get(self.url, timeout=30).status_code == 200


def test_explore_resumes_from_its_journal(tmp_path: Path) -> None:
    test, services = Asking(), careless_services()
    faults = FaultModel(default_statuses=(500,))
    journal = tmp_path / "journal.sqlite3"
    stopped = explore(test, services, faults, journal=journal, name="page", max_executions=2)
    assert (test.runs, len(stopped.executions), stopped.remaining) == (3, 2, 2)
    result = explore(test, services, faults, journal=journal, name="page", resume=True)
    assert test.runs == 3 + 2
    assert (len(result.executions), result.recalled) == (4, 2)
    (failure,) = result.failures
    assert error_line(failure.error).startswith("AssertionError: assert 500 == 200")
    explore(test, services, faults, journal=journal, name="another", resume=True)
    assert test.runs == 5 + 5, "what is kept is kept by name"


def test_other_options_recall_too(tmp_path: Path) -> None:
    answers = Asking("http://page:5000/page")
    services, faults = shapes.default_data(), shapes.FAULTS["default_data"]
    journal = tmp_path / "journal.sqlite3"
    reduced = explore(answers, services, faults, journal=journal, name="page")
    runs = answers.runs
    everything = explore(
        answers, services, faults, journal=journal, name="page", resume=True, reduction="none"
    )
    assert len(everything.executions) == 25
    assert answers.runs - runs == 25 - len(reduced.executions) > 0


def get_front() -> None:
    assert requests.get("http://front:5000/", timeout=30).status_code == 200


@pytest.mark.parametrize(
    "test", [partial(get_front), lambda: get_front(), Asking()], ids=["partial", "lambda", "object"]
)
@pytest.mark.parametrize("again", ["resume", "changed"])
def test_nameless_test_needs_a_name(tmp_path: Path, test: Callable[[], None], again: str) -> None:
    journal = tmp_path / "journal.sqlite3"
    explore(test, careless_services(), journal=journal)
    options: dict[str, Any] = {again: True}
    with pytest.raises(SetupError, match="give it one"):
        explore(test, careless_services(), journal=journal, **options)
    explore(get_front, careless_services(), journal=journal, **options)


def test_resume_contradicts_changed(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="changed"):
        explore(get_front, careless_services(), journal=tmp_path / "j", resume=True, changed=True)


def test_inconclusive_executions_run_again(tmp_path: Path) -> None:
    journal, services = tmp_path / "journal.sqlite3", careless_services()
    asked = []
    whims = [False, False, True, True]  # Inconclusive, and once more.

    @services["http://front:5000"].before_request
    def whim() -> str | None:
        asked.append(1)
        return "not today" if whims and whims.pop(0) else None

    first = explore(get_front, services, journal=journal)
    assert len(first.inconclusive) == 1
    runs = len(asked)
    second = explore(get_front, services, journal=journal, resume=True)
    assert not second.inconclusive
    assert len(asked) == runs + 1
    assert second.recalled == len(second.executions) - 1


def test_lost_reports_prevent_resuming(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        run = journal.begin("a test")
        run.record(FaultSet(), 1, Observation(Trace()), verdict="passed")
        run.finish("lost")
        assert journal.begin("a test", resume=True).recall(FaultSet(), 1) is None


def asking() -> None:
    requests.get("http://front:5000/", timeout=30)
    was_fault_injected_on("nowhere")


def test_recalled_executions_have_their_notes(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite3"
    first = explore(asking, careless_services(), journal=journal)
    second = explore(asking, careless_services(), journal=journal, resume=True)
    assert second.recalled == len(second.executions)
    assert first.notes == second.notes
    assert "was_fault_injected_on('nowhere') names a service" in first.notes[0]


@pytest.mark.parametrize("content", [b"not a database at all" * 400, b"SQLite format 3\0 cut"])
def test_damaged_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    journal = tmp_path / "journal.sqlite3"
    journal.write_bytes(content)
    with pytest.raises(JournalError, match=str(journal)):
        explore(get_front, careless_services(), journal=journal)
    assert journal.read_bytes() == content


# --- from the command line ------------------------------------------------------------------------


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


def test_request_contents_name_the_exploration(project: Project) -> None:
    right = ["--method", "POST", "--header", "Authorization: Bearer: x", "--json-body"]
    first = project.explored("/orders", *right, '{"item": "tea"}')
    assert first["recalled"] == 0
    other = project.flask("explore", "/orders", *right, '{"item": "salt"}', "--resume")
    assert "no fault was injected: the answer is 400" in other.stdout
    again = project.explored("/orders", *right, '{"item": "tea"}', "--resume")
    assert again["recalled"] == again["executed"] == first["executed"]


def test_edits_during_executions_are_noticed(
    project: Project,
) -> None:
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
        [*command, "--reduction", "none"],
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


@pytest.mark.slow
def test_exiting_app_ends_no_exploration(
    project: Project,
) -> None:
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


# --- with pytest ----------------------------------------------------------------------------------


def dying(source: str, body: int) -> str:
    """A test that kills its process the ``body``-th time that it is run, if a file is there."""
    return source.replace(
        '        note("body")\n',
        '        note("body")\n'
        "        import os, pathlib\n"
        '        count = pathlib.Path("notes").read_text().count("body")\n'
        f'        if count == {body} and pathlib.Path("deadly").exists():\n'
        '            pathlib.Path("deadly").unlink()\n'
        "            os.kill(os.getpid(), 9)\n",
    )


@pytest.mark.slow
@pytest.mark.parametrize("body", [1, 2, 3, 5])
def test_killed_session_has_same_summary(suite: Suite, body: int) -> None:
    """Once it is resumed."""
    expected = suite.run(CARELESS, "--no-filibuster-journal")
    suite.write(test_it=dying(CARELESS, body))
    (suite.path / "deadly").touch()
    killed = suite.elsewhere("-p", "no:cacheprovider")
    assert killed.code == -signal.SIGKILL
    assert killed.count("body") == body
    ran = suite.again("--filibuster-resume")
    assert ran.count("body") == 5 - (body - 1)
    assert ran.code == expected.code == 1
    (summary,) = expected.summary
    counts, verdict = summary.removeprefix("test_it.py::test_page: ").split(": ")
    recalled = {1: 0, 2: 1, 3: 1, 5: 3}[body]  # The second run is the repeat of the first.
    told = f" ({recalled} from the journal)" if recalled else ""
    assert ran.summary == [f"test_it.py::test_page: {counts}{told}: {verdict}"]
    assert ran.saw("E       assert 500 == 200")
    assert ran.saw("shown by 1 of 4 executions")


def test_complete_session_is_recalled_whole(suite: Suite) -> None:
    first = suite.run(CARELESS)
    assert first.count("body") == 5
    again = suite.again("--filibuster-resume")
    assert again.count("body") == 0
    assert again.code == first.code == 1
    assert "4 executions (4 from the journal): 2 bugs" in again.summary[0]
    for line in ("E       assert 500 == 200", "shown by 1 of 4 executions", "raises Timeout"):
        assert line in first.output
        assert line in again.output


@pytest.mark.slow
def test_unchanged_tests_do_not_run(
    suite: Suite,
) -> None:
    assert suite.run(CAREFUL).count("body") == 5
    ran = suite.elsewhere("--filibuster-changed")
    assert (ran.code, ran.count("body")) == (0, 0)
    assert "4 executions (4 from the journal): nothing found" in ran.summary[0]
    services = suite.path / "services.py"
    services.write_text(services.read_text() + "\n# Another line.\n")
    assert suite.again("--filibuster-changed").count("body") == 5
    assert suite.again("--filibuster-changed").count("body") == 0
    conftest = suite.path / "conftest.py"
    conftest.write_text(conftest.read_text() + "\n# Another line.\n")
    assert suite.again("--filibuster-changed").count("body") == 5
    suite.write(test_it=CAREFUL + "\n    # Another line.\n")
    assert suite.again("--filibuster-changed").count("body") == 5


BARE = """
    from flask import Flask

    app = Flask("{}")
    app.add_url_rule("/", view_func=lambda: "")
"""
SEVERAL = {
    "shop": """
        import requests
        from flask import Flask

        app = Flask("shop")

        @app.get("/")
        def index():
            for name in ("stock", "prices"):
                try:
                    requests.get(f"http://{name}:5001/", timeout=1).raise_for_status()
                except requests.RequestException:
                    return f"no {name}", 503
            return "all"
    """,
    "stock": BARE.format("stock"),
    "prices": BARE.format("prices"),
    "conftest": """
        import pytest
        import prices, shop, stock

        @pytest.fixture
        def filibuster_services():
            return {
                "http://shop:5000": shop.app,
                "http://stock:5001": stock.app,
                "http://prices:5001": prices.app,
            }
    """,
}


@pytest.mark.slow
def test_conftest_imports_are_no_dependencies(
    suite: Suite,
) -> None:
    """A conftest may import all services."""
    suite.write(**SEVERAL)
    source = """
        import pytest
        import requests

        @pytest.mark.filibuster(reduction="none")
        def test_page():
            assert requests.get("http://shop:5000/", timeout=9).status_code in (200, 503)
    """
    assert "7 executions: " in suite.run(source).summary[0]
    prices = suite.path / "prices.py"
    prices.write_text(prices.read_text() + "\n# Another line.\n")
    # Prices took part in the execution without faults alone: where it fails, it is not reached.
    ran = suite.elsewhere("--filibuster-changed")
    assert "7 executions (6 from the journal): " in ran.summary[0]


SKIPPING = CAREFUL.replace(
    "        assert answer",
    "        if filibuster.fault_injected:\n"
    '            pytest.skip("not this one")\n'
    "        assert answer",
).replace("def test_page():", "def test_page(filibuster):")


@pytest.mark.slow
def test_recalled_skips_are_counted(suite: Suite) -> None:
    first = suite.run(SKIPPING)
    assert "the test skipped 3 executions" in first.summary[1]
    for option in "--filibuster-resume", "--filibuster-changed":
        again = suite.elsewhere(option)
        assert again.count("body") == 0
        assert again.summary[1] == first.summary[1]


def test_interrupted_session_can_be_resumed(suite: Suite) -> None:
    source = CAREFUL.replace(
        '        note("body")\n',
        '        note("body")\n'
        "        import pathlib\n"
        '        if pathlib.Path("notes").read_text().count("body") == 3:\n'
        "            raise KeyboardInterrupt\n",
    )
    ran = suite.run(source)
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "test_it.py::test_page: 1 execution, " in ran.summary[0]
    assert "not run (interrupted): nothing proved" in ran.summary[0]
    assert "  to continue, use --filibuster-resume" in ran.summary
    suite.write(test_it=CAREFUL)
    assert suite.again("--filibuster-resume").count("body") >= 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("--filibuster-resume", "--filibuster-changed"),
        ("--filibuster-resume", "--no-filibuster-journal"),
        ("--filibuster-journal=x", "--no-filibuster-journal"),
        ("--filibuster-max-seconds=0",),
        ("--filibuster-audit=-1",),  # 0 switches off what a project switches on
    ],
    ids=" ".join,
)
def test_contradicting_pytest_options_are_refused(suite: Suite, arguments: tuple[str, ...]) -> None:
    assert suite.run(CAREFUL, *arguments).code == pytest.ExitCode.USAGE_ERROR


def test_damaged_journal_fails_marked_tests(suite: Suite) -> None:
    (suite.path / "broken").write_text("no journal")
    ran = suite.run(CAREFUL, "--filibuster-journal", "broken")
    assert ran.code == 1
    assert ran.count("body") == 0
    assert "broken" in ran.output
    assert "move it away" in ran.output
    assert (suite.path / "broken").read_text() == "no journal"


def test_unwritable_journal_prevents_no_exploration(
    suite: Suite,
) -> None:
    (suite.path / ".filibuster").write_text("in the way")
    ran = suite.run(CAREFUL)
    assert ran.code == 0
    assert ran.count("body") == 5
    assert "executions are not recorded" in ran.output
    assert suite.again("--filibuster-resume").code == 1


@pytest.mark.slow
def test_workers_of_xdist_share_a_journal(suite: Suite) -> None:
    suite.run(CAREFUL + CAREFUL.replace("test_page", "test_other").partition("note\n")[2])
    for arguments, bodies in ((), 10), (("--filibuster-resume",), 0):
        ran = suite.elsewhere("-n", "2", *arguments)
        assert ran.code == 0, ran.output
        assert ran.count("body") == bodies


@pytest.mark.slow
def test_named_journal_is_where_named(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write(test_it=CAREFUL)
    below = suite.path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert suite.elsewhere("--filibuster-journal=here.sqlite3", "..").code == 0
    assert (below / "here.sqlite3").exists()
    assert not (suite.path / "here.sqlite3").exists()
    assert not (suite.path / ".filibuster").exists()
    # What nobody has named is at the root of the tests.
    assert suite.elsewhere("..").code == 0
    assert (suite.path / ".filibuster" / "journal.sqlite3").exists()
