"""A service in several modules, for the tests of the static analysis."""

from __future__ import annotations

from flask import Flask

from analysed_app import orders, pricing  # noqa: F401 - see pricing


def create_app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/orders/<name>", view_func=orders.show)
    return app
