"""The source behind a call, which may read its answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import lru_cache
from inspect import unwrap
from types import FrameType, FunctionType, ModuleType
from typing import Any

from flask import Flask

from flask_filibuster.core.own_code import is_installed, is_ours
from flask_filibuster.instrumentation.callsite import ENDS
from flask_filibuster.instrumentation.keys.words import words_of_file, words_of_templates

_DEPTH = 400
# They carry a call or a request, and read no key of an answer.
_CARRIERS = frozenset({"flask", "flask_filibuster", "werkzeug", "urllib3", "httpcore"})


def modules_on_stack(carriers: Iterable[str]) -> tuple[str, ...]:
    """Names of the modules of the functions on the stack, up to the entrance of the request.

    :param carriers: names of the client that makes the call, and of those that it is built on.
    """
    left_out = _CARRIERS.union(carriers)
    found: dict[str, None] = {}
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect is slower
    for _ in range(_DEPTH):
        if frame is None:
            break
        code = frame.f_code
        if code.co_filename in ENDS and code in ENDS[code.co_filename]:
            break
        name = frame.f_globals.get("__name__")
        if isinstance(name, str) and name.partition(".")[0] not in left_out:
            found[name] = None
        frame = frame.f_back
    return tuple(found)


def words_behind(app: Flask, modules: tuple[str, ...], callee: object = None) -> frozenset[str]:
    """The words of the source behind a call; empty if there is none to read.

    Views of other apps may be in the same file, and name the keys that they write.

    :param app: the app that makes the call.
    :param modules: see :func:`modules_on_stack`.
    :param callee: the app that answers, if it is one of this process.
    """
    views = _views_of(callee) if isinstance(callee, Flask) and callee is not app else ()
    return _words_behind((app.import_name, app.name), _folders_of(app), modules, views)


# Once for each way that leads to a call.
@lru_cache(maxsize=256)
def _words_behind(
    caller: tuple[str, str],
    folders: tuple[str, ...],
    modules: tuple[str, ...],
    views: tuple[tuple[str, int], ...],
) -> frozenset[str]:
    found: set[str] = set()
    names = (caller[0], *modules)
    views = (*views, *(view for each in _other_apps(caller, names) for view in _views_of(each)))
    for path in _files_behind(names):
        without = tuple(line for file, line in views if file == path)
        found |= words_of_file(path, without)
    for folder in folders if found else ():
        found |= words_of_templates(folder)
    return frozenset(found)


def _other_apps(caller: tuple[str, str], names: Iterable[str]) -> list[Flask]:
    """The apps of these modules, by their names other than the caller."""
    modules = [sys.modules[name] for name in names if name in sys.modules]
    values = (value for module in modules for value in list(vars(module).values()))
    apps = [value for value in values if issubclass(type(value), Flask)]
    return [each for each in apps if (each.import_name, each.name) != caller]


def _views_of(app: Flask) -> tuple[tuple[str, int], ...]:
    """Where the views of an app are: file and first line."""
    codes = (getattr(unwrap(view), "__code__", None) for view in app.view_functions.values())
    return tuple((code.co_filename, code.co_firstlineno) for code in codes if code is not None)


def _files_behind(names: Iterable[str]) -> list[str]:
    """Source files of modules, and of all that they have imported of the application's own.

    Of an installed package, only its own modules count; Python itself reads no answers.
    """
    files: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(names)
    libraries = {name.partition(".")[0] for name in waiting}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if module is None or name in seen:
            continue
        seen.add(name)
        path = getattr(module, "__file__", None)
        if not path or not path.endswith(".py") or is_ours(path):
            continue
        top = name.partition(".")[0]
        if is_installed(path) and (top not in libraries or top in sys.stdlib_module_names):
            continue
        files[path] = None
        waiting.extend(_imported_by(module))
    return list(files)


def _imported_by(module: ModuleType) -> set[str]:
    """Names of the modules that a module has imported, or imported something from."""
    found: set[str] = set()
    for value in list(vars(module).values()):
        kind = type(value)  # isinstance() asks a proxy for its object.
        if issubclass(kind, ModuleType):
            name: Any = vars(value).get("__name__")
        else:
            name = (value if issubclass(kind, (type, FunctionType)) else kind).__module__
        if isinstance(name, str):
            found.add(name)
    return found


def _folders_of(app: Flask) -> tuple[str, ...]:
    """The folders of an app's templates; its loader would be made earlier than without us."""
    owners = (app, *app.blueprints.values())
    return tuple(
        os.path.join(each.root_path, each.template_folder)
        for each in owners
        if each.template_folder is not None
    )
