"""Where the functions of ``time`` are: in modules, classes, objects, defaults and closures.

``from time import sleep`` makes a copy of a reference. Python's garbage collector knows the owners
of all references; their number shows whether there are new ones.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CellType, FunctionType
from typing import Any

# Other libraries that move clocks, whose own references are to the real ones; what waits for
# processes; loops with timers of their own.
_OWN = frozenset(
    {
        *("flask_filibuster", "freezegun", "time_machine", "pytest_timeout"),
        *("subprocess", "multiprocessing", "gevent", "eventlet", "trio"),
    }
)
Exchange = Callable[[Mapping[int, Any]], None]
"""Puts other objects into one place: what by the identity of what is there."""


def counts(functions: Iterable[Any]) -> list[int]:
    """The number of references to each function."""
    return [sys.getrefcount(each) for each in functions]


def in_module_of_time() -> Exchange:
    """The place that every function has."""
    attributes = vars(time)

    def exchange(others: Mapping[int, Any]) -> None:
        for name, value in list(attributes.items()):
            if id(value) in others:
                attributes[name] = others[id(value)]

    return exchange


def places_of(functions: list[Any]) -> list[Exchange]:
    """All places of these functions.

    :param functions: the functions.
    """
    wanted = _Wanted(functions)
    found: list[Exchange] = []
    tuples: list[tuple[Any, ...]] = []
    for owner in gc.get_referrers(*functions):
        if owner is functions:
            continue
        if type(owner) is tuple:
            tuples.append(owner)
        else:
            found.extend(_in(owner, wanted))
    if tuples:
        known = {id(each) for each in tuples}
        for owner in gc.get_referrers(*tuples):
            if type(owner) is FunctionType and id(owner.__defaults__) in known:
                found.append(_in_defaults(owner))
    if gc.get_freeze_count():  # The collector does not look at what was frozen.
        for module in list(sys.modules.values()):
            attributes = _attributes_of(module)
            if type(attributes) is dict:
                found.extend(_in_module(attributes, wanted))
    return found


class _Wanted:
    """The functions to find. Their types are compared first: ``id`` is heard by audit hooks."""

    def __init__(self, functions: list[Any]) -> None:
        self.kinds = frozenset(map(type, functions))
        self._ids = frozenset(map(id, functions))

    def has(self, value: Any) -> bool:
        return type(value) in self.kinds and id(value) in self._ids


def _in_module(attributes: dict[str, Any], wanted: _Wanted) -> Iterator[Exchange]:
    """The places that a module refers to: its own, and those of its functions and objects."""
    yield from _in(attributes, wanted)
    name = attributes.get("__name__")
    for value in list(attributes.values()):
        kind = type(value)
        if kind is FunctionType:
            if value.__module__ == name:
                yield from _in_function(value, wanted)
        elif kind is dict:
            yield from _in(value, wanted)
        elif isinstance(value, type):
            if value.__module__ == name:
                yield from _below_class(value, wanted)
        elif kind.__module__ == name:
            yield from _in(value, wanted)


def _below_class(kind: type, wanted: _Wanted) -> Iterator[Exchange]:
    for name, value in list(vars(kind).items()):
        if type(value) in wanted.kinds and wanted.has(value):
            yield _in_class(kind, name)
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if type(function) is FunctionType:
            yield from _in_function(function, wanted)


def _in_function(function: FunctionType, wanted: _Wanted) -> Iterator[Exchange]:
    if function.__defaults__ and any(map(wanted.has, function.__defaults__)):
        yield _in_defaults(function)
    if function.__kwdefaults__:
        yield from _in(function.__kwdefaults__, wanted)
    for cell in function.__closure__ or ():
        yield from _in(cell, wanted)


def _in(owner: Any, wanted: _Wanted) -> Iterator[Exchange]:
    if isinstance(owner, CellType):
        if any(map(wanted.has, gc.get_referents(owner))):
            yield _in_cell(owner)
        return
    attributes = owner if type(owner) is dict else _attributes_of(owner)
    if type(attributes) is not dict:
        return
    kinds = wanted.kinds
    names = [
        name
        for name, value in list(attributes.items())
        if type(value) in kinds and wanted.has(value)
    ]
    if not names:
        return
    if attributes is owner:
        module = attributes.get("__name__") or attributes.get("__module__") or ""
    else:
        module = type(owner).__module__
    if str(module).partition(".")[0] in _OWN:
        return
    # So have copies of a function's attributes, but they have a name as well.
    is_class = {"__module__", "__doc__"} <= attributes.keys() and "__name__" not in attributes
    kind = _class_of(attributes) if is_class else None
    for name in names:
        yield _in_dict(attributes, name) if kind is None else _in_class(kind, name)


def _attributes_of(owner: Any) -> Any:
    """Its own attributes, and not those of another object that it stands for (a proxy)."""
    try:
        return object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return None


def _class_of(attributes: dict[str, Any]) -> type | None:
    """The class with these attributes; a class notices only changes by ``setattr``."""
    # A search among all objects is the last resort: classes whose base has this have none.
    described = attributes.get("__dict__", attributes.get("__weakref__"))
    likely = getattr(described, "__objclass__", None)
    for each in (likely, *([] if likely else gc.get_referrers(attributes))):
        if isinstance(each, type):
            referents = gc.get_referents(vars(each))
            if len(referents) == 1 and referents[0] is attributes:
                return each
    return None


def _in_dict(owner: dict[str, Any], name: str) -> Exchange:
    def exchange(others: Mapping[int, Any]) -> None:
        other = others.get(id(owner.get(name)))
        if other is not None:
            owner[name] = other

    return exchange


def _in_class(owner: type, name: str) -> Exchange:
    def exchange(others: Mapping[int, Any]) -> None:
        other = others.get(id(vars(owner).get(name)))
        if other is not None:
            setattr(owner, name, other)

    return exchange


def _in_cell(cell: CellType) -> Exchange:
    def exchange(others: Mapping[int, Any]) -> None:
        try:
            other = others.get(id(cell.cell_contents))
        except ValueError:  # It is empty by now.
            return
        if other is not None:
            cell.cell_contents = other

    return exchange


def _in_defaults(function: FunctionType) -> Exchange:
    def exchange(others: Mapping[int, Any]) -> None:
        given = function.__defaults__ or ()
        if any(id(each) in others for each in given):
            function.__defaults__ = tuple(others.get(id(each), each) for each in given)

    return exchange
