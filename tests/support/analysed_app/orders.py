"""Views; what can go wrong in them is in the other modules."""

from __future__ import annotations

from typing import Any

from flask import jsonify

from tests.support.analysed_app import stock
from tests.support.analysed_app.access import signed_in
from tests.support.analysed_app.problems import GONE, Statuses, problem


@signed_in
def show(name: str) -> Any:
    from . import pricing

    if not name:
        return problem("a name is needed", Statuses.UNUSABLE)
    if name == "dodo":
        return "extinct", GONE
    return jsonify(stock.find(name), pricing.price(name))
