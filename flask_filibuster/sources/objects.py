"""Inspects foreign objects without running their code.

``sys.modules`` holds more than modules: ``None``, cffi's libraries, lazy modules, objects that
replace their module. Such objects, and the values in modules, may claim any class, compute any
attribute, or raise from either. So only data that Python itself stores is read: the type, and the
``__dict__`` of a real module.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType, MethodType, ModuleType
from typing import Any, TypeGuard, TypeVar

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_DICT = vars(ModuleType)["__dict__"]
_NONE: Mapping[str, Any] = MappingProxyType({})


@contextlib.contextmanager
def tolerant(part: str) -> Iterator[None]:
    """Skip a part that cannot be analysed: odd objects must not hide the rest of an app."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - attributes, __eq__, __class__ ... may raise anything
        logger.debug("cannot analyse %s: %r", part, error)


def is_a(value: object, kind: type[_T] | tuple[type[_T], ...]) -> TypeGuard[_T]:
    """Whether an object is of a type; ``isinstance`` would also read its ``__class__``."""
    return issubclass(type(value), kind)


def text_of(value: object) -> str | None:
    """A plain copy of a string; ``None`` for anything else."""
    return str.__str__(value) if is_a(value, str) else None


def variables_of(module: object) -> Mapping[str, Any]:
    """The global variables of a module; empty for any other object.

    ``vars`` would trigger the import of a lazy module, and fails for an object that merely claims
    to be a module, such as cffi's libraries.
    """
    if not is_a(module, ModuleType):
        return _NONE
    found: Mapping[str, Any] | None = _DICT.__get__(module)
    return found or _NONE


def path_of(variables: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The directories of a package's submodules, from its variables; ``None``: no package."""
    path = variables.get("__path__")
    if path is None:
        return None
    found: list[str] = []
    # A namespace package computes its path, and fails if its parent package is gone.
    with tolerant("the path of a package"):
        found += [text for each in path if (text := text_of(each)) is not None]
    return tuple(found)


def loaded() -> list[tuple[str, Mapping[str, Any]]]:
    """The loaded modules: names and global variables."""
    return [
        (text, variables)
        for name, module in list(sys.modules.items())
        if (text := text_of(name)) and (variables := variables_of(module))
    ]


def static(value: object, name: str) -> Any:
    """An attribute, or ``None``, without a call of descriptors or ``__getattr__``."""
    found: Any = None
    with tolerant(f"{name} of a {type(value).__name__}"):
        found = inspect.getattr_static(value, name, None)
    return found  # noqa: RET504 - where it raises, too


def attribute(value: object, name: str) -> Any:
    """An attribute, or ``None`` if it is missing or raises."""
    found: Any = None
    with tolerant(f"{name} of a {type(value).__name__}"):
        found = getattr(value, name, None)
    return found  # noqa: RET504 - where it raises, too


Identity = tuple[int, ...]


def identity_of(function: Any) -> Identity:
    """The identity of a function; a bound method is another object each time it is looked up.

    All hooks of the extension are one, as they come and go with each execution.

    >>> class Shop:
    ...     def view(self): ...
    >>> shop = Shop()
    >>> identity_of(shop.view) == identity_of(shop.view)
    True
    """
    if str(attribute(function, "__module__")).partition(".")[0] == "flask_filibuster":
        return ()
    if is_a(function, MethodType):
        return id(function.__self__), id(function.__func__)
    return (id(function),)
