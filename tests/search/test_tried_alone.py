"""Faults that are tried with no other faults than those needed to reach their call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from flask_filibuster import Fault, FaultModel, explore
from flask_filibuster.core.vocabulary import ReductionName
from flask_filibuster.results.result import Result

MODEL = FaultModel(("ConnectionError",), default_statuses=(), faults=["key missing"])


def price(name: str) -> int | None:
    try:
        found = requests.get(f"http://{name}/", timeout=2).json().get("price")
    except requests.RequestException:
        return None
    return found if isinstance(found, int) else None


def page(*, fallback: bool) -> dict[str, Flask]:
    """A page of two prices; or of one, and another if there is none."""
    shop = Flask("shop")

    @shop.get("/")
    def show() -> ResponseReturnValue:
        first = price("first")
        return jsonify(first, None if first and fallback else price("second"))

    services = {"http://shop": shop}
    for name in ("first", "second"):
        services[f"http://{name}"] = leaf = Flask(name)
        leaf.add_url_rule("/", "price", lambda: jsonify(price=3))
    return services


def sets(*, fallback: bool, reduction: ReductionName) -> Result:
    return explore(
        lambda: requests.get("http://shop/", timeout=9),
        page(fallback=fallback),
        MODEL,
        reduction=reduction,
        journal=False,
    )


def kinds(result: Result) -> Iterator[tuple[str, ...]]:
    for execution in result.executions:
        yield tuple(f"{each.service} {each.fault.kind.name}" for each in execution.faults)


@pytest.mark.parametrize("reduction", ["none", "exact", "equivalence"])
def test_no_other_fault_joins_them(reduction: ReductionName) -> None:
    """Of two calls that are made anyway."""
    seen = set(kinds(sets(fallback=False, reduction=reduction)))
    assert {("first key missing",), ("second key missing",)} <= seen
    assert not any(len(each) > 1 and "key missing" in " ".join(each) for each in seen)


def test_others_are_combined() -> None:
    seen = set(kinds(sets(fallback=False, reduction="none")))
    assert ("first raised", "second raised") in seen


def test_what_reaches_a_call_joins_them() -> None:
    """The fallback is asked if the first one fails, or has no price."""
    seen = set(kinds(sets(fallback=True, reduction="none")))
    assert seen >= {
        ("first raised", "second key missing"),
        ("first key missing", "second raised"),
        ("first key missing", "second key missing"),
    }


def test_model_names_further_ones() -> None:
    model = FaultModel(("ConnectionError",), default_statuses=(503,))
    model.alone = frozenset({Fault(status=503)})
    result = explore(
        lambda: requests.get("http://shop/", timeout=9),
        page(fallback=False),
        model,
        reduction="none",
        journal=False,
    )
    pairs = [each for each in kinds(result) if len(each) > 1]
    assert pairs == [("first raised", "second raised")]
    assert len(result.executions) == 6  # None, two faults of each call, and that pair.
