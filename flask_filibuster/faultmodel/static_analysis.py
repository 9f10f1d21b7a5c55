"""The error statuses that the views of a Flask app can answer with, read from their source.

The app's code is not run: names are looked up in its modules, classes and closures as they are now.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

from flask_filibuster.core.own_code import is_installed
from flask_filibuster.sources.names import (
    Nested,
    Scope,
    Sources,
    Values,
    functions_called,
)
from flask_filibuster.sources.objects import identity_of, is_a, text_of, tolerant, variables_of

FRAMEWORK = frozenset({"flask", "flask_filibuster", "werkzeug"})
# the most calls of one function, with different arguments, that are read; bounds the time
MOST_CALLS = 50
_METHODS = ("get", "head", "post", "put", "delete", "patch", "options", "trace")
STATUS_ARGUMENTS = frozenset({"code", "status", "status_code", "http_status_code"})


def answered_statuses(app: Any) -> frozenset[int]:
    """The statuses from 400 to 599 that a Flask app's own code can answer with.

    Views, ``before_request`` hooks and error handlers are read, and the functions of the same
    top-level package that they use. Unreadable code is skipped, and logged at DEBUG.

    :param app: a Flask app, or something with the same ``view_functions``,
        ``before_request_funcs`` and ``error_handler_spec``.
    :returns: the statuses; empty if the analysis finds none.
    """
    entries: list[Any] = []
    with tolerant("the app"):
        entries.extend(_entry_points(app))
    return _Analysis(_packages(app, entries), Sources()).statuses_of(entries)


def signature_of(app: Any) -> tuple[object, ...]:
    """What changes when an app gets further views, hooks or error handlers.

    :param app: an app, as for :func:`answered_statuses`.
    """
    found: list[object] = []
    with tolerant("the app"):
        found.extend(sorted(set(map(identity_of, _entry_points(app))) - {()}))
        found.extend((rule.rule, rule.endpoint) for rule in app.url_map.iter_rules())
    return tuple(found)


class RouteStatuses:
    """The statuses that the routes of a Flask app can answer with.

    :param app: the app, as for :func:`answered_statuses`.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._sources = Sources()

    def of(self, endpoint: str, method: str) -> frozenset[int]:
        """The statuses of one endpoint: its view, the hooks before it, the error handlers.

        :param endpoint: the endpoint.
        :param method: the HTTP method, by which a class of views selects a function.
        """
        app = self._app
        entries: list[Any] = []
        with tolerant("the app"):
            entries.extend(_entry_points(app))
        packages = _packages(app, entries)
        found: set[int] = set()
        with tolerant(f"the endpoint {endpoint}"):
            view = app.view_functions[endpoint]
            own = _Analysis(packages, self._sources)
            found |= own.statuses_of([view], skipped=_other_methods(view, method))
        with tolerant(f"the hooks before {endpoint}"):
            hooks = [*_hooks_before(app, endpoint)]
            found |= _Analysis(packages, self._sources).statuses_of(hooks)
        with tolerant("the error handlers"):
            for code, handler in _error_handlers(app):
                statuses = _Analysis(packages, self._sources).statuses_of([handler])
                # The page of a 404 answers with 404 only where something else did.
                found |= statuses - {code}
        return frozenset(found)


def _packages(app: Any, entries: Iterable[Any]) -> set[str]:
    """The top-level packages of an app's own code."""
    packages: set[str] = set()
    with tolerant("the name of the app"):
        packages.add(_package(str(app.import_name)))
    for entry in entries:
        with tolerant(f"the module of a {type(entry).__name__}"):
            packages.update(_packages_of(entry))
    return packages - FRAMEWORK


def _entry_points(app: Any) -> Iterator[Any]:
    yield from app.view_functions.values()
    for hooks in getattr(app, "before_request_funcs", {}).values():
        yield from hooks
    for _, handler in _error_handlers(app):
        yield handler


def _hooks_before(app: Any, endpoint: str) -> Iterator[Any]:
    for blueprint, hooks in getattr(app, "before_request_funcs", {}).items():
        if blueprint is None or endpoint.startswith(f"{blueprint}."):
            yield from hooks


def _error_handlers(app: Any) -> Iterator[tuple[int | None, Any]]:
    """Each error handler, with the status that it is for; ``None``: for other exceptions."""
    for by_code in getattr(app, "error_handler_spec", {}).values():
        for code, by_class in by_code.items():
            for handler in by_class.values():
                yield code, handler


def _other_methods(view: Any, method: str) -> frozenset[int]:
    """The functions of a view's class that handle other methods, by id."""
    view_class = getattr(view, "view_class", None)
    names = {each for each in _METHODS if each != method.lower()}
    if method == "HEAD" and not hasattr(view_class, "head"):
        names.discard("get")
    functions = (inspect.getattr_static(view_class, name, None) for name in names)
    return frozenset(id(each) for each in functions if each is not None)


def _packages_of(entry: Any) -> Iterator[str]:
    """The app's own package: that of a view, unless installed; independent of the app's name."""
    while is_a(entry, functools.partial):
        entry = entry.func
    # functools.wraps and View.as_view copy the module of the wrapped object
    name = str(getattr(entry, "__module__", ""))
    if not is_installed(text_of(variables_of(sys.modules.get(name)).get("__file__")) or ""):
        yield _package(name)


def _package(module: str) -> str:
    """The top-level package of a module, also of ``__main__`` if started with ``-m``."""
    package = text_of(variables_of(sys.modules.get(module)).get("__package__"))
    return (package or module).partition(".")[0]


class _Analysis:
    """The functions of one app that are analysed, and their statuses."""

    def __init__(self, packages: set[str], sources: Sources) -> None:
        self._packages = packages
        self._sources = sources
        self._statuses: set[int] = set()
        self._scopes: dict[Hashable, dict[Hashable, Scope]] = {}
        self._pending: list[tuple[Scope, bool]] = []
        self._seen: set[tuple[Scope, bool]] = set()

    def statuses_of(
        self, entries: Sequence[Any], *, skipped: frozenset[int] = frozenset()
    ) -> frozenset[int]:
        """The statuses in these functions, read as views, and in the functions that they use.

        :param skipped: functions of the entries that are not read, by id.
        """
        for entry in entries:
            with tolerant(f"a view, a {type(entry).__name__}"):
                self._follow(entry, answers=True, skipped=skipped)
        while self._pending:
            scope, answers = self._pending.pop()
            nodes = [*self._sources.body_of(scope.node)]
            # calls are followed with their arguments; other mentions (callbacks) without
            called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
            if isinstance(scope.node, ast.Lambda):
                nodes.append(ast.Return(scope.node.body))
            for node in nodes:
                with tolerant(f"line {getattr(node, 'lineno', '?')} of {scope.function}"):
                    if id(node) not in called:
                        self._read(node, scope, answers=answers)
        return frozenset(self._statuses)

    def _follow(
        self,
        called: Any,
        placed: Iterable[Values] = (),
        named: Mapping[str, Values] | None = None,
        *,
        answers: bool,
        skipped: frozenset[int] = frozenset(),
    ) -> None:
        """Plan to read the functions that run when an object is called.

        A nested function is read only if it is used.

        :param answers: whether the result is returned as a response; otherwise a helper that
            returns ``(name, 503)`` has no status, only one that raises does.
        """
        for function, first in functions_called(called):
            if id(function) in skipped:
                continue
            if isinstance(function, Nested):
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
                    scopes[key] = Scope(node, body, live, parent, values, by_name)
                # reading a function for its answers covers all of it
                if key in scopes and not {(scopes[key], answers), (scopes[key], True)} & self._seen:
                    self._seen.add((scopes[key], answers))
                    self._pending.append((scopes[key], answers))

    def _read(self, node: ast.AST, scope: Scope, *, answers: bool) -> None:
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
                    if is_a(each, (FunctionType, MethodType, functools.partial, Nested)):
                        self._follow(each, answers=False)

    def _assign(self, target: ast.Attribute, scope: Scope, values: Values) -> None:
        error = target.attr == "code" and any(map(_is_error, scope.values(target.value)))
        if error or target.attr == "status_code":
            self._note(values)
        elif target.attr == "status":  # a string belongs to a response, a number to a model
            self._note(each for each in values if is_a(each, str))

    def _answer(self, sent: ast.expr, scope: Scope) -> None:
        """Add the statuses of a returned response, or of a raised exception."""
        for leaf in scope.leaves(sent):
            match leaf:
                case ast.Tuple(elts=[_, status]) | ast.Tuple(elts=[_, status, _]):
                    self._note(scope.values(status))
                case ast.Call():
                    self._call(leaf, scope, answers=True)
        for value in scope.values(sent):
            if _is_error(value):
                self._note([inspect.getattr_static(value, "code", None)])
            elif is_a(value, tuple) and len(value) in (2, 3):
                self._note(value[1:2])

    def _call(self, call: ast.Call, scope: Scope, *, answers: bool) -> None:
        functions = scope.values(call.func)
        names = {getattr(call.func, "attr", getattr(call.func, "id", ""))}
        names.update(each.__name__ for each in functions if is_a(each, FunctionType))
        place = 0 if names & {"abort", "aborter"} else None
        if any(map(_is_response, functions)) or names & {"make_response", "response_class"}:
            place = 1
        if "make_response" in names and call.args:
            self._answer(call.args[0], scope)
        if place is not None:
            by_name = [each.value for each in call.keywords if each.arg in STATUS_ARGUMENTS]
            for each in (*call.args[place : place + 1], *by_name):
                self._note(scope.values(each))
        placed = [_relevant(scope.values(each)) for each in call.args]
        named = {
            each.arg: _relevant(scope.values(each.value)) for each in call.keywords if each.arg
        }
        for function in functions:
            self._follow(function, placed, named, answers=answers)

    def _note(self, values: Iterable[Any]) -> None:
        self._statuses.update(status for each in values if (status := _status(each)))


def _status(value: Any) -> int | None:
    """The error status in a response's status: ``503``, ``"503 No Luck"``."""
    text = re.match(r"\d{3}\b", value) if is_a(value, str) else None
    status = int(text[0]) if text else value
    return int(status) if is_a(status, int) and 400 <= status <= 599 else None


def _relevant(values: Values) -> Values:
    """The values that matter to the analysis of a called function.

    Without strings and numbers that make no difference, and without methods, which are new objects
    each time: the number of different calls would be unbounded.
    """
    return tuple(
        each for each in values if (not is_a(each, (str, int, MethodType)) or _status(each))
    )


def _is_error(value: Any) -> bool:
    return issubclass(value if is_a(value, type) else type(value), BaseException)


def _is_response(value: Any) -> bool:
    """Whether it is Werkzeug's response class or a subclass; that of requests is not."""
    return is_a(value, type) and any(
        _package(each.__module__) == "werkzeug" and each.__name__ == "Response"
        for each in value.__mro__
    )
