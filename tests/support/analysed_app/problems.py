"""Statuses under names, an exception and a response of the service's own."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from werkzeug.exceptions import HTTPException

GONE = 410


class Statuses:
    UNUSABLE = 422


class OutOfStock(HTTPException):
    code = 409


def problem(message: str, status: int = 418) -> Any:
    return jsonify(error=message), status
