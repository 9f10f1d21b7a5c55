"""A service in several modules, for the tests of the static analysis."""

from __future__ import annotations

from flask import Flask

# pricing for the view that imports it when it is called: only imported modules are analysed
from tests.support.analysed_app import orders, pricing

__all__ = ["create_app", "orders", "pricing"]


def create_app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/orders/<name>", view_func=orders.show)
    return app
