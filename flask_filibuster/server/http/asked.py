"""What the requests to the server say, and answers in JSON."""

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

    :raises WireError: it is none.
    """
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise WireError(f"the body is not JSON: {error}") from error


def exploration_named() -> str:
    """Which exploration a driver of this project means; empty for those of others."""
    return request.args.get("exploration", "")


def request_id() -> str:
    """The id of the request of the test that this is about; empty if nobody says."""
    return request.args.get("request_id", "")[:200]


def adopt(conductor: Conductor, about: str, exploration: str) -> None:
    """Have the requests with an id belong to the execution under way in an exploration.

    :raises OutOfTurnError: there is none.
    """
    if not conductor.adopt(about, exploration):
        raise OutOfTurnError("this exploration has no execution under way")
