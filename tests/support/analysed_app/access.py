"""A decorator with an answer of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if "token" not in request.headers:
            return "who are you?", 401
        return view(*args, **kwargs)

    return wrapper
