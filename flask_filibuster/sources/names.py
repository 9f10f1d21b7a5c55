"""Functions of a live program: their source, and the values of the names in it.

Code is not run: names are looked up in modules, classes and closures as they are now.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import functools
import importlib.util
import linecache
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

from flask_filibuster.sources.objects import (
    attribute,
    is_a,
    static,
    text_of,
    tolerant,
    variables_of,
)

_log = logging.getLogger(__name__)

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Values: TypeAlias = tuple[Any, ...]

VIEW_METHODS = ("dispatch_request", "get", "post", "put", "patch", "delete", "head", "options")
CONSTRUCTORS = ("__init__", "__post_init__")


class Sources:
    """The functions in source files; each file is parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[tuple[int, str], list[FunctionNode]]] = {}
        self._bodies: dict[FunctionNode, list[ast.AST]] = {}

    def body_of(self, function: FunctionNode) -> list[ast.AST]:
        """The nodes of a function's own body, without nested functions and classes."""
        if function not in self._bodies:
            pending: list[ast.AST] = []
            pending += [function.body] if isinstance(function, ast.Lambda) else function.body
            body = self._bodies[function] = []
            while pending:
                node = pending.pop()
                body.append(node)
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    pending.extend(ast.iter_child_nodes(node))
        return self._bodies[function]

    def nodes_of(self, function: FunctionType) -> list[FunctionNode]:
        """The function's node; several for lambdas on one line, which are indistinguishable."""
        code = function.__code__
        if code.co_filename not in self._files:
            self._files[code.co_filename] = {}
            # the compiler has issued its warnings at import
            with tolerant(code.co_filename), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                lines = linecache.getlines(code.co_filename, function.__globals__)
                self._files[code.co_filename] = _functions_in(ast.parse("".join(lines)))
        found = self._files[code.co_filename].get((code.co_firstlineno, code.co_name), [])
        if not found:
            _log.debug("no source of %s in %s", code.co_name, code.co_filename)
        return found


def _functions_in(module: ast.Module) -> dict[tuple[int, str], list[FunctionNode]]:
    """Functions by first line (decorators included) and name, as in their code objects."""
    found: dict[tuple[int, str], list[FunctionNode]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            line = min(each.lineno for each in (node, *node.decorator_list))
            found.setdefault((line, node.name), []).append(node)
        elif isinstance(node, ast.Lambda):
            found.setdefault((node.lineno, "<lambda>"), []).append(node)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """A nested function: there is no object, only its source."""

    node: FunctionNode
    scope: Scope


class Scope:
    """The scope of the names in one function.

    An expression has all values that it can have. A class also represents its instances.
    """

    def __init__(
        self,
        node: FunctionNode,
        body: Iterable[ast.AST],
        function: FunctionType,
        parent: Scope | None,
        placed: Iterable[Values],
        named: Mapping[str, Values],
    ) -> None:
        self.node = node
        self.function = function
        self._parent = parent
        self._known: dict[ast.expr, Values] = {}
        parameters = node.args
        names = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
        given = {**dict(zip(names, placed, strict=False)), **named}
        keywords = [each.arg for each in parameters.kwonlyargs]
        defaults = {
            **dict(zip(reversed(names), reversed(parameters.defaults), strict=False)),
            **dict(zip(keywords, parameters.kw_defaults, strict=True)),
        }
        self._defined: dict[str, list[Any]] = {
            each.arg: list(given.get(each.arg, ()))
            for each in ast.walk(parameters)
            if isinstance(each, ast.arg)
        }
        self._assigned: dict[str, list[ast.expr]] = {
            name: [each] for name, each in defaults.items() if each and name not in given
        }
        for each in body:
            self._define(each)

    def _define(self, node: ast.AST) -> None:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                self._assigned.setdefault(name, []).append(value)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._defined.setdefault(name, []).append(Nested(node, self))
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._defined.setdefault(name, []).append(self._imported(node, alias))
            # a local name with an unknown value hides the global one
            case (
                ast.Name(id=str(name), ctx=ast.Store())
                | ast.arg(arg=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.ClassDef(name=str(name))
            ):
                self._defined.setdefault(name, [])

    def _imported(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> Any:
        if isinstance(node, ast.Import):
            return sys.modules.get(alias.name if alias.asname else alias.name.partition(".")[0])
        package = text_of(self.function.__globals__.get("__package__")) or ""
        try:
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:
            return None
        return _attribute(sys.modules.get(module), alias.name)

    def leaves(self, expression: ast.expr) -> Iterator[ast.expr]:
        """The possible sources of its value: both sides of an ``if``, assignments to a local."""
        pending, seen = [expression], set[ast.expr]()
        while pending:
            each = pending.pop()
            if each in seen:
                continue
            seen.add(each)
            match each:
                case ast.IfExp(body=yes, orelse=no):
                    pending += [yes, no]
                case ast.BoolOp(values=operands):
                    pending += operands
                case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                    pending.append(inner)
                case _:
                    yield each
            if isinstance(each, ast.Name):
                pending += self._assigned.get(each.id, ())

    def values(self, expression: ast.expr) -> Values:
        """The known objects that the expression can evaluate to."""
        found: dict[int, Any] = {}
        for leaf in self.leaves(expression):
            if leaf not in self._known:
                self._known[leaf] = ()  # ends ``query = query.filter()``
                self._known[leaf] = tuple(self._values_of_leaf(leaf))
            found.update((id(value), value) for value in self._known[leaf])
        return tuple(found.values())

    def _values_of_leaf(self, leaf: ast.expr) -> Iterable[Any]:
        match leaf:
            case ast.Constant(value=value):
                return [value]
            case ast.Name(id=name) if name in self._defined:
                return self._defined[name]
            case ast.Name(id=name):
                return self._outer(name) if self._parent is None else self._parent.values(leaf)
            case ast.Attribute(value=base, attr=name):
                found = [_attribute(each, name) for each in self.values(base)]
                return [each for each in found if each is not None]
            case ast.Call(func=function):
                return [each for each in self.values(function) if is_a(each, type)]
            case ast.Lambda():
                return [Nested(leaf, self)]
        return []

    def _outer(self, name: str) -> list[Any]:
        free = self.function.__code__.co_freevars
        value = self.function.__globals__.get(name)
        with contextlib.suppress(ValueError):  # an unassigned variable of a closure
            if name in free and self.function.__closure__:
                value = self.function.__closure__[free.index(name)].cell_contents
        return [] if value is None else [value]


def functions_called(called: Any) -> Iterator[tuple[FunctionType | Nested, Values]]:
    """The functions that run when an object is called, through wrappers, with first arguments."""
    pending: list[tuple[Any, Values]] = [(called, ())]
    seen: dict[int, Any] = {}  # keeps the objects alive: Python reuses the ids of dead ones
    while pending:
        value, first = pending.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if is_a(value, FunctionType) or is_a(value, Nested):
            yield value, first
        else:
            pending += _called_by(value, first)
        # static look-up first, as some objects compute any attribute
        if static(value, "__wrapped__") is not None:
            pending.append((attribute(value, "__wrapped__"), first))
        view_class = static(value, "view_class")
        if is_a(view_class, type):
            pending += [(_attribute(view_class, each), ()) for each in VIEW_METHODS]


def _called_by(value: Any, first: Values) -> list[tuple[Any, Values]]:
    """The functions that an object other than a function runs when called, with arguments."""
    if is_a(value, MethodType):
        return [(value.__func__, (value.__self__, *first))]
    if is_a(value, functools.partial):
        return [(value.func, (*value.args, *first))]
    if is_a(value, BuiltinFunctionType):
        _log.debug("no source of %s: it is not written in Python", value.__name__)
        return []
    if is_a(value, type):
        return [(_attribute(value, each), ()) for each in CONSTRUCTORS]
    return [(static(type(value), "__call__"), (value, *first))]


def _attribute(value: Any, name: str) -> Any:
    """An attribute, or None; descriptors and ``__getattr__`` are not called."""
    if is_a(value, ModuleType):
        return variables_of(value).get(name)
    if is_a(value, enum.EnumMeta) and name in value.__members__:
        return value.__members__[name]
    if is_a(value, enum.Enum) and name == "value":
        name = "_value_"
    found = static(value, name)
    if is_a(found, staticmethod):
        return found.__func__
    if is_a(found, classmethod):
        return MethodType(found.__func__, value)
    if is_a(found, functools.cached_property):
        return MethodType(found.func, value)
    function = found.fget if is_a(found, property) else found
    return MethodType(function, value) if is_a(function, FunctionType) else found
