"""Which calls an outage covers, and whether it happened as planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flask_filibuster.core import call as core_call
from flask_filibuster.core.call import Call, CallSite, Outage
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault import Fault
from flask_filibuster.core.fault_set import FaultSet, FaultsInOrder, PlannedFault
from flask_filibuster.protocol.records import FAULT_SET

REFUSED = Fault("ConnectionError")
SITE = CallSite("shop.py", 7, "page")


def call(count: int = 1, target: str = "stock", **more: Any) -> Call:
    index = ROOT.child("GET /", 1).child("stock", count)
    made = Call(index, "shop", target, "GET", "http://stock:5001/items", SITE, (1.0, 1.0))
    return replace(made, **more)


def unknown(url: str) -> Call:
    """A call whose service is not known before it answers."""
    return call(target="", url=url)


def planned(**more: Any) -> FaultSet:
    return FaultSet((PlannedFault(call(), REFUSED, replace(Outage("stock"), **more)),))


@pytest.mark.parametrize(
    ("outage", "made", "covered"),
    [
        (Outage("stock"), call(), True),
        (Outage("stock"), call(target="prices"), False),
        (Outage("stock"), call(source=""), False),
        (Outage("stock", ("127.0.0.1:5001",)), unknown("http://127.0.0.1:5001/"), True),
        (
            Outage("stock", ("127.0.0.1:5001",)),
            unknown("http://127.0.0.1:5002/"),
            False,
        ),
        (
            Outage("stock", ("gateway/stock",)),
            unknown("http://gateway/stock?a=1"),
            True,
        ),
        (Outage("stock", ("gateway/stock",)), unknown("http://gateway/prices"), False),
        (Outage("stock", site=("shop", "shop.py", 7)), call(), True),
        (Outage("stock", site=("shop", "shop.py", 8)), call(), False),
        (Outage("stock", site=("page", "shop.py", 7)), call(), False),
        (Outage("stock", site=("shop", "shop.py", 7)), call(callsite=None), False),
        (Outage("stock", ("",)), unknown(""), False),
    ],
)
def test_covers_calls_of_a_service(outage: Outage, made: Call, covered: bool) -> None:
    assert outage.covers(made) is covered


def failed(faults: FaultSet, number: int) -> tuple[list[Call], list[str]]:
    """The calls that fail of so many attempts, and what is wrong with that."""
    in_order = FaultsInOrder(faults)
    calls = [call(count) for count in range(1, number + 1)]
    made = [
        replace(each, fault=None if (of := in_order.of(each)) is None else of.fault)
        for each in calls
    ]
    unmet = list(in_order.unmet({each.index: each for each in made}))
    return [each for each in made if each.fault is not None], unmet


def test_every_call_fails() -> None:
    calls, unmet = failed(planned(), 5)
    assert (len(calls), unmet) == (5, [])
    (ended,) = planned().ended(calls)
    assert str(ended).startswith("all 5 attempts: shop -> stock")
    assert planned().ended(calls).size == (1, 5)


def test_flapping_ends() -> None:
    calls, unmet = failed(planned(first=2), 5)
    assert ([each.index.pairs[-1][1] for each in calls], unmet) == ([1, 2], [])


def test_outage_of_one_call_is_its_fault() -> None:
    calls, unmet = failed(planned(), 1)
    assert unmet == []
    (ended,) = planned().ended(calls)
    assert ended.outage is None
    assert planned().ended(calls).size == (1, 1)


@pytest.mark.parametrize(
    ("faults", "number", "problem"),
    [
        (planned(), 0, "none of the calls of an outage was made"),
        (planned(first=3), 2, "2 of the calls of an outage were made"),
        (planned(), 51, "ended after 50 calls"),
    ],
)
def test_missing_calls_are_told(
    faults: FaultSet, number: int, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_call, "MOST_OF_OUTAGE", 50)
    _, (unmet,) = failed(faults, number)
    assert problem in unmet


def test_calls_without_a_timeout_do_not_time_out() -> None:
    faults = FaultSet((PlannedFault(call(), Fault("Timeout"), Outage("stock")),))
    assert FaultsInOrder(faults).of(call(timeout=(None, None))) is None


@pytest.mark.parametrize(
    "outage",
    [None, Outage("stock"), Outage("stock", ("a:1", "b"), ("shop", "shop.py", 7), 2, 2, True)],
)
def test_files_keep_an_outage(outage: Outage | None) -> None:
    faults = FaultSet((PlannedFault(call(), REFUSED, outage),))
    assert FAULT_SET.write is not None
    written = FAULT_SET.write(faults)
    assert ("outage" in written[0]) is (outage is not None)
    (read,) = FAULT_SET.read(written, "faults")
    assert read.outage == outage
    assert outage is None or read.outage.words() == outage.words()


@pytest.mark.parametrize(
    ("outage", "words"),
    [
        (Outage("stock"), "every call to stock"),
        (Outage("stock", failed=2), "every call to stock (2 calls)"),
        (Outage("stock", failed=3, attempts=True), "all 3 attempts"),
        (Outage("stock", first=2, failed=2, attempts=True), "the first 2 attempts"),
        (Outage("stock", first=1), "the first call to stock"),
        (Outage("stock", site=("shop", "a/shop.py", 7)), "every call to stock from shop.py:7"),
    ],
)
def test_words_name_the_calls(outage: Outage, words: str) -> None:
    assert outage.words() == words
