"""A counterexample is replayed by pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import suites
from tests.support.suites import CARELESS, SERVICES, Suite

suite, few_plugins, all_plugins = suites.suite, suites.few_plugins, suites.all_plugins
pytestmark = pytest.mark.usefixtures("few_plugins")


@pytest.mark.slow
def test_replay_shows_the_failure_alone(suite: Suite) -> None:
    found = suite.run(CARELESS + "\n    def test_other():\n        note('other')\n")
    ran = suite.elsewhere(*found.replay)
    assert ran.code == 1
    assert ran.notes == ["body"]
    assert "assert 500 == 200" in ran.output
    assert "raises Timeout" in ran.output
    assert ran.summary == [
        "test_it.py::test_page: 1 execution: reproduced: AssertionError: assert 500 == 200"
    ]


@pytest.mark.slow
def test_replay_deselects_all_other_tests(suite: Suite) -> None:
    found = suite.run(CARELESS + "\n    def test_other():\n        note('other')\n")
    ran = suite.again("--filibuster-replay", found.replay[-1])
    assert ran.outcomes == {"failed": 1, "deselected": 1}
    assert ran.count("other") == 0


@pytest.mark.slow
def test_replay_passes_after_the_fix(suite: Suite) -> None:
    found = suite.run(CARELESS)
    suite.write(services=SERVICES.replace("requests.ConnectionError", "requests.RequestException"))
    ran = suite.again(*found.replay)
    assert ran.code == 0
    (line,) = ran.summary
    assert line.startswith("test_it.py::test_page: 1 execution: not reproduced: the test passes")
    assert line.endswith("(recorded: AssertionError: assert 500 == 200)")


@pytest.mark.slow
def test_replay_without_its_call_fails(suite: Suite) -> None:
    found = suite.run(CARELESS)
    suite.write(services=SERVICES.replace("5001/data", "5001/other"))
    ran = suite.again(*found.replay)
    assert ran.code == 2
    assert "not reproduced: the faults could not be injected" in ran.output
    assert "the call was not made: front -> back" in ran.output
    assert ran.summary == [
        "test_it.py::test_page: 1 execution: not reproduced: the faults could not be injected"
    ]


@pytest.mark.slow
def test_skipped_replay_shows_nothing(suite: Suite) -> None:
    found = suite.run(CARELESS)
    suite.write(test_it=CARELESS.replace("assert", 'pytest.skip("known") if 1 else', 1))
    ran = suite.again(*found.replay)
    assert ran.outcomes == {"skipped": 1}
    assert ": not reproduced: the test is skipped (recorded:" in ran.summary[0]


@pytest.mark.slow
def test_replay_fits_the_working_directory(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    below = suite.path / "tests with space"
    below.mkdir()
    (suite.path / "conftest.py").rename(below / "conftest.py")
    suite.write(**{"tests with space/test_it": CARELESS})
    suite.pytester.syspathinsert(suite.path)
    from_above = suite.again("tests with space/test_it.py")
    assert from_above.replay[0] == "tests with space/test_it.py::test_page"
    assert from_above.replay[-1].startswith(".filibuster/")
    monkeypatch.chdir(below)
    from_below = suite.again("test_it.py")
    assert from_below.replay[0] == "test_it.py::test_page"
    assert Path(from_below.replay[-1]).parent == suite.path / ".filibuster"
    assert ": 1 execution: reproduced:" in suite.again(*from_below.replay).summary[0]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(None, "cannot read the counterexample", id="there is none"),
        pytest.param(b"\xff\xfe", "cannot read the counterexample", id="not text"),
        pytest.param(b"{", "cannot read the counterexample", id="not JSON"),
        pytest.param(b"[]", "not a counterexample of version 1", id="another JSON"),
        pytest.param(b'{"version": 99}', "its version: 99", id="of the future"),
        pytest.param(b'{"version": 1}', "is damaged", id="empty"),
    ],
)
def test_unusable_counterexample_is_wrong_usage(
    suite: Suite, content: bytes | None, complaint: str
) -> None:
    file = suite.path / "saved.json"
    if content is not None:
        file.write_bytes(content)
    ran = suite.run(CARELESS, "--filibuster-replay", "saved.json")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert complaint in ran.errors
    assert "saved.json" in ran.errors
    assert "Traceback" not in ran.errors + ran.output
    assert ran.notes == []


@pytest.mark.slow
def test_counterexample_of_a_command(suite: Suite) -> None:
    """It is refused with a hint."""
    found = suite.run(CARELESS)
    file = suite.path / found.replay[-1]
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"test": "GET /page", "details": {"request": {}}}))
    ran = suite.again(*found.replay)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "is a counterexample of GET /page, not of a test" in ran.errors
    assert "flask --app … filibuster replay .filibuster/" in ran.errors


@pytest.mark.slow
def test_counterexample_of_a_missing_test(suite: Suite) -> None:
    found = suite.run(CARELESS)
    ran = suite.run(CARELESS.replace("test_page", "test_renamed"), *found.replay[1:])
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "is a counterexample of test_it.py::test_page, which is not among the" in ran.errors


@pytest.mark.slow
def test_replay_contradicts_no_filibuster(suite: Suite) -> None:
    found = suite.run(CARELESS)
    ran = suite.again(*found.replay, "--no-filibuster")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "--no-filibuster contradicts --filibuster-replay" in ran.errors


@pytest.mark.slow
def test_unwritable_counterexample_hides_no_failure(
    suite: Suite,
) -> None:
    (suite.path / ".filibuster").write_text("in the way")
    ran = suite.run(CARELESS)
    assert ran.outcomes["failed"] == 1
    assert "replay: not possible: cannot write the counterexample" in ran.output
    assert "raises Timeout" in ran.output
