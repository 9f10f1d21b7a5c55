"""Finds the Flask apps of a directory or a module by importing it."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from flask import Flask

from flask_filibuster.core.own_code import is_installed
from flask_filibuster.core.urls import THIS_MACHINE, host_of
from flask_filibuster.faultmodel.static_analysis import answered_statuses
from flask_filibuster.options.table import CONVENTION
from flask_filibuster.sources.imports import Imports
from flask_filibuster.sources.objects import attribute, is_a, text_of, variables_of

FACTORIES = ("create_app", "make_app")
ENTRANCES = ("__init__", "app", "wsgi")  # of a directory below the given one
GENERIC = frozenset(
    {"__main__", "app", "application", "main", "src", "wsgi"}
)  # not a name of a service
# modules with side effects on import, and modules with apps that are not services
NO_SERVICES = frozenset({"__main__", "__pycache__", "conftest", "setup", "test", "tests"})

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Service:
    """A Flask app that was found.

    :ivar name: name of the service.
    :ivar statuses: the error statuses that its own code answers with.
    :ivar made_in: directory and module that create the app.
    """

    name: str
    statuses: frozenset[int]
    made_in: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Modules that are imported together and removed from ``sys.modules`` together.

    :ivar modules: their names.
    :ivar places: directories to import from, in that order.
    :ivar directory: the directory of the modules, if known.
    """

    modules: tuple[str, ...]
    places: tuple[Path, ...]
    directory: Path | None = None


def services_of(target: str, note: Note) -> Iterator[Service]:
    """The services of a directory, or of a module.

    :param target: path of the directory, or name of the module.
    :param note: called with a message for each part that is skipped.
    """
    for part in _parts(target, note):
        with _importing_from(part.places), redirect_stdout(sys.stderr):
            modules = [each for name in part.modules for each in _imported(name, part, note)]
            # while the modules are loaded: the analysis looks names up in them
            found = [
                Service(name, answered_statuses(app), (app.root_path, app.import_name))
                for app, name in _named_apps(modules, note)
            ]
        yield from found


def _parts(target: str, note: Note) -> Iterator[Part]:
    if not os.path.isdir(target):
        yield Part((target,), (Path.cwd(),))
        return
    directory = Path(target).resolve()
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        note(f"{target} is skipped: {error}")
        return
    own = [path.stem for path in entries if path.suffix == ".py" and _fits(path.stem)]
    if (directory / "__init__.py").is_file():
        own.insert(0, "__init__")
    if own:
        yield _part(directory, own, directory)
    for path in entries:
        inside = [name for name in ENTRANCES if (path / f"{name}.py").is_file()]
        if inside and _fits(path.name):
            yield _part(path, inside, directory)


def _fits(name: str) -> bool:
    """Whether a module or directory of that name may be a service."""
    tests = name.startswith("test_") or name.endswith("_test")
    return name not in NO_SERVICES and name != "__init__" and not name.startswith(".") and not tests


def _part(directory: Path, stems: Iterable[str], target: Path) -> Part:
    """The modules of a directory, under the names that they use for each other."""
    package: list[str] = []
    root = directory
    while (root / "__init__.py").is_file():
        package.insert(0, root.name)
        root = root.parent
    names = (".".join((*package, stem)).removesuffix(".__init__") for stem in stems)
    return Part(tuple(names), tuple(dict.fromkeys((root, directory, target))), directory)


@contextmanager
def _importing_from(places: Sequence[Path]) -> Iterator[None]:
    """Import from these directories, and remove their modules from ``sys.modules`` afterwards.

    The next service may have modules of the same names.
    """
    path, before = list(sys.path), frozenset(sys.modules)
    sys.path[:0] = map(str, places)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name in [each for each in sys.modules if is_a(each, str)]:
            if name.partition(".")[0] not in before and _is_own(_file_of(name), places):
                del sys.modules[name]
        sys.path[:] = path


def _is_own(file: Path | None, places: Iterable[Path]) -> bool:
    """Whether a file belongs to a service. Installed packages may break on a second import."""
    if file is None or is_installed(str(file)):
        return False
    return any(map(file.is_relative_to, places))


def _file_of(name: str) -> Path | None:
    """The file of a module; a package without ``__init__.py`` has only directories."""
    module = Imports().find(name)
    file = module and (module.file or next(iter(module.path or ()), None))
    # links are not resolved: a service may be a link to a directory elsewhere
    return Path(os.path.abspath(file)) if file else None


def _imported(name: str, part: Part, note: Note) -> Iterator[Any]:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the code of other people
        note(f"{name} is skipped{_inside(part)}; it cannot be imported: {_reason(error)}")
        return
    file = _file_of(name)
    if part.directory is None or (file is not None and _is_in(file, part.directory)):
        yield module
    else:
        other = file or "a part of Python"
        note(f"{name} is skipped{_inside(part)}; its name already belongs to {other}")


def _is_in(file: Path, directory: Path) -> bool:
    """Whether a file is in a directory, also under another name of that directory."""
    return file.is_relative_to(directory) or file.resolve().is_relative_to(directory.resolve())


def _inside(part: Part) -> str:
    return "" if part.directory is None else f" in {part.directory}"


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _named_apps(modules: Sequence[Any], note: Note) -> Iterator[tuple[Flask, str]]:
    """The apps of modules that belong together, each under the names of its service."""
    seen: dict[tuple[int, str], Flask] = {}
    hosted = set[int]()
    for module in modules:
        for host, app in _hosted_apps(module, note):
            hosted.add(id(app))
            seen[id(app), _given_name(app) or host or _own_name(app, module)] = app
    for module in modules:
        for app in _apps(module, note):
            if id(app) not in hosted:
                hosted.add(id(app))
                seen[id(app), _given_name(app) or _own_name(app, module)] = app
    for (_, name), app in seen.items():
        yield app, name


def _hosted_apps(module: Any, note: Note) -> Iterator[tuple[str, Flask]]:
    """The apps of a mapping by base URL, with their hosts, which name them.

    The host is empty if it names none: several services of this machine have the same.
    """
    services = attribute(module, CONVENTION)
    if inspect.isfunction(services):
        services = _called(CONVENTION, module, note)
    if not isinstance(services, Mapping):
        if services is not None:
            note(f"{CONVENTION} in {_name_of(module)} is skipped; it must be a mapping of apps")
        return
    for url, app in services.items():
        if _is_app(app):
            try:
                host = host_of(str(url))
                yield ("" if host in THIS_MACHINE else host), app
            except ValueError as error:
                note(f"{url!r} in {CONVENTION} of {_name_of(module)} is not a base URL: {error}")
                yield "", app


def _apps(module: Any, note: Note) -> Iterator[Flask]:
    """The apps in a module's variables, or else those that its factories create."""
    # an object that replaces its module in sys.modules has its own attributes
    values = variables_of(module) or attribute(module, "__dict__") or {}
    variables = [each for each in list(values.values()) if _is_app(each)]
    yield from variables
    if not variables:
        for name in FACTORIES:
            made = _called(name, module, note)
            if _is_app(made):
                yield made


def _called(name: str, module: Any, note: Note) -> Any:
    """The result of a function of a module; ``None`` if it can't be called without arguments."""
    function = attribute(module, name)
    if not callable(function):
        return None
    try:
        inspect.signature(function).bind()
        return function()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the code of other people
        note(f"{name}() of {_name_of(module)} is skipped; it raised {_reason(error)}")
        return None


def _name_of(module: Any) -> str:
    return text_of(attribute(module, "__name__")) or type(module).__name__


def _is_app(value: Any) -> TypeGuard[Flask]:
    """Whether it is an app, by type alone: other checks would resolve proxies (``current_app``)."""
    return issubclass(type(value), Flask)


def _given_name(app: Flask) -> str | None:
    """The name of a service in its configuration, with or without the extension."""
    given = getattr(app.extensions.get("filibuster"), "given_name", None)
    name = given or app.config.get("FILIBUSTER_SERVICE_NAME")
    return name if isinstance(name, str) and name else None


def _own_name(app: Flask, module: Any) -> str:
    """The app's name, or its directory's name if the app's name is a generic one."""
    if app.name.rpartition(".")[2] not in GENERIC and app.import_name != "__main__":
        return app.name
    made_in = app.import_name
    if made_in == "__main__" or sys.modules.get(made_in) is None:
        made_in = _name_of(module)
    file = _file_of(made_in) or Path.cwd()
    names = (each for each in reversed(file.parts[1:-1]) if each not in GENERIC)
    return next(names, app.name)
