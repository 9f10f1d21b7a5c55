"""The size of rooms: what grows beyond it wants another room."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import flask_filibuster

PACKAGE = Path(flask_filibuster.__file__).parent
MOST_LINES, MOST_MODULES, MOST_OF_A_FUNCTION = 350, 14, 40


def modules() -> Iterator[Path]:
    return PACKAGE.rglob("*.py")


def test_files_are_short() -> None:
    lengths = {each: len(each.read_text(encoding="utf-8").splitlines()) for each in modules()}
    assert [str(each) for each, length in lengths.items() if length > MOST_LINES] == []


def test_folders_are_small() -> None:
    counts = Counter(each.parent for each in modules() if each.name != "__init__.py")
    assert [str(folder) for folder, count in counts.items() if count > MOST_MODULES] == []


@pytest.mark.slow
def test_functions_are_short() -> None:
    long = [
        f"{file}:{node.lineno} {node.name}"
        for file in modules()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.body[0].lineno >= MOST_OF_A_FUNCTION
    ]
    assert long == []
