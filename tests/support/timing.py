"""What code sees of time, in a view of an execution."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from flask_filibuster.core.fault_set import FaultSet
from flask_filibuster.exploring.session import Session, surroundings
from flask_filibuster.exploring.subjects.function import run_once

NO_FAULTS = FaultSet()
SOON = 1.0
"""More seconds than a test that waits for nothing takes, however busy the machine is."""


def in_view(*functions: Callable[[], Any], is_virtual: bool = True, settle: float = 5) -> list[Any]:
    """What functions return that views call, one request for each, all in one execution."""
    app, seen = Flask("timed"), []

    @app.get("/<int:number>")
    def view(number: int) -> dict[str, str]:
        seen.append(functions[number]())
        return {}

    def test() -> None:
        for number in range(len(functions)):
            assert app.test_client().get(f"/{number}").status_code == 200

    with surroundings({"http://timed": app}) as around:
        session = Session(timeout=settle, is_virtual=is_virtual)
        observation = run_once(test, session, NO_FAULTS, around)
    if observation.error is not None:
        raise observation.error
    return seen


def lasting(function: Callable[[], Any]) -> Callable[[], tuple[float, Any]]:
    """A function that returns how long another took for the code that calls it, and its result."""

    def timed() -> tuple[float, Any]:
        began = time.monotonic()
        result = function()
        return time.monotonic() - began, result

    return timed


def taken(function: Callable[[], Any], **options: Any) -> tuple[float, Any]:
    """How long a function takes in a view, by the view's clock, and its result."""
    began = time.perf_counter()
    ((seconds, result),) = in_view(lasting(function), **options)
    really = time.perf_counter() - began
    assert seconds < SOON or really < max(SOON, seconds / 2), f"really waited {really} s"
    return seconds, result


def without_times(data: Any) -> Any:
    """JSON without how long things took: two explorations differ in that."""
    if isinstance(data, list):
        return [without_times(each) for each in data]
    if not isinstance(data, dict):
        return data
    return {
        key: without_times(value)
        for key, value in data.items()
        if key not in ("seconds", "start", "end", "waits")
    }
