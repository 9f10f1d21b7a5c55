"""A helper that calls another one, which calls it again."""

from __future__ import annotations

from flask import abort

from tests.support.analysed_app.problems import OutOfStock


def find(name: str) -> tuple[str, int]:
    return reserve(name), 507


def reserve(name: str) -> str:
    if name == "none":
        raise OutOfStock
    if name == "many":
        abort(413)
    return find(name)[0]
