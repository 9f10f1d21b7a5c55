"""Which error statuses the views of a Flask app can answer with, read from their source.

Nothing of the app is run: names are looked up in its modules, classes and closures as they are now.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import functools
import importlib.util
import inspect
import linecache
import logging
import re
import sys
import sysconfig
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

_log = logging.getLogger(__name__)

_FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Values: TypeAlias = tuple[Any, ...]

FRAMEWORK = frozenset({"flask", "werkzeug"})
VIEW_METHODS = ("dispatch_request", "get", "post", "put", "patch", "delete", "head", "options")
# so many calls of a function with different arguments are read, more would take too long
MOST_CALLS = 50
CONSTRUCTORS = ("__init__", "__post_init__")
STATUS_ARGUMENTS = frozenset({"code", "status", "status_code", "http_status_code"})


def answered_statuses(app: Any) -> frozenset[int]:
    """The statuses from 400 to 599 that a Flask app's own code can answer with.

    Views, ``before_request`` hooks and error handlers are read, and the functions of the same
    top-level package that they use. What cannot be read is left out, and logged at DEBUG.

    :param app: a Flask app, or something with the same ``view_functions``,
        ``before_request_funcs`` and ``error_handler_spec``.
    :returns: the statuses; empty when there are none, or none that can be found.
    """
    entries: list[Any] = []
    with _tolerant("the app"):
        entries.extend(_entry_points(app))
    packages: set[str] = set()
    with _tolerant("the name of the app"):
        packages.add(_package(str(app.import_name)))
    for entry in entries:
        with _tolerant(f"the module of a {type(entry).__name__}"):
            packages.update(_packages_of(entry))
    return _Analysis(packages - FRAMEWORK).statuses_of(entries)


def _entry_points(app: Any) -> Iterator[Any]:
    yield from app.view_functions.values()
    for hooks in getattr(app, "before_request_funcs", {}).values():
        yield from hooks
    for by_code in getattr(app, "error_handler_spec", {}).values():
        for by_class in by_code.values():
            yield from by_class.values()


def _packages_of(entry: Any) -> Iterator[str]:
    """The package of a view that is not installed is the app's own, however the app is named."""
    while isinstance(entry, functools.partial):
        entry = entry.func
    # functools.wraps and View.as_view pass on the module of what they wrap
    name = str(getattr(entry, "__module__", ""))
    path = Path(getattr(sys.modules.get(name), "__file__", None) or "")
    standard = path.is_relative_to(sysconfig.get_path("stdlib"))
    if not standard and not {"site-packages", "dist-packages"} & set(path.parts):
        yield _package(name)


def _package(module: str) -> str:
    """The top-level package of a module, of ``__main__`` too when it was run with ``-m``."""
    package = getattr(sys.modules.get(module), "__package__", None)
    return str(package or module).partition(".")[0]


@contextlib.contextmanager
def _tolerant(part: str) -> Iterator[None]:
    """Leave out what cannot be analysed: odd objects of an app must not hide the rest of it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - attributes, __eq__, __class__ ... may raise anything
        _log.debug("cannot analyse %s: %r", part, error)


class _Sources:
    """The functions in source files; each file is parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[tuple[int, str], list[_FunctionNode]]] = {}
        self._bodies: dict[_FunctionNode, list[ast.AST]] = {}

    def body_of(self, function: _FunctionNode) -> list[ast.AST]:
        """The nodes of a function's own body; functions and classes in it are not entered."""
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

    def nodes_of(self, function: FunctionType) -> list[_FunctionNode]:
        """The function's node; several for lambdas of one line, which cannot be told apart."""
        code = function.__code__
        if code.co_filename not in self._files:
            self._files[code.co_filename] = {}
            # what the compiler warned of, it does not need to say again
            with _tolerant(code.co_filename), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                lines = linecache.getlines(code.co_filename, function.__globals__)
                self._files[code.co_filename] = _functions_in(ast.parse("".join(lines)))
        found = self._files[code.co_filename].get((code.co_firstlineno, code.co_name), [])
        if not found:
            _log.debug("no source of %s in %s", code.co_name, code.co_filename)
        return found


def _functions_in(module: ast.Module) -> dict[tuple[int, str], list[_FunctionNode]]:
    """Functions by the first line (of decorators, too) and name that their code objects have."""
    found: dict[tuple[int, str], list[_FunctionNode]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            line = min(each.lineno for each in (node, *node.decorator_list))
            found.setdefault((line, node.name), []).append(node)
        elif isinstance(node, ast.Lambda):
            found.setdefault((node.lineno, "<lambda>"), []).append(node)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Nested:
    """A function inside a function that is read: there is no object, only its source."""

    node: _FunctionNode
    scope: _Scope


class _Scope:
    """Where the names in one function are looked up.

    An expression has all the values that it is known to have at times. A class also stands for its
    instances.
    """

    def __init__(
        self,
        node: _FunctionNode,
        body: Iterable[ast.AST],
        function: FunctionType,
        parent: _Scope | None,
        placed: Iterable[_Values],
        named: Mapping[str, _Values],
    ) -> None:
        self.node = node
        self.function = function
        self._parent = parent
        self._known: dict[ast.expr, _Values] = {}
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
                self._defined.setdefault(name, []).append(_Nested(node, self))
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._defined.setdefault(name, []).append(self._imported(node, alias))
            # a local name with a value that is not known hides the global one
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
        package = str(self.function.__globals__.get("__package__") or "")
        try:
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:
            return None
        return _attribute(sys.modules.get(module), alias.name)

    def leaves(self, expression: ast.expr) -> Iterator[ast.expr]:
        """The expressions one of which this one is: sides of ``if``, what a local is set to."""
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

    def values(self, expression: ast.expr) -> _Values:
        """The objects that the expression can be, as far as they are known."""
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
                return [each for each in self.values(function) if isinstance(each, type)]
            case ast.Lambda():
                return [_Nested(leaf, self)]
        return []

    def _outer(self, name: str) -> list[Any]:
        free = self.function.__code__.co_freevars
        value = self.function.__globals__.get(name)
        with contextlib.suppress(ValueError):  # a variable of a closure that is not assigned yet
            if name in free and self.function.__closure__:
                value = self.function.__closure__[free.index(name)].cell_contents
        return [] if value is None else [value]


def _functions(called: Any) -> Iterator[tuple[FunctionType | _Nested, _Values]]:
    """What runs when an object is called, wrappers and what they wrap, with first arguments."""
    pending: list[tuple[Any, _Values]] = [(called, ())]
    seen: dict[int, Any] = {}  # with the objects: an id is used again once its object is gone
    while pending:
        value, first = pending.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        match value:
            case FunctionType() | _Nested():
                yield value, first
            case MethodType(__func__=inner, __self__=owner):
                pending.append((inner, (owner, *first)))
            case functools.partial(func=inner, args=args):
                pending.append((inner, (*args, *first)))
            case BuiltinFunctionType(__name__=name):
                _log.debug("no source of %s, it is not written in Python", name)
            case type():
                pending += [(_attribute(value, each), ()) for each in CONSTRUCTORS]
            case _:
                special = inspect.getattr_static(type(value), "__call__", None)
                pending.append((special, (value, *first)))
        # asked statically first, as there are objects that make up any attribute
        if inspect.getattr_static(value, "__wrapped__", None) is not None:
            pending.append((getattr(value, "__wrapped__", None), first))
        view_class = inspect.getattr_static(value, "view_class", None)
        if isinstance(view_class, type):
            pending += [(_attribute(view_class, each), ()) for each in VIEW_METHODS]


def _attribute(value: Any, name: str) -> Any:
    """An attribute, or None; descriptors and ``__getattr__`` are not called."""
    if isinstance(value, ModuleType):
        return vars(value).get(name)
    if isinstance(value, enum.EnumMeta) and name in value.__members__:
        return value.__members__[name]
    if isinstance(value, enum.Enum) and name == "value":
        name = "_value_"
    found = inspect.getattr_static(value, name, None)
    match found:
        case staticmethod(__func__=function):
            return function
        case (
            classmethod(__func__=function)
            | property(fget=FunctionType() as function)
            | functools.cached_property(func=function)
            | (FunctionType() as function)
        ):
            return MethodType(function, value)
    return found


class _Analysis:
    """The functions of one app that are read, and the statuses found in them."""

    def __init__(self, packages: set[str]) -> None:
        self._packages = packages
        self._sources = _Sources()
        self._statuses: set[int] = set()
        self._scopes: dict[Hashable, dict[Hashable, _Scope]] = {}
        self._pending: list[tuple[_Scope, bool]] = []
        self._seen: set[tuple[_Scope, bool]] = set()

    def statuses_of(self, entries: Sequence[Any]) -> frozenset[int]:
        """The statuses in these functions, taken as views, and in what they use."""
        for entry in entries:
            with _tolerant(f"a view, a {type(entry).__name__}"):
                self._follow(entry, answers=True)
        while self._pending:
            scope, answers = self._pending.pop()
            nodes = [*self._sources.body_of(scope.node)]
            # those are followed with their arguments; other mentions, as callbacks, without
            called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
            if isinstance(scope.node, ast.Lambda):
                nodes.append(ast.Return(scope.node.body))
            for node in nodes:
                with _tolerant(f"line {getattr(node, 'lineno', '?')} of {scope.function}"):
                    if id(node) not in called:
                        self._read(node, scope, answers=answers)
        return frozenset(self._statuses)

    def _follow(
        self,
        called: Any,
        placed: Iterable[_Values] = (),
        named: Mapping[str, _Values] | None = None,
        *,
        answers: bool,
    ) -> None:
        """Plan to read what runs when an object is called.

        A function inside a function is read only where it is used.

        :param answers: whether the result is returned as a response; otherwise a helper that
            returns ``(name, 503)`` has no status, only one that raises does.
        """
        for function, first in _functions(called):
            if isinstance(function, _Nested):
                nodes, live, parent = [function.node], function.scope.function, function.scope
            elif _package(str(function.__globals__.get("__name__"))) in self._packages:
                nodes, live, parent = self._sources.nodes_of(function), function, None
            else:
                continue
            values = (*((each,) for each in first), *placed)
            by_name = named or {}
            identities = [*enumerate(values), *by_name.items()]
            for node in nodes:
                scopes = self._scopes.setdefault((node, live, parent), {})
                key = tuple((at, *map(id, each)) for at, each in identities)
                if key not in scopes and len(scopes) < MOST_CALLS:
                    body = self._sources.body_of(node)
                    scopes[key] = _Scope(node, body, live, parent, values, by_name)
                # whoever reads a function for its answers reads all of it
                if key in scopes and not {(scopes[key], answers), (scopes[key], True)} & self._seen:
                    self._seen.add((scopes[key], answers))
                    self._pending.append((scopes[key], answers))

    def _read(self, node: ast.AST, scope: _Scope, *, answers: bool) -> None:
        match node:
            case ast.Raise(exc=ast.expr() as sent):
                self._answer(sent, scope)
            case ast.Return(value=ast.expr() as sent) if answers:
                self._answer(sent, scope)
            case ast.Assign(targets=[ast.Attribute() as target], value=value):
                self._assign(target, scope, scope.values(value))
            case ast.Call():
                self._call(node, scope, answers=False)
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                for each in scope.values(node):
                    if isinstance(each, FunctionType | MethodType | functools.partial | _Nested):
                        self._follow(each, answers=False)

    def _assign(self, target: ast.Attribute, scope: _Scope, values: _Values) -> None:
        error = target.attr == "code" and any(map(_is_error, scope.values(target.value)))
        if error or target.attr == "status_code":
            self._note(values)
        elif target.attr == "status":  # a text is that of a response, a number that of an order
            self._note(each for each in values if isinstance(each, str))

    def _answer(self, sent: ast.expr, scope: _Scope) -> None:
        """Take the statuses of what is returned as a response, or raised."""
        for leaf in scope.leaves(sent):
            match leaf:
                case ast.Tuple(elts=[_, status]) | ast.Tuple(elts=[_, status, _]):
                    self._note(scope.values(status))
                case ast.Call():
                    self._call(leaf, scope, answers=True)
        for value in scope.values(sent):
            if _is_error(value):
                self._note([inspect.getattr_static(value, "code", None)])
            elif isinstance(value, tuple) and len(value) in (2, 3):
                self._note(value[1:2])

    def _call(self, call: ast.Call, scope: _Scope, *, answers: bool) -> None:
        functions = scope.values(call.func)
        names = {getattr(call.func, "attr", getattr(call.func, "id", ""))}
        names.update(each.__name__ for each in functions if isinstance(each, FunctionType))
        place = 0 if names & {"abort", "aborter"} else None
        if any(map(_is_response, functions)) or names & {"make_response", "response_class"}:
            place = 1
        if "make_response" in names and call.args:
            self._answer(call.args[0], scope)
        if place is not None:
            by_name = [each.value for each in call.keywords if each.arg in STATUS_ARGUMENTS]
            for each in (*call.args[place : place + 1], *by_name):
                self._note(scope.values(each))
        placed = [_told(scope.values(each)) for each in call.args]
        named = {each.arg: _told(scope.values(each.value)) for each in call.keywords if each.arg}
        for function in functions:
            self._follow(function, placed, named, answers=answers)

    def _note(self, values: Iterable[Any]) -> None:
        self._statuses.update(status for each in values if (status := _status(each)))


def _status(value: Any) -> int | None:
    """The error status that a value is as a response's status: ``503``, ``"503 No Luck"``."""
    text = re.match(r"\d{3}\b", value) if isinstance(value, str) else None
    status = int(text[0]) if text else value
    return int(status) if isinstance(status, int) and 400 <= status <= 599 else None


def _told(values: _Values) -> _Values:
    """What is worth telling a function that is called with these values.

    Not texts and numbers that make no difference, nor methods, which are new objects each time:
    there would be no end of different calls.
    """
    return tuple(
        each for each in values if (not isinstance(each, str | int | MethodType) or _status(each))
    )


def _is_error(value: Any) -> bool:
    return issubclass(value if isinstance(value, type) else type(value), BaseException)


def _is_response(value: Any) -> bool:
    """Whether it is Werkzeug's class of responses or made from it; that of requests is not."""
    return isinstance(value, type) and any(
        _package(each.__module__) == "werkzeug" and each.__name__ == "Response"
        for each in value.__mro__
    )
