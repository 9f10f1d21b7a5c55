"""Imported by the view itself, inside its body, and here before it is called."""

from __future__ import annotations

import werkzeug.exceptions


def price(name: str) -> int:
    if name == "free":
        raise werkzeug.exceptions.Locked("look, no hands")
    return len(name)
