"""Imported by the view, inside its body."""

from __future__ import annotations

import werkzeug.exceptions


def price(name: str) -> int:
    if name == "free":
        raise werkzeug.exceptions.Locked("look, no hands")
    return len(name)
