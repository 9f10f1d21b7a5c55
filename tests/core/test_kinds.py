"""Kinds of fault: what a fault says of its kind, and that a new one needs no edit elsewhere."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from flask_filibuster import FaultModel
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.kinds import registry
from flask_filibuster.core.kinds.answered import Answered
from flask_filibuster.core.kinds.base import FailingCall, Kind
from flask_filibuster.core.kinds.raised import Raised
from flask_filibuster.core.kinds.registry import known_kinds
from flask_filibuster.core.messages import Decision
from flask_filibuster.core.outcome import Outcome
from flask_filibuster.errors import FaultModelError, WireError
from flask_filibuster.protocol.decisions import read_decision, write_decision
from flask_filibuster.protocol.records import read_fault, write_fault


@dataclass(frozen=True, slots=True)
class Limped(Kind):
    """A kind that the project does not have."""

    name = "limped"
    rank = 15
    point = "body"

    legs: int = 3
    gait: str = "slow"

    @property
    def outcome(self) -> Outcome:
        return Outcome(exception="ChunkedEncodingError", variant=f"on {self.legs}")

    def applies_to(self, call: FailingCall) -> bool:
        return call.method == "GET"

    def __str__(self) -> str:
        return f"limps on {self.legs}"


@pytest.fixture
def limped(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: Mapping[str, type[Kind]] = {**known_kinds(), Limped.name: Limped}
    monkeypatch.setattr(registry, "known_kinds", lambda: kinds)


def call(method: str = "GET", timeout: tuple[float | None, float | None] = (2.0, 2.0)) -> Call:
    return Call(ROOT.child("x", 1), "shop", "stock", method, "http://stock/", timeout=timeout)


FAULTS = [
    Fault("Timeout"),
    Fault(status=503),
    Fault("requests.exceptions.ReadTimeout", abort=False),
    Fault(status=200, sleep=2),
    Fault("grpc.RpcError", library="grpc", details=(("code", "NOT_FOUND"),)),
]


class TestFault:
    def test_says_its_kind_and_point(self) -> None:
        raised, answered, lost = Fault("Timeout"), Fault(status=503), Fault("Timeout", abort=False)
        assert raised.kind == Raised("Timeout")
        assert answered.kind == Answered(503)
        assert [each.point for each in (raised, answered, lost)] == ["before", "answer", "after"]
        assert raised.rank == lost.rank < answered.rank

    def test_can_be_made_by_name(self) -> None:
        assert Fault.of("raised", exception="Timeout", abort=False) == Fault("Timeout", abort=False)
        assert Fault.of("answered", status=503, sleep=1.5) == Fault(status=503, sleep=1.5)

    def test_repr_makes_it_again(self) -> None:
        assert list(map(repr, FAULTS)) == [
            "Fault(exception='Timeout')",
            "Fault(status=503)",
            "Fault(exception='ReadTimeout', abort=False)",
            "Fault(status=200, sleep=2)",
            "Fault(exception='grpc.RpcError', library='grpc', details=(('code', 'NOT_FOUND'),))",
        ]

    @pytest.mark.parametrize("fault", FAULTS, ids=str)
    def test_survives_pickling(self, fault: Fault) -> None:
        again = pickle.loads(pickle.dumps(fault))
        assert (again, hash(again)) == (fault, hash(fault))

    def test_takes_arguments_by_position(self) -> None:
        fault = Fault("NotFound", None, False, 1.0, "grpc", (("code", "5"),))
        assert (fault.exception, fault.status, fault.abort) == ("NotFound", None, False)
        assert (fault.sleep, fault.library, fault.details) == (1.0, "grpc", (("code", "5"),))

    @pytest.mark.parametrize(
        ("sleep", "timeout", "words"),
        [
            (2, (None, None), "held 2 s"),
            (
                "@expr(metadata['timeout'])+0.001",
                (5, 2),
                "held 2.001 s, just past its timeout of 2 s",
            ),
            ("@expr(metadata['timeout'])+10", (None, 2), "held 12 s, past its timeout of 2 s"),
            ("@expr(metadata['timeout']-1)", (3, None), "held 2 s, within its timeout of 3 s"),
            ("@expr(metadata['timeout'])", (3, 3), "held 3 s, its timeout"),
            ("@expr(metadata['timeout'])", (None, None), "held for its timeout"),
            ("@expr(metadata['timeout']-1)", (None, None), "held until 1 s before its timeout"),
        ],
    )
    def test_hold_in_words(self, sleep: Any, timeout: Any, words: str) -> None:
        assert Fault("Timeout", sleep=sleep).words(timeout) == f"raises Timeout, {words}"


class TestNewKind:
    """A kind of which nothing but its own class knows."""

    pytestmark = pytest.mark.usefixtures("limped")

    def test_is_made_by_name(self) -> None:
        fault = Fault.of("limped", legs=2)
        assert (fault.kind, fault.point, fault.abort) == (Limped(2), "body", False)
        assert repr(fault) == "Fault.of('limped', legs=2, gait='slow')"
        assert str(fault) == "limps on 2"
        assert fault.outcome.key == "ChunkedEncodingError on 2"

    def test_is_ordered_by_its_rank(self) -> None:
        model = FaultModel(("Timeout",), default_statuses=(503,), faults=[Fault.of("limped")])
        assert list(map(str, model.faults_of(call()))) == [
            "raises Timeout",
            "limps on 3",
            "answers 503 Service Unavailable",
        ]
        assert len(model.faults_of(call("POST"))) == 2

    def test_is_described_by_the_model(self) -> None:
        model = FaultModel((), default_statuses=(), faults=[Fault.of("limped", sleep=1)])
        assert model.describe()["faults"] == ["limps on 3, held 1 s"]
        assert "limps on 3" in repr(model)

    def test_travels_in_analysis_files(self) -> None:
        model = FaultModel((), default_statuses=(), faults=[Fault.of("limped", legs=1, sleep=2)])
        again = FaultModel.from_analysis(model.to_analysis())
        assert again.faults_of(call()) == model.faults_of(call()) != ()

    def test_travels_in_records(self) -> None:
        fault = Fault.of("limped", legs=4, sleep=0.5)
        assert read_fault(write_fault(fault)) == fault

    def test_travels_on_the_wire(self) -> None:
        fault = Fault.of("limped", gait="fast")
        payload = write_decision(ROOT.child("x", 1), Decision(7, fault))
        assert payload["forced_exception"]["name"] == "requests.exceptions.ChunkedEncodingError"
        assert payload["forced_exception"]["metadata"]["abort"] is False
        assert read_decision(payload) == Decision(7, fault)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("limpd", {}, "no such kind of fault: 'limpd'; did you mean 'limped'"),
        ("zzz", {}, "no such kind of fault: 'zzz'; known: .*raised, .*answered, .*limped"),
        ("limped", {"leg": 2}, "'limped' has no parameter 'leg'; did you mean 'legs'"),
        ("answered", {}, "'answered' needs the parameter 'status'"),
        ("answered", {"status": "503"}, "cannot answer with status '503'"),
    ],
)
@pytest.mark.usefixtures("limped")
def test_nonsense_is_refused(kind: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultModelError, match=message):
        Fault.of(kind, **parameters)


@pytest.mark.parametrize(
    "ours",
    [
        7,
        {},
        {"kind": "limpd"},
        {"kind": "limped", "parameters": []},
        {"kind": "limped", "parameters": {"legs": [1]}},
        {"kind": "limped", "parameters": {"legs": float("nan")}},
        {"kind": "limped", "parameters": {"gait": "x" * 20_000}},
    ],
)
@pytest.mark.usefixtures("limped")
def test_decision_without_a_kind_is_refused(ours: Any) -> None:
    metadata = {"flask-filibuster": ours}
    forced = {"name": "requests.exceptions.Timeout", "metadata": metadata}
    decision = read_decision({"generated_id": 1, "forced_exception": forced})
    assert decision.fault is None
    assert decision.refusal
    with pytest.raises((WireError, FaultModelError)):
        read_fault({"abort": True, "sleep": 0.0, **(ours if isinstance(ours, dict) else {})})


def test_names_are_unique() -> None:
    assert list(known_kinds()) == sorted(known_kinds(), key=lambda name: known_kinds()[name].rank)
    assert {kind.name for kind in known_kinds().values()} == set(known_kinds())
    assert {"raised", "answered"} <= set(known_kinds())
