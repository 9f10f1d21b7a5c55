"""Small services to explore: a page that is made of two parts, and what fails in it."""

from __future__ import annotations

import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from requests import RequestException

from flask_filibuster import FaultModel
from flask_filibuster.core.call import Call
from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.fault_set import FaultSet

Services = dict[str, Flask]


def refused(**statuses: tuple[int, ...]) -> FaultModel:
    return FaultModel(("ConnectionError",), statuses=statuses, default_statuses=())


def call(
    service: str = "bookings",
    method: str = "GET",
    timeout: tuple[float | None, float | None] = (1.0, 1.0),
    url: str = "http://bookings:5003/",
) -> Call:
    index = ROOT.child("GET /", 1).child(f"{method} {service}", 1)
    return Call(index, "users", service, method, url, timeout=timeout)


def failed_services(faults: FaultSet) -> list[str]:
    return [planned.service for planned in faults]


def page_of_two(stars: str = "http://stars:5001/", texts: str = "http://texts:5002/") -> Services:
    """A page that lists which of its two parts are missing."""
    page = Flask("page")

    @page.get("/")
    def show_page() -> ResponseReturnValue:
        return jsonify([url for url in (stars, texts) if not is_up(url)])

    return {"http://page:5000": page, stars: leaf("stars"), texts: leaf("texts")}


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except RequestException:
        return False


def leaf(name: str) -> Flask:
    app = Flask(name)

    @app.route("/", methods=["GET", "POST", "PUT"])
    def answer() -> ResponseReturnValue:
        return name

    return app


def missing_parts() -> list[str]:
    parts: list[str] = requests.get("http://page:5000/", timeout=10).json()
    return parts
