"""The reports of failing marked tests: pytest's own text, for a part of the time."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import pytest
from _pytest._code import code as pytests

from flask_filibuster.pytest_plugin.statements import statements_known
from tests.support import suites
from tests.support.cases import in_earnest, sample
from tests.support.suites import Suite

suite = suites.suite

code: Any = pytests

FAILING = """
    import pytest
    import requests

    def status_of(page):
        number = [1,
                  2]
        return requests.get(
            f"http://front:5000/{page}",
        ).status_code

    @pytest.mark.filibuster
    @pytest.mark.parametrize("page", ["careless", "careful"])
    def test_page(page):
        answers = [
            status_of(page)
            for _ in range(2)
        ]
        assert answers == [
            200, 200
        ], page

    class TestRaising:
        @pytest.mark.filibuster
        def test_raises(self, filibuster):
            try:
                requests.get("http://front:5000/careful")
                if filibuster.fault_injected:
                    raise KeyError(
                        "a key")
            except KeyError as error:
                raise ValueError("a value") from error
"""
STYLES = ("--tb=short", "--tb=native", "-x", "--tb=long --showlocals")


def failures(output: str) -> str:
    """The output without what differs between sessions: addresses, times, names of workers."""
    text = output.partition("= FAILURES =")[2]
    text = re.sub(r"^\[gw\d\] .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"0x[0-9a-f]+|\d+\.\d+s", "", text.rpartition("\n=")[0])


@pytest.mark.slow
@pytest.mark.parametrize("style", sample(STYLES))
def test_reports_are_pytests_own(suite: Suite, monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    ran = suite.run(FAILING, *style.split())
    monkeypatch.setattr(
        "flask_filibuster.pytest_plugin.runner.statements_known", lambda _config: nullcontext()
    )
    plain = suite.again(*style.split())
    assert failures(ran.output) == failures(plain.output) != ""
    assert ran.outcomes == plain.outcomes


@in_earnest
@pytest.mark.slow
def test_workers_report_the_same(suite: Suite) -> None:
    suite.write(test_it=FAILING)
    # In processes of their own: what is logged here depends on earlier tests.
    here, there = suite.elsewhere("-rN"), suite.elsewhere("-rN", "-n1")
    assert failures(there.output) == failures(here.output) != ""


@pytest.mark.slow
def test_each_statement_is_sought_once(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    sought: list[tuple[str, int]] = []
    original = code.getstatementrange_ast

    def seek(lineno: int, source: Any, assertion: bool = False, astnode: Any = None) -> Any:
        sought.append((str(source), lineno))
        return original(lineno, source, assertion, astnode)

    monkeypatch.setattr(code, "getstatementrange_ast", seek)
    ran = suite.run(FAILING)
    assert ran.outcomes["failed"] == 2
    assert len(sought) == len(set(sought)) >= 3
    assert code.getstatementrange_ast is seek


class Config:
    """What is needed of pytest's."""

    def __init__(self) -> None:
        self.stash = pytest.Stash()


class TestPatch:
    def test_later_patches_stay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        other: Any = object()
        monkeypatch.setattr(code, "getstatementrange_ast", code.getstatementrange_ast)
        with statements_known(Config()):  # type: ignore[arg-type]
            code.getstatementrange_ast = other
        assert code.getstatementrange_ast is other

    def test_broken_sources_stay_broken(self) -> None:
        with statements_known(Config()):  # type: ignore[arg-type]
            for _ in range(2):
                with pytest.raises(SyntaxError):
                    code.getstatementrange_ast(0, code.Source("def ("))
