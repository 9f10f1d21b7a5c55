"""The source files that an execution depends on: those of the services reached and of the test."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask

from flask_filibuster.core.trace import Trace
from flask_filibuster.instrumentation.callsite import package_of
from flask_filibuster.sources.imports import (
    Files,
    Imports,
    Module,
    loaded_module,
    modules_with,
    of_namespace,
)
from flask_filibuster.sources.names import functions_called
from flask_filibuster.sources.objects import Identity, attribute, identity_of, is_a, text_of

logger = logging.getLogger(__name__)

_HOOKS = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "url_value_preprocessors",
    "url_default_functions",
    "template_context_processors",
)


class ReadSources:
    """The sources that several :class:`SourceFiles` read once, while no file changes.

    :ivar imports: the files that were read.
    :ivar modules: the modules of apps, each with the entries of the app that they were found by.
    """

    def __init__(self) -> None:
        self.imports = Imports()
        self.modules: WeakKeyDictionary[Flask, tuple[frozenset[Identity], list[Module] | None]] = (
            WeakKeyDictionary()
        )


class SourceFiles:
    """The files of the application's own code behind services and tests.

    A service's files are the modules of its app, blueprints, views, hooks and error handlers, and
    their imports, direct or indirect, anywhere in a file; a test's files are its module and its
    imports, without the modules of services, which count if their service took part. Not included
    are Python itself, installed packages (except the app's own), imports by computed names, and
    files that are not modules: templates, data and configuration files.

    An object reads each file once; create a new one to see changed files.

    :param services: Flask apps by name of service.
    :param read: what others have read, to be shared; by default, everything is read anew.
    """

    def __init__(self, services: Mapping[str, Flask], read: ReadSources | None = None) -> None:
        self._services = services  # Not a copy: an app may join when it handles a request.
        self._lock = threading.Lock()
        read = ReadSources() if read is None else read
        self._imports = read.imports
        self._modules_of_app = read.modules
        self._files_of_service: dict[str, Files | None] = {}
        self._files_of_test: dict[tuple[tuple[Module, ...], tuple[str, ...]], Files] = {}
        self._found: dict[tuple[frozenset[str], Files], dict[str, str] | None] = {}
        self._last_test: tuple[object, tuple[str, ...], Files | None] = (None, (), frozenset())

    def of(
        self, trace: Trace, test: object = None, *, extra: Iterable[str] = ()
    ) -> dict[str, str] | None:
        """The files that an execution depends on, with digests of their contents.

        :param trace: its trace.
        :param test: the functional test: a function, or an object whose class or module has a
            file; ``None``: there is none.
        :param extra: paths of further files of the test, such as pytest's ``conftest.py``; their
            imports belong to the test, too.
        :returns: MD5 digests (hexadecimal; empty for a missing file) by absolute path; ``None`` if
            a service that handled a request is unknown, or if its source or that of the test is not
            found.
        """
        # An app may handle a request for another one of this process, see Frame.is_nested.
        services = frozenset(each.service for each in trace.handlings.values()) | {
            each.source for each in trace.invocations
        }
        given = tuple(extra)
        last_test, last_extra, tested = self._last_test
        if test is not last_test or given != last_extra:
            with self._lock:
                tested = self._of_test(test, given)
            self._last_test = test, given, tested
        if tested is None:
            return None
        key = services, tested
        if key not in self._found:
            with self._lock:
                self._found[key] = self._digests(services, tested)
        found = self._found[key]
        return None if found is None else dict(found)

    def read(self, test: object = None, *, extra: Iterable[str] = ()) -> None:
        """Read the files of all services and of the test now.

        Later, they may differ from the code that this process has imported.

        :param test: as for :meth:`of`.
        :param extra: as for :meth:`of`.
        """
        with self._lock:
            tested = self._of_test(test, tuple(extra))
            for name in self._services:
                self._digests([name], tested or frozenset())

    def _digests(self, services: Iterable[str], tested: Files) -> dict[str, str] | None:
        files = set(tested)
        for name in services:
            if name not in self._files_of_service:
                app = self._services.get(name)
                self._files_of_service[name] = None if app is None else self._of_app(app)
            own = self._files_of_service[name]
            if own is None:
                return None
            files |= own
        return {file: self._imports.digest(file) for file in sorted(files)}

    def _of_app(self, app: Flask) -> Files | None:
        modules = self._modules_of(app)
        return (modules and self._imports.closure(modules, package_of(app))) or None

    def _modules_of(self, app: Flask) -> list[Module] | None:
        """The modules of a service's own code; ``None`` if one has no source."""
        entries = frozenset(map(identity_of, _entries(app))) - {()}
        known = self._modules_of_app.get(app)
        if known is None or known[0] != entries:
            known = self._modules_of_app[app] = entries, self._find_modules(app)
        return known[1]

    def _find_modules(self, app: Flask) -> list[Module] | None:
        modules: list[Module] = []
        for entry in _entries(app):
            origins = _origins(entry)
            if not origins:
                logger.debug("%s: no source of %r", app.name, entry)
                return None
            modules += origins
        for name in (app.import_name, *(each.import_name for each in app.blueprints.values())):
            # Only a loaded module: another, unloaded module may have the same name.
            modules += loaded_module(name)
        modules += loaded_module(type(app).__module__)
        if not loaded_module(app.import_name):
            modules += self._makers(app)
        return modules

    def _makers(self, app: Flask) -> list[Module]:
        """The modules that create an app whose name is not a module's, without its importers."""
        having = modules_with(app)
        files = {each.file for each in having}
        makers = [
            each
            for each in having
            if not (self._imports.closure([each], package_of(app)) - {each.file}) & files
        ]
        return makers or having

    def _of_test(self, test: object, extra: tuple[str, ...]) -> Files | None:
        origins = tuple(_origins(test)) if test is not None else ()
        if test is not None and not origins:
            logger.debug("no source of the test %r", test)
            return None
        key = origins, extra
        if key not in self._files_of_test:
            modules = [*origins, *(self._imports.at(os.path.abspath(each)) for each in extra)]
            # Services that a conftest.py imports are not part of the test.
            services = {
                module for app in self._services.values() for module in self._modules_of(app) or ()
            }.difference(modules)
            package = _package_of_test(test)
            found = self._imports.closure(modules, package, without=services)
            self._files_of_test[key] = found | frozenset(map(os.path.abspath, extra))
        return self._files_of_test[key]


def _entries(app: Flask) -> Iterator[Any]:
    """The functions and objects that an app calls to answer a request."""
    yield from app.view_functions.values()
    yield from app.teardown_appcontext_funcs
    for kind in _HOOKS:
        for functions in getattr(app, kind).values():
            yield from functions
    for by_code in app.error_handler_spec.values():
        for by_exception in by_code.values():
            yield from by_exception.values()
    yield app.wsgi_app


def _origins(value: Any) -> list[Module]:
    """The modules with the source of an object's functions and of its class.

    Empty if no source is found; for a module, the module itself.
    """
    functions = _functions_of(value)
    found = [module for each in functions if (module := _of_function(each)).file is not None]
    if functions and not found:
        return []
    # A method may be inherited from another module.
    owner = value.__self__ if is_a(value, MethodType) else value
    name = "__name__" if is_a(owner, ModuleType) else "__module__"
    found += loaded_module(attribute(owner, name))
    return list(dict.fromkeys(found))


def _functions_of(value: Any) -> list[FunctionType]:
    """The functions that an object calls, including those in decorators and partials."""
    pending, found = [value], dict[FunctionType, None]()
    while pending:
        for function, given in functions_called(pending.pop()):
            if is_a(function, FunctionType) and function not in found:
                found[function] = None
                pending += [each for each in (*given, *_enclosed(function)) if callable(each)]
    return list(found)


def _enclosed(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # an unassigned variable
            yield cell.cell_contents


def _of_function(function: FunctionType) -> Module:
    name = text_of(function.__globals__.get("__name__")) or ""
    return of_namespace(function.__globals__, name, function.__code__.co_filename)


def _package_of_test(test: Any) -> str:
    """The top-level package of a test, through its decorators."""
    while is_a(test, functools.partial):
        test = test.func
    return (text_of(attribute(test, "__module__")) or "").partition(".")[0]
