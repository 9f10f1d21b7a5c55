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
    packages: set[str] = set()
    try:
        packages.add(_package(str(getattr(app, "import_name", ""))))
        for entry in _entry_points(app):
            entries.append(entry)
            packages.update(_packages_of(entry))
    except Exception as error:  # the app may be anything, and any attribute of it may raise
        _log.debug("cannot list all views of %s: %r", type(app), error)
    return _Analysis(packages - FRAMEWORK - {""}).statuses_of(entries)


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


def _package(name: str) -> str:
    """The top-level package of a module; that of ``__main__`` under ``python -m`` is its own."""
    package = getattr(sys.modules.get(name), "__package__", None)
    return str(package or name).partition(".")[0]


class _Sources:
    """The functions in source files; each file is parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[tuple[int, str], list[_FunctionNode]]] = {}

    def nodes_of(self, function: FunctionType) -> list[_FunctionNode]:
        """The function's node; several for lambdas of one line, which cannot be told apart."""
        code = function.__code__
        if code.co_filename not in self._files:
            self._files[code.co_filename] = self._index(function)
        found = self._files[code.co_filename].get((code.co_firstlineno, code.co_name), [])
        if not found:
            _log.debug("no source of %s in %s", code.co_name, code.co_filename)
        return found

    def _index(self, function: FunctionType) -> dict[tuple[int, str], list[_FunctionNode]]:
        filename = function.__code__.co_filename
        index: dict[tuple[int, str], list[_FunctionNode]] = {}
        try:
            tree = ast.parse("".join(linecache.getlines(filename, function.__globals__)))
        except Exception as error:  # SyntaxError, ValueError, RecursionError, MemoryError
            _log.debug("cannot parse %s: %r", filename, error)
            return index
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                line = min(each.lineno for each in (node, *node.decorator_list))
                index.setdefault((line, node.name), []).append(node)
            elif isinstance(node, ast.Lambda):
                index.setdefault((node.lineno, "<lambda>"), []).append(node)
        return index


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
        function: FunctionType,
        parent: _Scope | None,
        receiver: Any,
        bound: Mapping[str, _Values],
    ) -> None:
        self.node = node
        self.function = function
        self.assigned: dict[str, list[ast.expr]] = {}
        self._defined: dict[str, list[Any]] = {}
        self._known: dict[str, _Values] = {}
        self._parent = parent
        self._define_parameters(node.args, receiver, bound)
        for each in _body(node):
            self._define(each)

    def _define_parameters(
        self, parameters: ast.arguments, receiver: Any, bound: Mapping[str, _Values]
    ) -> None:
        placed = [*parameters.posonlyargs, *parameters.args]
        for each in (*placed, *parameters.kwonlyargs, parameters.vararg, parameters.kwarg):
            if each is not None:
                self._defined[each.arg] = list(bound.get(each.arg, ()))
        if receiver is not None and placed:
            self._defined[placed[0].arg] = [receiver]
        by_place = zip(reversed(placed), reversed(parameters.defaults), strict=False)
        by_name = zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        for each, default in (*by_place, *by_name):
            if default is not None and each.arg not in bound:
                self.assigned[each.arg] = [default]

    def _define(self, node: ast.AST) -> None:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ):
                self.assigned.setdefault(name, []).append(value)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self._defined.setdefault(name, []).append(_Nested(node, self))
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._defined.setdefault(name, []).append(self._imported(node, alias))
            # a local name with a value that is not known hides the global one
            case ast.Name(id=str(name), ctx=ast.Store()) | ast.arg(arg=str(name)):
                self._defined.setdefault(name, [])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                self._defined.setdefault(name, [])

    def _imported(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> Any:
        if isinstance(node, ast.Import):
            return sys.modules.get(alias.name if alias.asname else alias.name.partition(".")[0])
        package = str(self.function.__globals__.get("__package__") or "")
        try:
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:
            return None
        found = _attribute(sys.modules.get(module), alias.name)
        return sys.modules.get(f"{module}.{alias.name}") if found is None else found

    def values(self, expression: ast.AST) -> _Values:
        """The objects that the expression can be, as far as they are known."""
        match expression:
            case ast.Constant(value=value):
                return (value,)
            case ast.IfExp(body=yes, orelse=no):
                return self._any_of((yes, no))
            case ast.BoolOp(values=operands):
                return self._any_of(operands)
            case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                return self.values(inner)
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=base, attr=name):
                found = [_attribute(each, name) for each in self.values(base)]
                return tuple(each for each in found if each is not None)
            case ast.Call(func=function):
                return tuple(each for each in self.values(function) if isinstance(each, type))
            case ast.Lambda():
                return (_Nested(expression, self),)
        return ()

    def _any_of(self, expressions: Iterable[ast.expr]) -> _Values:
        # each object once, or ``a = b or b`` and so on would double them every time
        found = {id(each): each for part in expressions for each in self.values(part)}
        return tuple(found.values())

    def _named(self, name: str) -> _Values:
        if name not in self._known:
            self._known[name] = ()  # ends ``status = status or 503``
            self._known[name] = self._looked_up(name)
        return self._known[name]

    def _looked_up(self, name: str) -> _Values:
        if name in self._defined or name in self.assigned:
            return (*self._defined.get(name, ()), *self._any_of(self.assigned.get(name, ())))
        if self._parent is not None:
            return self._parent._named(name)
        cells = self.function.__closure__ or ()
        for free, cell in zip(self.function.__code__.co_freevars, cells, strict=True):
            if free == name:
                try:
                    return (cell.cell_contents,)
                except ValueError:  # not assigned yet
                    return ()
        return tuple(v for key, v in self.function.__globals__.items() if key == name)


class _Analysis:
    """The functions of one app that are read, and the statuses found in them."""

    def __init__(self, packages: set[str]) -> None:
        self._packages = packages
        self._sources = _Sources()
        self._statuses: set[int] = set()
        self._scopes: dict[Hashable, _Scope] = {}
        self._seen: set[tuple[_Scope, bool]] = set()
        self._pending: list[tuple[_Scope, bool]] = []

    def statuses_of(self, entries: Sequence[Any]) -> frozenset[int]:
        """The statuses in these functions, taken as views, and in what they use."""
        for entry in entries:
            with _tolerant(entry):
                self._follow(entry, answers=True)
        while self._pending:
            self._read(*self._pending.pop())
        return frozenset(self._statuses)

    def _follow(
        self,
        called: Any,
        placed: Sequence[_Values] = (),
        named: Mapping[str, _Values] | None = None,
        *,
        answers: bool,
    ) -> None:
        """Plan to read what runs when an object is called; ``answers``: what it returns is sent.

        A function inside a function is read only where it is used, its ``return`` of a status
        counts only where its result is returned in turn.
        """
        for function, receiver in _functions(called):
            if isinstance(function, _Nested):
                nodes, live, parent = [function.node], function.scope.function, function.scope
            elif _package(str(function.__globals__.get("__name__"))) in self._packages:
                nodes, live, parent = self._sources.nodes_of(function), function, None
            else:
                continue
            for node in nodes:
                bound = _bound(node.args, receiver is not None, placed, named or {})
                values = frozenset((name, frozenset(each)) for name, each in bound.items())
                key = (node, live, parent, id(receiver), values)
                if key not in self._scopes:
                    self._scopes[key] = _Scope(node, live, parent, receiver, bound)
                plan = (self._scopes[key], answers)
                if plan not in self._seen:
                    self._seen.add(plan)
                    self._pending.append(plan)

    def _read(self, scope: _Scope, answers: bool) -> None:
        nodes = list(_body(scope.node))
        # followed with their arguments; other mentions of a function, as a callback, without
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        if answers and isinstance(scope.node, ast.Lambda):
            nodes.append(ast.Return(scope.node.body))
        for node in nodes:
            with _tolerant(node):
                match node:
                    case ast.Raise(exc=ast.expr() as raised):
                        self._answer(raised, scope)
                    case ast.Return(value=ast.expr() as returned) if answers:
                        self._answer(returned, scope)
                    case ast.Assign(targets=[ast.Attribute() as target], value=value):
                        self._assign(target, value, scope)
                    case ast.Call():
                        self._call(node, scope, answers=False)
                    case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                        if id(node) not in called:
                            for value in scope.values(node):
                                if not isinstance(value, type):
                                    self._follow(value, answers=False)

    def _answer(self, sent: ast.expr, scope: _Scope, names: frozenset[str] = frozenset()) -> None:
        """Take the statuses of what is returned as a response, or raised."""
        match sent:
            case ast.IfExp(body=yes, orelse=no):
                self._answer(yes, scope, names)
                self._answer(no, scope, names)
            case ast.BoolOp(values=operands):
                for each in operands:
                    self._answer(each, scope, names)
            case ast.NamedExpr(value=inner) | ast.Await(value=inner):
                self._answer(inner, scope, names)
            case ast.Tuple(elts=[_, status]) | ast.Tuple(elts=[_, status, _]):
                self._note(scope.values(status))
            case ast.Call():
                self._call(sent, scope, answers=True)
            case ast.Name(id=name) if name not in names:
                for value in scope.assigned.get(name, ()):
                    self._answer(value, scope, names | {name})
        for value in scope.values(sent):
            if _is_error(value):
                self._note([inspect.getattr_static(value, "code", None)])
            elif isinstance(value, tuple) and len(value) in (2, 3):
                self._note(value[1:2])

    def _assign(self, target: ast.Attribute, value: ast.expr, scope: _Scope) -> None:
        values = scope.values(value)
        if target.attr == "status":  # of a response it is a text, of anything else a number too
            self._note(each for each in values if isinstance(each, str))
        elif target.attr == "status_code":
            self._note(values)
        elif target.attr == "code" and any(map(_is_error, scope.values(target.value))):
            self._note(values)

    def _call(self, call: ast.Call, scope: _Scope, *, answers: bool) -> None:
        functions = scope.values(call.func)
        names = {getattr(call.func, "attr", getattr(call.func, "id", ""))}
        names.update(each.__name__ for each in functions if isinstance(each, FunctionType))
        if names & {"abort", "aborter"}:
            self._note_argument(call, 0, scope)
        if any(map(_is_response, functions)) or (not functions and "response_class" in names):
            self._note_argument(call, 1, scope)
        if "make_response" in names and len(call.args) > 1:
            self._note_argument(call, 1, scope)
        elif "make_response" in names and call.args:
            self._answer(call.args[0], scope)
        placed = [scope.values(each) for each in call.args]
        named = {each.arg: scope.values(each.value) for each in call.keywords if each.arg}
        for each in functions:
            self._follow(each, placed, named, answers=answers)

    def _note_argument(self, call: ast.Call, place: int, scope: _Scope) -> None:
        named = [each.value for each in call.keywords if each.arg in STATUS_ARGUMENTS]
        for each in (*call.args[place : place + 1], *named):
            self._note(scope.values(each))

    def _note(self, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, str):
                value = int(value[:3]) if re.match(r"\d{3}\b", value) else None
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
                self._statuses.add(int(value))


def _bound(
    parameters: ast.arguments, method: bool, placed: Sequence[_Values], named: Mapping[str, _Values]
) -> dict[str, _Values]:
    """The parameters that a call gives values to, by name."""
    names = [each.arg for each in (*parameters.posonlyargs, *parameters.args)][method:]
    given = {**dict(zip(names, placed, strict=False)), **named}
    # only what can become a status, and is hashable, so that recursion is noticed
    return {
        name: tuple(each for each in values if isinstance(each, int | str | type))
        for name, values in given.items()
    }


def _functions(called: Any) -> Iterator[tuple[FunctionType | _Nested, Any]]:
    """What runs when an object is called, and its ``self``: wrappers and what they wrap."""
    pending: list[tuple[Any, Any]] = [(called, None)]
    seen: dict[int, Any] = {}  # with the objects: an id is used again once its object is gone
    while pending:
        value, receiver = pending.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        match value:
            case FunctionType() | _Nested():
                yield value, receiver
            case MethodType(__func__=inner, __self__=owner):
                pending.append((inner, owner))
            case functools.partial(func=inner):
                pending.append((inner, receiver))
            case BuiltinFunctionType(__name__=name):
                _log.debug("%s has no source, it is not written in Python", name)
            case type():
                pending += [(_attribute(value, name), None) for name in CONSTRUCTORS]
            case _:
                special = inspect.getattr_static(type(value), "__call__", None)
                if isinstance(special, FunctionType):
                    pending.append((special, value))
        # asked statically first, as there are objects that make up any attribute
        if inspect.getattr_static(value, "__wrapped__", None) is not None:
            pending.append((getattr(value, "__wrapped__", None), receiver))
        view_class = inspect.getattr_static(value, "view_class", None)
        if isinstance(view_class, type):
            pending += [(_attribute(view_class, name), None) for name in VIEW_METHODS]


def _attribute(value: Any, name: str) -> Any:
    """An attribute, or None; descriptors and ``__getattr__`` are not called."""
    if isinstance(value, ModuleType):
        return vars(value).get(name)
    if isinstance(value, enum.EnumMeta) and name in value.__members__:
        return value.__members__[name]
    if isinstance(value, enum.Enum) and name == "value":
        return value.value
    match inspect.getattr_static(value, name, None):
        case staticmethod(__func__=function):
            return function
        case (
            classmethod(__func__=function)
            | property(fget=FunctionType() as function)
            | functools.cached_property(func=function)
            | (FunctionType() as function)
        ):
            return MethodType(function, value)
        case found:
            return found


def _is_error(value: Any) -> bool:
    return isinstance(value, BaseException) or (
        isinstance(value, type) and issubclass(value, BaseException)
    )


def _is_response(value: Any) -> bool:
    """Whether it is Werkzeug's class of responses or made from it; that of requests is not."""
    return isinstance(value, type) and any(
        _package(each.__module__) == "werkzeug" and each.__name__ == "Response"
        for each in value.__mro__
    )


@contextlib.contextmanager
def _tolerant(read: Any) -> Iterator[None]:
    """Leave out what cannot be analysed: odd objects of an app must not hide the rest of it."""
    try:
        yield
    except Exception as error:
        _log.debug("cannot analyse %s: %r", type(read), error)


def _body(function: _FunctionNode) -> Iterator[ast.AST]:
    """The nodes of a function's own body; functions and classes in it are not entered."""
    inside = [function.body] if isinstance(function, ast.Lambda) else function.body
    pending: list[ast.AST] = [*inside]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))
