"""The examples in the documentation of everything public: each has one, and it runs."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

import flask_filibuster


def shop() -> dict[str, Flask]:
    """A page that survives slow reviews, and not that they refuse connections."""
    front, reviews = Flask("front"), Flask("reviews")

    @reviews.get("/")
    def stars() -> dict[str, int]:
        return {"stars": 5}

    @front.get("/")
    def page() -> dict[str, int]:
        try:
            answer = requests.get("http://reviews/", timeout=1)
        except requests.Timeout:
            return {}
        return {"stars": 5} if answer.ok else {}

    return {"http://front": front, "http://reviews": reviews}


def get_page() -> None:
    assert requests.get("http://front/", timeout=5).status_code == 200


@pytest.mark.parametrize("name", flask_filibuster.__all__)
def test_example_runs(name: str, tmp_path: Path) -> None:
    known: dict[str, Any] = {
        each: getattr(flask_filibuster, each) for each in flask_filibuster.__all__
    }
    known.update(Flask=Flask, services=shop(), test=get_page, directory=tmp_path)
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(getattr(flask_filibuster, name), name, globs=known)
    assert example.examples
    doctest.DebugRunner().run(example)
