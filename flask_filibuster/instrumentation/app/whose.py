"""Whose code makes a call in an app's context: the test's or the application's.

The file of the calling function decides. Many tests call functions of the application directly, in
a context that they or a fixture have pushed; other tests send requests of their own there.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from types import FrameType
from typing import Literal

from flask import Flask

from flask_filibuster.instrumentation.callsite import (
    CodeByFile,
    owner_of,
    package_of,
    stack_of_starter,
)

Side = Literal["test", "package", "near", "elsewhere"]
"""Where a file is: among the tests; in the app's package; below the app's directory; elsewhere."""

_DEPTH = 400
_TEST_FOLDERS = frozenset({"test", "tests", "testing"})


def is_of_app(app: Flask, *, ends: CodeByFile, begun_before: bool) -> bool:
    """Whether code of the application makes a call, rather than the test or its helpers.

    :param app: the app whose context is current.
    :param ends: where the test ends on the stack.
    :param begun_before: whether that context is older than the test, as that of a fixture.
    """
    stack = _stack(package_of(app), ends)
    if not stack:
        return False
    inner, outer = stack[0].f_code, stack[-1].f_code
    file, module = inner.co_filename, str(stack[0].f_globals.get("__name__", ""))
    home = _file_of(app.import_name)
    side = _side_of(file, module, app.import_name, app.root_path, home)
    if file != outer.co_filename:
        return side != "test" and not (
            side == "elsewhere" and _is_beside(file, outer.co_filename, app.root_path)
        )
    if side == "package":  # A thread of the app, or a decorated test.
        return not inner.co_name.startswith("test")
    if home not in ("", file) and side != "near":
        return False
    # One file has the test and the app, or the app was made under a name that is no module's.
    return not begun_before and inner is not outer and not inner.co_name.startswith("test")


def _stack(package: str, ends: CodeByFile) -> list[FrameType]:
    """The user's functions that run, innermost first, below our own that runs the test."""
    found: list[FrameType] = []
    frame: FrameType | None
    frame = stack_of_starter.get() or sys._getframe(1)  # noqa: SLF001 - inspect is slower
    for _ in range(_DEPTH):
        if frame is None:
            break
        code = frame.f_code
        filename = code.co_filename
        owner = owner_of(filename, frame.f_globals.get("__name__"), package)
        if owner == "application":
            if filename in ends and code in ends[filename]:
                break
            found.append(frame)
        elif owner == "project" and found:
            break
        frame = frame.f_back
    return found


# Asked for each call that a test makes in a context, always about the same few files.
@lru_cache(maxsize=4096)
def _side_of(file: str, module: str, import_name: str, root: str, home: str) -> Side:
    """Where a file is.

    :param file: the file.
    :param module: its module.
    :param import_name: the app's.
    :param root: the app's directory.
    :param home: the app's file, if known.
    """
    path, root = os.path.abspath(file), os.path.abspath(root)
    if file == home:
        return "near" if _is_named_as_test(path, os.path.dirname(path)) else "package"
    common = _common(path, root)
    if _is_named_as_test(path, common):
        return "test"
    package = import_name.partition(".")[0]
    if module.partition(".")[0] == package and hasattr(sys.modules.get(package), "__path__"):
        return "package"
    return "near" if common == root else "elsewhere"


def _is_named_as_test(path: str, root: str) -> bool:
    """Whether a file below ``root`` has a name, or is in a folder, that is usual for tests."""
    *folders, name = os.path.relpath(path, root).split(os.sep)
    stem = os.path.splitext(name)[0]
    return (
        stem in ("conftest", "test", "tests")
        or stem.startswith("test_")
        or stem.endswith("_test")
        or not _TEST_FOLDERS.isdisjoint(folders)
    )


def _is_beside(file: str, test: str, root: str) -> bool:
    """Whether a file is in the folder of the test, or below, and the app is not."""
    folder = os.path.dirname(os.path.abspath(test))
    return _common(os.path.abspath(file), folder) == folder != _common(root, folder)


def _common(path: str, other: str) -> str:
    try:
        return os.path.commonpath((path, other))
    except ValueError:  # On different drives.
        return os.path.dirname(path)


def _file_of(import_name: str) -> str:
    """The file of the module that an app is named after; empty if it is no module."""
    return getattr(sys.modules.get(import_name), "__file__", None) or ""
