"""Oracles: which there are, how they are chosen, and what those that are new look for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.typing import ResponseReturnValue

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.core.vocabulary import Severity
from flask_filibuster.errors import ConfigError
from flask_filibuster.results.findings import NONDETERMINISM, Finding
from flask_filibuster.results.oracles.base import Oracle, Seen, Sighting
from flask_filibuster.results.oracles.registry import Spec, oracles_of
from flask_filibuster.results.result import Result

OURS = {
    "uncaught exception": "error",
    "answer 500": "error",
    "no timeout": "warning",
    "no read timeout": "warning",
    "timeout too short": "warning",
    "repeated call": "warning",
    "nondeterminism": "warning",
    "reduction does not hold": "warning",
}


class Chatty(Oracle):
    """A handler makes calls at all."""

    name = "chatty"
    severity: Severity = "error"

    def look(self, seen: Seen) -> Iterator[Sighting]:
        for handling in seen.trace.handlings.values():
            if seen.calls.get(handling.index):
                yield Sighting((handling.service,), f"{handling.service} calls", handling.service)


@pytest.fixture(scope="module")
def careless() -> Result:
    """A page that crashes if its call, which has no timeout, fails."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def page() -> ResponseReturnValue:
        return requests.get("http://back:5001/").text

    back.add_url_rule("/", view_func=lambda: "fine")
    services = {"http://front:5000": front, "http://back:5001": back}
    model = FaultModel(("ConnectionError",), default_statuses=())
    return explore(lambda: requests.get("http://front:5000/"), services, model)


def judged(result: Result, spec: Spec) -> Result:
    return replace(result, oracles=oracles_of(spec))


def kinds(result: Result) -> list[str]:
    return [each.kind for each in result.findings]


class TestKnown:
    def test_each_has_a_page(self) -> None:
        known = oracles_of()
        assert OURS.items() <= {each.name: each.severity for each in known}.items()
        for oracle in known:
            assert "Why it matters" in oracle.page
            assert "How to mend it" in oracle.page
            assert oracle.name in repr(oracle)

    def test_names_are_unique(self) -> None:
        names = [each.name for each in oracles_of()]
        assert len(names) == len(set(names))


class TestSpec:
    def test_all_by_default(self, careless: Result) -> None:
        assert set(kinds(careless)) == {"uncaught exception", "no timeout"}

    @pytest.mark.parametrize("name", ["no timeout", "no-timeout", "No_Timeout"])
    def test_switch_off(self, careless: Result, name: str) -> None:
        assert kinds(judged(careless, [name])) == ["uncaught exception"]

    def test_bug_goes_with_its_oracle(self, careless: Result) -> None:
        assert careless.exit_code == 1
        assert judged(careless, ["uncaught exception"]).ok

    def test_add_object_class_or_place(self, careless: Result) -> None:
        for added in Chatty(), Chatty, f"{__name__}:Chatty":
            result = judged(careless, [added, "uncaught exception", "no timeout"])
            assert kinds(result) == ["chatty"]
            (bug,) = result.bugs
            assert bug.executions == (1, 2)
            assert not bug.faults

    def test_added_one_replaces(self, careless: Result) -> None:
        class Own(Chatty):
            name = "no timeout"
            severity = "note"

        result = judged(careless, [Own()])
        (message,) = [each.message for each in careless.findings if each.broken]
        assert {each.kind: (each.message, each.severity) for each in result.findings} == {
            "no timeout": ("front calls", "note"),
            "uncaught exception": (message, "error"),
        }
        assert "notes\n  front calls" in str(result)

    def test_what_the_search_observed(self, careless: Result) -> None:
        chance = Finding(NONDETERMINISM, "chance", "", None, FaultSet(), (1,), "warning")
        result = replace(careless, observed=(chance,))
        assert chance in result.findings
        assert chance not in judged(result, ["nondeterminism"]).findings

    @pytest.mark.parametrize(
        ("spec", "complaint"),
        [
            (["no timout"], "oracles is 'no timout'; .*did you mean 'no timeout'"),
            (["zzz"], r"oracles is 'zzz'; it must be the name of an .*\(known: answer 500,"),
            ("no timeout", "oracles is 'no timeout'; it must be a list of names"),
            ([7], "oracles is 7; it must be a list of names"),
            ([FaultModel], "it must be a list of names of oracles to switch off"),
            (["nowhere:Oracle"], "'nowhere:Oracle'; .*No module named 'nowhere'"),
            (["json:Oracle"], "'json:Oracle'; .*has no attribute 'Oracle'"),
        ],
        ids=["misspelt", "unknown", "one name", "number", "other class", "module", "attribute"],
    )
    def test_what_does_not_fit(self, spec: Spec, complaint: str) -> None:
        with pytest.raises(ConfigError, match=complaint):
            oracles_of(spec)


class TestInstalled:
    """Oracles of other packages, by entry points."""

    @pytest.fixture
    def install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        info = tmp_path / "chatter-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatter\nVersion: 1.0\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        return info / "entry_points.txt"

    def test_found(self, install: Path, careless: Result) -> None:
        install.write_text(f"[flask_filibuster.oracles]\nchatty = {__name__}:Chatty\n")
        assert "chatty" in kinds(judged(careless, []))
        assert "chatty" not in kinds(judged(careless, ["chatty"]))
        (own,) = [each for each in oracles_of() if each.name == "chatty"]
        assert own.page == "A handler makes calls at all."

    @pytest.mark.parametrize("place", ["nowhere:Oracle", "json:dumps"])
    def test_broken_one_is_named(
        self, install: Path, place: str, careless: Result, caplog: pytest.LogCaptureFixture
    ) -> None:
        install.write_text(f"[flask_filibuster.oracles]\nchatty = {place}\n")
        with caplog.at_level(logging.WARNING):
            assert kinds(judged(careless, [])) == kinds(careless)
        assert f"the oracle 'chatty' of chatter ({place}) cannot be loaded" in caplog.text

    def test_failing_one_takes_nothing_with_it(
        self, install: Path, careless: Result, caplog: pytest.LogCaptureFixture
    ) -> None:
        install.write_text(f"[flask_filibuster.oracles]\nchatty = {__name__}:Failing\n")
        with caplog.at_level(logging.WARNING):
            assert kinds(judged(careless, [])) == kinds(careless)
        assert caplog.text.count("the oracle 'chatty' of chatter") == 1
        assert "failed; it is ignored from now on" in caplog.text


class Failing(Chatty):
    """Fails at whatever it looks at."""

    def look(self, seen: Seen) -> Iterator[Sighting]:
        yield from super().look(seen)
        raise LookupError(seen)


def warned(timeout: object) -> list[str]:
    """What is found of a call with this timeout."""
    front, back = Flask("front"), Flask("back")

    @front.get("/")
    def page() -> ResponseReturnValue:
        try:
            return requests.get("http://back:5001/", timeout=timeout).text  # type: ignore[arg-type]
        except requests.RequestException:
            return "none"

    back.add_url_rule("/", view_func=lambda: "fine")
    services = {"http://front:5000": front, "http://back:5001": back}
    model = FaultModel(("ConnectionError",), default_statuses=())
    result = explore(lambda: requests.get("http://front:5000/"), services, model)
    return [f"{each.kind}: {each.message}" for each in result.findings]


class TestTimeouts:
    def test_connect_timeout_only(self) -> None:
        (found,) = warned((2, None))
        assert found == (
            "no read timeout: front calls GET http://back:5001/ without a read timeout "
            "(connect timeout 2 s)"
        )

    def test_none(self) -> None:
        expected = ["no timeout: front calls GET http://back:5001/ without a timeout"]
        assert warned(None) == warned((None, None)) == expected

    @pytest.mark.parametrize("timeout", [2, (2, 3), (None, 3)])
    def test_read_timeout(self, timeout: object) -> None:
        assert warned(timeout) == []


@pytest.mark.parametrize("name", ["answer 500", "answer-500", "no-answer-500", "no answer 500"])
def test_any_spelling_switches_off(name: str) -> None:
    assert "answer 500" not in [oracle.name for oracle in oracles_of([name])]


def test_no_is_removed_once() -> None:
    """The command line's "no" is no part of the oracle's name."""
    assert "timeout too short" in [oracle.name for oracle in oracles_of(["no-no-timeout"])]
    assert "no timeout" not in [oracle.name for oracle in oracles_of(["no-no-timeout"])]
