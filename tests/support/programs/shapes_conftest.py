"""The fixtures of a suite over all shapes, in the mesh or among processes."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support import served_shapes
from tests.support.shapes import FIRST_PORT

FIRST = json.loads(os.environ["FIRST_PORTS"])


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    monkeypatch.setenv(FIRST_PORT, str(FIRST[shape]))


@pytest.fixture
def filibuster_services(shape: str, place: None) -> Mapping[str, Any]:
    return served_shapes.named(shape) if "EMBEDDED" in os.environ else {}


@pytest.fixture
def note() -> Callable[..., None]:
    def note(*noted: object) -> None:
        with open(os.environ["NOTES"], "a") as file:
            print(json.dumps(noted), file=file)

    return note
