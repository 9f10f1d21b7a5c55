"""A marked test of front."""

import os

import pytest
import requests


@pytest.mark.filibuster
@pytest.mark.parametrize("path", [os.environ.get("CHECKED", "careless")])
def test_page(path: str) -> None:
    answer = requests.get(f"http://127.0.0.1:{os.environ['FRONT_PORT']}/{path}", timeout=30)
    assert answer.status_code == 200
