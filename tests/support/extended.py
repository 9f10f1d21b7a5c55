"""What an app with the extension sends and answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from blinker import Signal
from flask import Flask


@contextmanager
def received(signal: Signal) -> Iterator[list[tuple[Any, dict[str, Any]]]]:
    """What a signal sends, within the block."""
    sent: list[tuple[Any, dict[str, Any]]] = []

    def note(sender: Any, **arguments: Any) -> None:
        sent.append((sender, arguments))

    with signal.connected_to(note):
        yield sent


def told(app: Flask, headers: Mapping[str, str] | list[tuple[str, str]]) -> tuple[Any, ...]:
    """All there is to an answer."""
    begun = time.monotonic()
    response = app.test_client().post("/path?q=1", headers=headers, data="body")
    assert time.monotonic() - begun < 5
    assert response.status_code == 201
    return response.status, sorted(response.headers), response.data
