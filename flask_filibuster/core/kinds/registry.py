"""The registry of the kinds of fault."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from importlib import import_module
from types import MappingProxyType

from flask_filibuster.core import kinds
from flask_filibuster.core.kinds.base import Kind, Parameter
from flask_filibuster.errors import FaultModelError
from flask_filibuster.nearest import suggestion


@cache
def known_kinds() -> Mapping[str, type[Kind]]:
    """The kinds by name, in the order of the search.

    The package is searched once, when the first kind is requested by name: a list would need an
    edit for each kind, and would import all of them with every app. Kinds are part of this
    project, as clients implement the point of a call at which a kind acts.
    """
    found: list[type[Kind]] = []
    for module in pkgutil.walk_packages(kinds.__path__, f"{kinds.__name__}."):
        for each in vars(import_module(module.name)).values():
            # By type(): in Python 3.10, isinstance() takes list[int] for a class.
            is_class = issubclass(type(each), type)
            if is_class and issubclass(each, Kind) and not inspect.isabstract(each):
                found.append(each)
    found.sort(key=lambda kind: (kind.rank, kind.name))
    return MappingProxyType({kind.name: kind for kind in found})


def kind_of(name: str, parameters: Mapping[str, Parameter]) -> Kind:
    """The kind of that name with these parameters.

    :raises FaultModelError: there is no such kind, or it does not take these parameters.
    """
    kind = known_kinds().get(name)
    if kind is None:
        raise FaultModelError(f"no such kind of fault: {name!r}; {suggestion(name, known_kinds())}")
    declared = fields(kind)  # type: ignore[arg-type]
    taken = [each.name for each in declared]
    for given in parameters:
        if given not in taken:
            raise FaultModelError(
                f"{name!r} has no parameter {given!r}; {suggestion(given, taken)}"
            )
    for each in declared:
        if each.name not in parameters and each.default is MISSING:
            raise FaultModelError(f"{name!r} needs the parameter {each.name!r}")
    return kind(**parameters)
