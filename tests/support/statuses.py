"""What the static analysis finds in one view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, request

from flask_filibuster.faultmodel.static_analysis import answered_statuses


def statuses_of(view: Callable[..., Any], app: Flask | None = None) -> set[int]:
    """What is found for an app that has only this view (and the one for static files)."""
    app = app or Flask(__name__)
    app.add_url_rule("/", "view", view)
    return set(answered_statuses(app))


def returns_pair() -> Any:
    return "down", 503


def unknown() -> Any:
    return int(request.args["status"])
