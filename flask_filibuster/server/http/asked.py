"""Reads requests to the server, and makes answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

from flask_filibuster.errors import WireError
from flask_filibuster.server.conductor import Conductor, OutOfTurnError

View = Callable[..., Any]
Views = list[tuple[str, str, View]]
"""Rule, method and view."""


def answered(content: Any, status: int = 200) -> Response:
    """Content as an answer in JSON."""
    return Response(json.dumps(content), status, mimetype="application/json")


def body() -> Any:
    """The JSON of the request.

    :raises WireError: it is invalid.
    """
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise WireError(f"the body is not JSON: {error}") from error


def exploration_named() -> str:
    """The exploration that a driver of this project names; empty for other drivers."""
    return request.args.get("exploration", "")


def request_id() -> str:
    """The id of the test's request in question; empty if not given."""
    return request.args.get("request_id", "")[:200]


def adopt(conductor: Conductor, about: str, exploration: str) -> None:
    """Assign the requests with an id to the execution under way in an exploration.

    :raises OutOfTurnError: there is no execution under way.
    """
    if not conductor.adopt(about, exploration):
        raise OutOfTurnError("this exploration has no execution under way")
