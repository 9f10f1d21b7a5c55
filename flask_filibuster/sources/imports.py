"""The imports of modules, read from their source.

Code is neither run nor imported: loaded modules are looked up, and other modules are searched for
where Python searches.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import logging
import os
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from flask_filibuster.core.own_code import is_installed, is_ours
from flask_filibuster.sources.objects import (
    is_a,
    loaded,
    path_of,
    static,
    text_of,
    tolerant,
    variables_of,
)

logger = logging.getLogger(__name__)

Files = frozenset[str]


@dataclass(frozen=True, slots=True)
class Module:
    """A module, loaded or not.

    :ivar name: its name; empty if only the file is known.
    :ivar file: absolute path of its file; ``None``: there is none, as for a namespace package.
    :ivar package: the base of its relative imports.
    :ivar path: directories of its submodules; ``None``: it is not a package.
    """

    name: str
    file: str | None
    package: str
    path: tuple[str, ...] | None = None


class Imports:
    """The imports of modules; each file is read once."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._named: dict[str, Module | None] = {}
        self._imported: dict[Module, tuple[str, ...]] = {}
        self._at: dict[str, Module] = {}

    def digest(self, file: str) -> str:
        """Digest of a file's content; empty if there is no such file."""
        if file not in self._digests:
            self._read(file)
        return self._digests[file]

    def closure(
        self, modules: Iterable[Module], package: str, *, without: Iterable[Module] = ()
    ) -> Files:
        """The files of these modules and of their imports, restricted to own code.

        :param package: a top-level package that counts as own code even if installed.
        :param without: modules to skip, including the modules that only they import.
        """
        pending, seen = list(modules), set[Module](without)
        files: set[str] = set()
        while pending:
            module = pending.pop()
            if module in seen:
                continue
            seen.add(module)
            if module.file is not None:
                if not _is_own(module, package):
                    continue
                files.add(module.file)
            for name in (*_packages_above(module.name), *self._imports_of(module)):
                found = self.find(name)
                if found is not None:
                    pending.append(found)
        return frozenset(files)

    def at(self, file: str) -> Module:
        """The module in a file, with its name if loaded.

        :param file: its absolute path.
        """
        if file not in self._at:
            self._at[file] = _module_at(file)
        return self._at[file]

    def _read(self, file: str) -> bytes:
        try:
            content = Path(file).read_bytes()
        except (OSError, ValueError) as error:  # an invalid file name is a ValueError
            logger.debug("%s cannot be read: %s", file, error)
            self._digests.setdefault(file, "")
            return b""
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self._digests.setdefault(file, digest)
        return content

    def _imports_of(self, module: Module) -> tuple[str, ...]:
        if module not in self._imported:
            self._imported[module] = tuple(dict.fromkeys(self._parse(module)))
        return self._imported[module]

    def _parse(self, module: Module) -> Iterator[str]:
        if module.file is None:
            return
        content = self._read(module.file)
        if not module.file.endswith(".py"):
            return
        try:
            # The compiler has issued its warnings at import.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(content)
        except (SyntaxError, ValueError, RecursionError) as error:
            logger.debug("%s is no Python source: %s", module.file, error)
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name
            elif isinstance(node, ast.ImportFrom):
                yield from self._imported_from(node, module)

    def _imported_from(self, node: ast.ImportFrom, module: Module) -> Iterator[str]:
        name = "." * node.level + (node.module or "")
        try:
            base = importlib.util.resolve_name(name, module.package)
        except ImportError as error:
            logger.debug("%s: %s", module.file, error)
            return
        yield base
        for alias in node.names:
            if alias.name == "*":
                listed = variables_of(sys.modules.get(base)).get("__all__")
                for each in listed if is_a(listed, (list, tuple)) else ():
                    if text := text_of(each):
                        yield f"{base}.{text}"
            else:
                yield f"{base}.{alias.name}"

    def find(self, name: str) -> Module | None:
        """The module of that name, without importing it or the packages above it."""
        if name not in self._named:
            module = sys.modules.get(name)
            if name == "__main__" or _is_described(module):
                self._named[name] = of_namespace(variables_of(module), name)
            elif name not in sys.modules or _took_the_place_of(module, name):
                self._named[name] = _search(name, self.find)
            else:
                self._named[name] = None  # forbidden, or replaced by a test
        return self._named[name]


def _is_described(module: object) -> bool:
    """Whether a loaded object is a module with a known origin."""
    variables = variables_of(module)
    return any(variables.get(each) is not None for each in ("__file__", "__path__", "__spec__"))


def _took_the_place_of(loaded: object, name: str) -> bool:
    """Whether a module has replaced itself by this object in ``sys.modules``.

    Then only the name leads to the source.
    """
    return is_a(loaded, ModuleType) or static(type(loaded), "__module__") == name


def _search(name: str, find: Callable[[str], Module | None]) -> Module | None:
    """The module of that name, by Python's own search.

    :param find: finds the package above it.
    """
    above = name.rpartition(".")[0]
    if above:
        package = find(above)
        return None if package is None else _search_in(package.path or (), name)
    # Not importlib.util.find_spec, which reads __spec__ of any loaded object.
    for finder in list(sys.meta_path):
        with tolerant(f"{name} with {finder!r}"):
            spec = finder.find_spec(name, None)
            if spec is not None:
                return _of_spec(spec)
    return None


def _search_in(path: Iterable[str], name: str) -> Module | None:
    """The module of that name below a package.

    ``importlib`` would import the package, and so would its ``PathFinder``.
    """
    portions: list[str] = []
    for each in path:
        spec = None
        with tolerant(f"{name} in {each}"):
            finder: Any = pkgutil.get_importer(each)
            spec = None if finder is None else finder.find_spec(name)
        if spec is not None and spec.loader is not None:
            return _of_spec(spec)
        if spec is not None:
            portions += spec.submodule_search_locations or ()
    return Module(name, None, name, tuple(portions)) if portions else None


def _of_spec(spec: ModuleSpec) -> Module:
    file = os.path.abspath(spec.origin) if spec.has_location and spec.origin else None
    path = spec.submodule_search_locations
    return Module(spec.name, file, spec.parent or "", None if path is None else tuple(path))


def _is_own(module: Module, package: str) -> bool:
    file = module.file or ""
    if is_ours(file):
        return False
    is_of_package = bool(package) and module.name.partition(".")[0] == package
    return is_of_package or not is_installed(file)


def _packages_above(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


def loaded_module(name: object) -> list[Module]:
    """The module of that name, if it is loaded and has a file."""
    known = text_of(name)
    if known is None or sys.modules.get(known) is None:
        return []
    module = Imports().find(known)
    return [] if module is None or module.file is None else [module]


def modules_with(value: object) -> list[Module]:
    """The modules of own code with a global variable that is this object."""
    found: list[Module] = []
    for name, variables in loaded():
        file = text_of(variables.get("__file__"))
        if file is None or is_installed(file) or is_ours(file):
            continue
        if any(each is value for each in list(variables.values())):
            found.append(of_namespace(variables, name))
    return found


def of_namespace(namespace: Mapping[str, Any], name: str, compiled_from: str = "<>") -> Module:
    """The module with these global variables.

    :param compiled_from: file of the code of one of its functions; in angle brackets if none.
    """
    file = text_of(namespace.get("__file__")) or compiled_from
    path = path_of(namespace)
    package = text_of(namespace.get("__package__"))
    if package is None:
        package = name if path is not None else name.rpartition(".")[0]
    return Module(name, None if file.startswith("<") else os.path.abspath(file), package, path)


def _module_at(file: str) -> Module:
    """The module in a file, with its name if loaded."""
    for name, variables in loaded():
        if text_of(variables.get("__file__")) == file:
            return of_namespace(variables, name)
    return Module("", file, "")
