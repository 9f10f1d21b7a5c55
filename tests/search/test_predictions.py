"""How often the search predicts what an execution will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flask_filibuster.core.execution_index import ExecutionIndex
from flask_filibuster.core.fault_set import PlannedFault
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.results.result import Result
from flask_filibuster.search.behaviour import Behaviour
from flask_filibuster.search.explorer import Explorer
from flask_filibuster.search.nodes import Prediction
from tests.support.driving import run_all
from tests.support.simulation import FirstError, FunctionalTest, Orderly, Simulation, Step

MODEL = FaultModel(("ConnectionError", "Timeout"), default_statuses=(500, 503))


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The faults of every prediction so far."""
    made: list[object] = []
    predict = Behaviour.predict

    def counted(self: Behaviour, faults: Mapping[ExecutionIndex, PlannedFault]) -> Prediction:
        made.append(frozenset(faults))
        return predict(self, faults)

    monkeypatch.setattr(Behaviour, "predict", counted)
    return made


def explored(**options: Any) -> Result:
    """An application with retries, a fallback, two requests, and a bug."""
    front = Orderly(((Step("a", attempts=2, fallback="b"),), (Step("c"), Step("d", skipped=True))))
    services = {"front": front, **{name: Orderly() for name in "abcd"}}
    test = FunctionalTest(("front", "c"), lambda seen: FirstError.__name__)
    return run_all(Explorer(MODEL, **options), Simulation(services, test).run)


class TestDecisions:
    def test_are_logged_for_debugging(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG", "flask_filibuster.search")
        explored(max_executions=20)
        for words in ("planned: FaultSet(", "pruned, ", "settled: a new class", "is reached after"):
            assert any(each.startswith(words) or words in each for each in caplog.messages), words

    def test_are_shown_by_a_debugger(self) -> None:
        explorer = Explorer(MODEL)
        assert repr(explorer) == "<Explorer, 0 executed, 1 to go>"
        explorer.next()
        _, plan = explorer._pending or (None, None)
        assert repr(plan) == "<Plan search: FaultSet(no faults)>"


class TestPredictions:
    @pytest.mark.slow
    @pytest.mark.parametrize("reduction", ["exact", "equivalence"])
    def test_are_made_once_for_a_set(self, predicted: list[object], reduction: str) -> None:
        result = explored(reduction=reduction)
        judged = len(result.executions) + len(result.pruned)
        assert len(result.executions) > 20
        assert 0 < len(predicted) <= 1.2 * judged

    def test_are_made_twice_for_audits(self, predicted: list[object]) -> None:
        result = explored(audit=10)
        audited = [each for each in result.executions if each.purpose == "audit"]
        assert len(audited) == 10
        assert len(predicted) <= 1.2 * len(result.executions) + len(audited)

    def test_are_kept_while_looking_ahead(self, predicted: list[object]) -> None:
        explorer = Explorer(MODEL, reduction="exact")
        services = {"front": Orderly(((Step("a", attempts=2),),)), "a": Orderly()}
        test = FunctionalTest(("front",), lambda seen: FirstError.__name__)
        simulation = Simulation(services, test)
        faults = explorer.next()
        assert faults is not None
        explorer.learn(faults, simulation.run(faults))
        ahead = [list(explorer.upcoming()) for _ in range(5)]
        assert ahead[0]
        assert ahead == ahead[:1] * 5
        assert len(predicted) <= 1 + len(ahead[0])
