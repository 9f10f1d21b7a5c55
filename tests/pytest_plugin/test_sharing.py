"""What the tests of one session share is worked out once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_filibuster.core.trace import Trace
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.pytest_plugin.sharing import MOST_MODELS, SharedWork
from flask_filibuster.sources import imports
from flask_filibuster.sources.dependencies import ReadSources, SourceFiles
from tests.support import suites
from tests.support.suites import CAREFUL, Suite

suite = suites.suite
another_view: Any = suites.Suite.run


class TestModels:
    def test_same_services_share_one(self) -> None:
        work, app = SharedWork(), Flask("shop")
        first = work.model_of({"http://shop": app}, "quick")
        assert work.model_of({"http://shop": app}, "quick") is first
        assert work.model_of({"http://other": app}, "quick") is not first
        assert work.model_of({"http://shop": Flask("shop")}, "quick") is not first
        assert work.model_of({"http://shop": app}, "thorough") is not first

    def test_another_view_makes_another(self) -> None:
        work, app = SharedWork(), Flask("shop")
        first = work.model_of({"http://shop": app}, "quick")
        app.add_url_rule("/gone", "gone", lambda: ("gone", 410))
        second = work.model_of({"http://shop": app}, "quick")
        assert "410" not in repr(first)
        assert "410" in repr(second)

    def test_few_are_kept(self) -> None:
        work = SharedWork()
        for _ in range(3 * MOST_MODELS):
            work.model_of({"http://shop": Flask("shop")}, "quick")
        assert len(work._models) == MOST_MODELS


class TestSources:
    def test_files_are_read_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[str] = []
        read = imports.Imports._read

        def noted(self: imports.Imports, file: str) -> bytes:
            opened.append(file)
            return read(self, file)

        monkeypatch.setattr(imports.Imports, "_read", noted)
        app = Flask(__name__)
        shared, found = ReadSources(), []
        for _ in range(2):
            found.append(SourceFiles({"shop": app}, shared).of(Trace(), extra=[__file__]))
        assert found[0] == found[1]
        assert str(Path(__file__).absolute()) in (found[0] or {})
        assert len(opened) == len(set(opened)) > 0

    def test_new_view_is_noticed(self) -> None:
        app, shared = Flask(__name__), ReadSources()
        before = SourceFiles({"shop": app}, shared)._modules_of(app)
        app.add_url_rule("/suites", "suites", another_view)
        after = SourceFiles({"shop": app}, shared)._modules_of(app)
        assert len(after or ()) > len(before or ())


@pytest.mark.slow
def test_marked_tests_share_one_analysis(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    from_services = FaultModel.from_services

    def noted(services: dict[str, object], profile: Any) -> FaultModel:
        made.append(services)
        return from_services(services, profile)

    monkeypatch.setattr(FaultModel, "from_services", noted)
    ran = suite.run(CAREFUL + CAREFUL.replace("test_page", "test_page_again"))
    assert ran.code == 0, ran.output
    assert len(made) == 1
