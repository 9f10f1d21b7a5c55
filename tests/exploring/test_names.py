"""The names of services in an exploration."""

from __future__ import annotations

import requests
from flask import Flask

from flask_filibuster import FaultModel, explore
from flask_filibuster.core.urls import service_name


def test_local_services_have_own_names() -> None:
    """Though they have one host."""
    shop, stock = Flask("shop"), Flask("stock")

    @shop.get("/")
    def page() -> str:
        return requests.get("http://127.0.0.1:5001/", timeout=1).text

    stock.add_url_rule("/", view_func=lambda: "three")
    result = explore(
        lambda: requests.get("http://localhost:5000/", timeout=9),
        {"http://localhost:5000": shop, "http://127.0.0.1:5001": stock},
        FaultModel(statuses={"stock": (418,)}, default_statuses=()),
    )
    assert result.reached == {"shop", "stock"}
    faults = [each.faults for each in result.executions if each.faults]
    assert [str(fault.fault) for each in faults for fault in each][-1] == "answers 418 I'm a Teapot"
    assert {planned.service for each in faults for planned in each} == {"stock"}


def test_nameless_app_has_its_host() -> None:
    assert service_name("http://localhost:5000", object()) == "localhost"


def test_elsewhere_the_host_is_the_name() -> None:
    assert service_name("http://stock:5001", Flask("app")) == "stock"
