"""Sessions of pytest, resumed, and run again where something has changed."""

from __future__ import annotations

import signal

import pytest

from tests.support import suites
from tests.support.cases import in_earnest, only_in_earnest
from tests.support.suites import CAREFUL, CARELESS, Suite

suite = suites.suite


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
@pytest.mark.parametrize(
    "body",
    [3, *(pytest.param(body, marks=only_in_earnest) for body in (1, 2, 5))],
)
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


@pytest.mark.slow
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
def test_unchanged_tests_do_not_run(suite: Suite) -> None:
    assert suite.run(CAREFUL).count("body") == 5
    ran = suite.again("--filibuster-changed")
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
def test_conftest_imports_are_no_dependencies(suite: Suite) -> None:
    """A conftest may import all services."""
    suite.write(**SEVERAL)
    source = """
        import pytest
        import requests

        @pytest.mark.filibuster(faults="quick", reduction="none")
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


@in_earnest
@pytest.mark.slow
def test_recalled_skips_are_counted(suite: Suite) -> None:
    first = suite.run(SKIPPING)
    assert "the test skipped 3 executions" in first.summary[1]
    for option in "--filibuster-resume", "--filibuster-changed":
        again = suite.elsewhere(option, "--filibuster-faults=quick")
        assert again.count("body") == 0
        assert again.summary[1] == first.summary[1]


@pytest.mark.slow
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


@pytest.mark.slow
def test_damaged_journal_fails_marked_tests(suite: Suite) -> None:
    (suite.path / "broken").write_text("no journal")
    ran = suite.run(CAREFUL, "--filibuster-journal", "broken")
    assert ran.code == 1
    assert ran.count("body") == 0
    assert "broken" in ran.output
    assert "move it away" in ran.output
    assert (suite.path / "broken").read_text() == "no journal"


@pytest.mark.slow
def test_unwritable_journal_prevents_no_exploration(suite: Suite) -> None:
    (suite.path / ".filibuster").write_text("in the way")
    ran = suite.run(CAREFUL)
    assert ran.code == 0
    assert ran.count("body") == 5
    assert "executions are not recorded" in ran.output
    assert suite.again("--filibuster-resume").code == 1


@in_earnest
@pytest.mark.slow
def test_workers_of_xdist_share_a_journal(suite: Suite) -> None:
    suite.run(CAREFUL + CAREFUL.replace("test_page", "test_other").partition("note\n")[2])
    for arguments, bodies in ((), 10), (("--filibuster-resume",), 0):
        ran = suite.elsewhere("-n", "2", "--filibuster-faults=quick", *arguments)
        assert ran.code == 0, ran.output
        assert ran.count("body") == bodies


@pytest.mark.slow
def test_named_journal_is_where_named(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write(test_it=CAREFUL)
    below = suite.path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert suite.again("--filibuster-journal=here.sqlite3", "..").code == 0
    assert (below / "here.sqlite3").exists()
    assert not (suite.path / "here.sqlite3").exists()
    assert not (suite.path / ".filibuster").exists()
    # What nobody has named is at the root of the tests.
    assert suite.again("..").code == 0
    assert (suite.path / ".filibuster" / "journal.sqlite3").exists()
