"""The examples in the documentation of everything public: each has one, and it runs."""

from __future__ import annotations

import doctest
from importlib import import_module
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


def known(directory: Path) -> dict[str, Any]:
    """The names that examples use without making them."""
    public = {each: getattr(flask_filibuster, each) for each in flask_filibuster.__all__}
    return {**public, "Flask": Flask, "services": shop(), "test": get_page, "directory": directory}


def modules_with_examples() -> list[str]:
    package = Path(flask_filibuster.__file__).parent
    files = [each for each in package.rglob("*.py") if ">>> " in each.read_text(encoding="utf-8")]
    names = [each.relative_to(package.parent).with_suffix("").parts for each in sorted(files)]
    return [".".join(each).removesuffix(".__init__") for each in names]


@pytest.mark.parametrize("name", flask_filibuster.__all__)
def test_what_is_public_has_an_example(name: str) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    (found,) = finder.find(getattr(flask_filibuster, name), name, globs={})
    assert found.examples


@pytest.mark.parametrize("module", modules_with_examples())
def test_examples_run(module: str, tmp_path: Path) -> None:
    imported = import_module(module)
    for found in doctest.DocTestFinder().find(imported, extraglobs=known(tmp_path)):
        doctest.DebugRunner().run(found)
