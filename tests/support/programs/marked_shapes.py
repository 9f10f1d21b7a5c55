"""A marked test of each shape, which notes what each of its executions has shown."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.shapes import COUNTED as REQUESTS
from tests.support.shapes import FAULTS, at


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(
            shape, marks=pytest.mark.filibuster(faults=FAULTS[shape], check_determinism=False)
        )
        for shape in json.loads(os.environ["FIRST_PORTS"])
    ],
)
def test_page(shape: str, place: None, note: Callable[..., None], filibuster: Any) -> None:
    answer = requests.get(at(REQUESTS[shape]), timeout=30)
    faults = [[str(each.index), str(each.fault)] for each in filibuster.faults]
    note(shape, faults, "passed" if answer.status_code == 200 else "failed")
    assert answer.status_code == 200
