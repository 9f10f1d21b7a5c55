"""``flask filibuster replay``, and counterexamples that it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import shops
from tests.support.cases import in_earnest
from tests.support.shops import Project

project = shops.project


def test_reproduced_replay_exits_with_1(project: Project) -> None:
    result = project.flask(*project.found())
    assert result.exit_code == 1
    assert result.stderr == ""
    assert result.stdout.startswith(
        "GET /careless, with:\n  shop -> stock: GET http://stock:5001/count\n    called at shop.py:"
    )
    assert "    raises Timeout\nreproduced: Unhandled ReadTimeout in shop" in result.stdout
    assert re.search(r"  at shop\.py:\d+, in careless\n$", result.stdout)


def test_fixed_replay_exits_with_0(project: Project) -> None:
    replay = project.found()
    source = (project.path / "shop.py").read_text()
    project.write("shop.py", source.replace("requests.ConnectionError", "requests.Timeout"))
    result = project.flask(*replay)
    assert result.exit_code == 0
    assert "not reproduced: the app handles the faults (recorded: Unhandled ReadT" in result.stdout


def test_uninjected_replay_exits_with_2(project: Project) -> None:
    """The call is not made any more."""
    replay = project.found()
    source = (project.path / "shop.py").read_text()
    project.write("shop.py", source.replace("/count", "/number"))
    result = project.flask(*replay)
    assert result.exit_code == 2
    assert "not reproduced: the faults could not be injected" in result.stdout
    assert "the call was not made: shop -> stock" in result.stdout


@in_earnest
@pytest.mark.slow
def test_replay_of_missing_test(project: Project) -> None:
    """It exits with 2."""
    replay = project.found()
    file = project.path / replay[-1]
    content = json.loads(file.read_text())
    test = "tests/test_page.py::test_page[a b]"
    file.write_text(json.dumps(content | {"test": test, "details": {}}))
    result = project.flask(*replay)
    assert result.exit_code == 2
    assert result.stdout.startswith(f"{test}, with:\n")
    assert "not reproduced: the faults could not be injected" in result.stdout
    assert "file or directory not found: tests/test_page.py::test_page[a b]" in result.stdout


def test_missing_counterexample_is_named(project: Project) -> None:
    result = project.flask("replay", "nowhere.json")
    assert result.exit_code == 2
    assert "cannot read the counterexample nowhere.json" in result.stderr


def _damaged(content: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Copies of a counterexample with one thing in it that does not fit."""
    yield "another version", content | {"version": 99}
    for key in content.keys() - {"expected", "versions"}:
        yield (f"no {key}", {name: value for name, value in content.items() if name != key})
    for key in ("faults", "details"):
        for wrong in (None, 7, "text", [7], [None], ["text"]):
            yield f"{key} is {wrong}", content | {key: wrong}
    (fault,) = content["faults"]
    for key in fault:
        rest = {name: value for name, value in fault.items() if name != key}
        yield f"fault without {key}", content | {"faults": [rest]}
    for key, wrong in [
        ("execution_index", "x"),
        ("execution_index", 7),
        ("callsite", 7),
        ("fault", {}),
        ("fault", fault["fault"] | {"exception": "ValueError"}),
        ("fault", fault["fault"] | {"exception": None, "status": 7}),
    ]:
        yield f"fault with {key} {wrong}", content | {"faults": [fault | {key: wrong}]}
    details = content["details"]
    for key in details:
        rest = {name: value for name, value in details.items() if name != key}
        yield f"details without {key}", content | {"details": rest}
    requests: list[Any] = [None, 7, {}, [], details["request"] | {"headers": 7}]
    for request in requests:
        yield f"request is {request}", content | {"details": details | {"request": request}}
    yield "services is no name", content | {"details": details | {"services": 7}}


@pytest.mark.slow
def test_damaged_counterexample_exits_with_2(project: Project) -> None:
    """Without a traceback."""
    replay = project.found()
    file = project.path / replay[-1]
    content = json.loads(file.read_text())
    for what, damaged in _damaged(content):
        file.write_text(json.dumps(damaged))
        result = project.flask(*replay)
        assert result.exit_code == 2, what
        assert isinstance(result.exception, SystemExit), what
        assert "Error: " in result.stderr, what
    for text in ("", "{", "[]", "7", "null", "\x00"):
        file.write_text(text)
        assert project.flask(*replay).exit_code == 2
