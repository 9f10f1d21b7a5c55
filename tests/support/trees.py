"""Modules in a directory of their own, and the files that are found of them."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_filibuster.core.execution_index import ROOT
from flask_filibuster.core.trace import Handling, Trace
from flask_filibuster.sources.dependencies import SourceFiles

APP = """
from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return "fine"
"""


class Tree:
    """Modules in a directory of their own, which can be imported."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        """Write modules by dotted name, with two underscores for a dot; ``init`` is a package's."""
        for name, content in files.items():
            path = self.root / (name.replace("__", "/").replace("init", "__init__") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        importlib.invalidate_caches()

    def load(self, name: str) -> Any:
        return importlib.import_module(name)

    def of(self, test: object = None, **apps: Flask) -> set[str] | None:
        """The files of services, all of which were reached, and of a test."""
        return self.names(SourceFiles(apps).of(reached(*apps), test))

    def names(self, found: Iterable[str] | None) -> set[str] | None:
        """Paths from the root on."""
        return None if found is None else {str(Path(x).relative_to(self.root)) for x in found}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield Tree(tmp_path)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        paths = getattr(sys.modules[name], "__path__", ())
        if any(str(each).startswith(str(tmp_path)) for each in (file, *paths)):
            del sys.modules[name]


def reached(*services: str) -> Trace:
    """The trace of an execution that reached these services."""
    indexes = (ROOT.child(f"GET 80/{service}", 1) for service in services)
    handlings = [
        Handling(index=index, service=service, method="GET", path="/")
        for index, service in zip(indexes, services, strict=True)
    ]
    return Trace.of([], handlings)


def decorated(function: Any) -> Any:
    """What a decorator without functools.wraps makes of it."""
    namespace: dict[str, Any] = {}
    code = "def decorate(f):\n    def wrapper(*args): return f(*args)\n    return wrapper"
    exec(code, namespace)
    return namespace["decorate"](function)
