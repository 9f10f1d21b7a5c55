"""The target of a command: an app among its services."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo, prepare_import
from werkzeug.utils import ImportStringError, import_string

from flask_filibuster.config import Config
from flask_filibuster.exploring.subjects.added import NOTHING_ADDED, Added
from flask_filibuster.options.table import CONVENTION


@dataclass(frozen=True, slots=True)
class NamedServices:
    """An app and its services, by the names that a command line gives; loaded when called.

    :ivar app: as for ``--app``, or ``None``.
    :ivar services: as for ``--services``, or ``None``.
    :ivar create: makes the app, where the command line is one of the project's own.
    :ivar added: what the command line adds to the services.
    """

    app: str | None
    services: str | None
    create: Callable[..., Flask] | None = None
    added: Added = NOTHING_ADDED

    def __call__(self) -> Mapping[str, Any]:
        """The services by base URL, in whatever process this is."""
        info = ScriptInfo(app_import_path=self.app, create_app=self.create)
        return load_target(info, self.services, self.added).services


@dataclass(frozen=True, slots=True)
class Target:
    """An app among its services.

    :ivar app: the app that is requested.
    :ivar base_url: where it is.
    :ivar services: all apps by base URL, that one included.
    :ivar services_from: where the services were found, as for ``--services``, if anywhere.
    :ivar added: what the command line adds to the services.
    """

    app: Flask
    base_url: str
    services: Mapping[str, Any]
    services_from: str | None
    added: Added = NOTHING_ADDED

    @property
    def config(self) -> Config:
        """The app's settings, or the defaults where it has no extension yet."""
        state = self.app.extensions.get("filibuster")
        return Config.read(self.app.config) if state is None else state.config

    def named(self, info: ScriptInfo) -> NamedServices:
        """The same services for another process."""
        return NamedServices(info.app_import_path, self.services_from, info.create_app, self.added)


def load_app(info: ScriptInfo) -> Flask:
    """The app of the command line; output of its modules goes to stderr."""
    with redirect_stdout(sys.stderr):
        return info.load_app()


def load_target(
    info: ScriptInfo,
    services_from: str | None,
    added: Added = NOTHING_ADDED,
    spelt: str = "--services",
) -> Target:
    """The app of the command line, and the services that belong to it.

    :param info: Flask's knowledge of ``--app``.
    :param services_from: ``module:mapping``; ``None``: a mapping named ``filibuster_services``
        in the app's module, if there is one.
    :param added: what the command line adds to the services.
    :param spelt: how the user gave ``services_from``, for messages.
    :raises SetupError: a file of canned answers cannot be read.
    :raises click.UsageError: there is no such app or mapping.
    """
    app = load_app(info)
    state = app.extensions.get("filibuster")
    if state is not None and not state.config.enabled:
        raise click.UsageError(
            f"FILIBUSTER_ENABLED is False in the config of the app {app.name!r}, "
            "so Filibuster sees none of its calls; set it to True to explore the app"
        )
    if services_from is None:
        module = _module_with_services(info, app)
        services_from = None if module is None else f"{module}:{CONVENTION}"
        services = None if module is None else getattr(sys.modules[module], CONVENTION)
    else:
        services = _imported(services_from, spelt)
    known = {**_mapping(services_from, services), **added.services()}
    base_url = next((url for url, each in known.items() if each is app), None)
    if base_url is None:
        base_url = f"http://{_host(app)}"
        known[base_url] = app
    return Target(app, base_url, known, services_from, added)


def _mapping(name: str | None, services: Any) -> Mapping[str, Any]:
    """The services, of the function that returns them if it is one.

    :param name: their name, for messages.
    :raises click.UsageError: the function cannot be called, or the services are no mapping.
    """
    if inspect.isfunction(services):
        try:
            inspect.signature(services).bind()
        except TypeError as error:
            raise click.UsageError(f"{name}() cannot be called: {error}") from error
        services = services()
    if services is None or isinstance(services, Mapping):
        return services or {}
    raise click.UsageError(
        f"{name} is {services!r}; it must be a mapping of apps by base URL, "
        "like {'http://bookings:5003': bookings_app}"
    )


def _module_with_services(info: ScriptInfo, app: Flask) -> str | None:
    """The module that the app was loaded from, if it names its services."""
    if info.app_import_path is None:
        names = ["wsgi", "app"]  # Where Flask looks without --app.
    else:
        # As Flask does it: a path is split at a colon that belongs to no drive.
        names = [prepare_import(re.split(r":(?![\\/])", info.app_import_path, maxsplit=1)[0])]
    for name in (*names, app.import_name):
        if hasattr(sys.modules.get(name), CONVENTION):
            return name
    return None


def _imported(name: str, spelt: str) -> Any:
    if ":" not in name:
        raise click.UsageError(f"{spelt} {name}: write it as module:mapping")
    try:
        with redirect_stdout(sys.stderr):
            return import_string(name)
    except ImportStringError as error:
        raise click.UsageError(f"{spelt} {name}: {error.exception}") from error
    except Exception as error:
        # A module of the user's that fails: where it does, without our own frames.
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise click.UsageError(
            f"{spelt} {name} cannot be imported: {type(error).__name__}: {error} "
            f"(at {at.filename}:{at.lineno})"
        ) from error


def _host(app: Flask) -> str:
    """A host name for an app that no service mapping names."""
    name: str = app.config.get("SERVER_NAME") or app.name
    return name if re.fullmatch(r"[A-Za-z0-9.:-]+", name) else "localhost"


def command_prefix(info: ScriptInfo) -> str:
    """The command line up to the app: ``flask --app example_app``."""
    if info.app_import_path is None:
        return "flask"
    return f"flask --app {shlex.quote(info.app_import_path)}"
