"""A test that asks about the faults may judge the same answer in two ways."""

from __future__ import annotations

import pytest
import requests
from flask import Flask

from flask_filibuster import FaultModel, explore, was_fault_injected_on
from flask_filibuster.core.vocabulary import ReductionName

FRONT = "http://front:5000"


def services() -> dict[str, Flask]:
    """Front calls middle, middle calls back; both hand a failure on as 503."""
    front, middle, back = Flask("front"), Flask("middle"), Flask("back")

    def handing_on(app: Flask, url: str, timeout: float | None) -> None:
        @app.get("/")
        def index() -> tuple[str, int]:
            try:
                requests.get(url, timeout=timeout).raise_for_status()
            except requests.RequestException:
                return "down", 503
            return "fine", 200

    handing_on(front, "http://middle:5001/", None)
    handing_on(middle, "http://back:5002/", 1)
    back.get("/")(lambda: "back")
    return {FRONT: front, "http://middle:5001": middle, "http://back:5002": back}


@pytest.mark.parametrize("reduction", ["none", "exact"])
def test_asking_failure_is_found(reduction: ReductionName) -> None:
    def test() -> None:
        status = requests.get(f"{FRONT}/", timeout=1).status_code
        assert not (status == 503 and was_fault_injected_on("middle"))

    # Back's Timeout comes first: front answers 503, and the test has nothing against that.
    model = FaultModel(exceptions=("Timeout",), statuses={"middle": (503,)}, default_statuses=())
    (failure,) = explore(test, services(), model, reduction=reduction).failures
    (planned,) = failure.faults
    assert (planned.service, planned.fault.status) == ("middle", 503)
