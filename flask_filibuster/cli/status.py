"""``flask filibuster status``: whether the app is set up, and how."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo

from flask_filibuster._version import __version__
from flask_filibuster.cli.target import load_app
from flask_filibuster.config import Config
from flask_filibuster.core.vocabulary import DEFAULT_PROFILE
from flask_filibuster.errors import FilibusterError
from flask_filibuster.exploring.options import Options
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.faultmodel.profiles import PROFILES
from flask_filibuster.instrumentation.app.hooks import InstrumentedApp
from flask_filibuster.instrumentation.clients.registry import clients_known
from flask_filibuster.options.kinds import JOURNAL_FILE
from flask_filibuster.options.option import Option
from flask_filibuster.options.table import rows
from flask_filibuster.server.client.probe import probe

MISSING = """the app {name!r} has no Filibuster extension; add it where the app is created:

    from flask_filibuster import Filibuster

    Filibuster(app)"""


SUMMED_UP = ("enabled", "server_url", "token", "service_name")
"""Keys that have lines of their own, before those of the options."""


def run(info: ScriptInfo, *, as_json: bool) -> None:
    """Print whether the app is set up, and how."""
    try:
        app = load_app(info)
        state: InstrumentedApp | None = app.extensions.get("filibuster")
        status = _status(app, state) if state is not None else None
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    if status is None:
        message = MISSING.format(name=app.name)
        click.echo(json.dumps({"extension": False, "advice": message}) if as_json else message)
        raise SystemExit(1)
    if as_json:
        click.echo(json.dumps(status, indent=2))
    else:
        for name, value in _lines(status):
            click.echo(f"{name + ':':<15} {value}".rstrip())
    state_of_server = status["server_state"]
    if state_of_server is not None and "trouble" in state_of_server:
        raise SystemExit(1)


def _status(app: Flask, state: InstrumentedApp) -> dict[str, Any]:
    config = state.config
    source, model = _model(config, {f"http://{state.service_name}": app})
    return {
        "extension": True,
        "version": __version__,
        "enabled": config.enabled,
        "service": state.service_name,
        "server": config.server_url or "embedded in the process",
        "server_state": None
        if config.server_url is None
        else probe(config.server_url, config.token),
        "fault_model": {"source": source, **model.describe()},
        "instrumented": _instrumented(state),
        **{each.name: _value(each, config) for each in rows("config")},
        "token": config.token is not None,
        "sources": {each.name: _source(each, app, config) for each in rows("config")},
    }


def _model(config: Config, services: dict[str, Flask]) -> tuple[str, FaultModel]:
    """Where the fault model comes from, in words, and the model."""
    model = Options().over(config).model(services) or FaultModel.from_services(services)
    if config.faults is not None and config.faults not in PROFILES:
        return f"fault file {config.faults}", model
    if config.faults is None and config.analysis_file is not None:
        return f"analysis file {config.analysis_file}", model
    found = "static analysis of the views of the explored services; for this app"
    return f"profile {config.faults or DEFAULT_PROFILE}, and {found}", model


def _value(option: Option, config: Config) -> Any:
    """The value of a key, as plain data."""
    value = getattr(config, option.name)
    if isinstance(value, tuple):
        return [each if isinstance(each, str) else each.regex.pattern for each in value]
    return None if option.kind is JOURNAL_FILE and not value else value


def _source(option: Option, app: Flask, config: Config) -> str:
    """Where the value of a key comes from."""
    value = getattr(config, option.name)
    if value == option.default:
        return "default"
    if option.key in app.config:
        return "app.config"
    variable = os.environ.get(option.key) if option.environment else None
    return "environment" if value == variable else "argument"


def _instrumented(state: InstrumentedApp) -> list[str]:
    if not state.config.enabled:
        return []
    parts = ["the app's requests (always; inert outside explorations)"]
    clients = {each.name for each in clients_known()}
    if not state.config.instrument_requests:
        clients.discard("requests")
        parts.append("sessions with a FilibusterAdapter mounted by hand")
    names = ", ".join(sorted(clients))
    parts.append(f"calls of {names}; threads and thread pools (during explorations)")
    return parts


def _lines(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The status for people, as names and values."""
    model = status["fault_model"]
    yield "extension", f"installed, version {status['version']}"
    yield "enabled", "yes" if status["enabled"] else "no, FILIBUSTER_ENABLED is False"
    yield "service", status["service"]
    yield "server", status["server"]
    yield from _server_lines(status["server_state"])
    yield "token", "set" if status["token"] else "none"
    yield "fault model", f"{model['source']}:"
    yield "  exceptions", _listed(model["exceptions"])
    for service, statuses in model["statuses"].items():
        yield "  statuses", f"{_listed(statuses)} ({service})"
    yield "  otherwise", _listed(model["default_statuses"])
    yield "  lost answers", _listed(model["lost_answers"])
    yield "instrumented", _listed(status["instrumented"])
    for option in rows("config"):
        if option.name not in SUMMED_UP:
            source = status["sources"][option.name]
            origin = "" if source == "default" else f" ({source})"
            yield option.name.replace("_", " "), f"{_words(option, status[option.name])}{origin}"


def _words(option: Option, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _listed(value) if value else option.default_words or "none"
    if value is None:
        return option.default_words.replace("`", "") if option.default is None else "none"
    return str(value)


def _server_lines(state: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if state is None:
        return
    yield "  reachable", "yes" if state["reachable"] else "no"
    if state["who"] is not None:
        yield "  product", state["who"]
    if "trouble" in state:
        yield "  error", state["trouble"]
    elif state["reachable"] and not state["doing"]:
        yield "  explorations", "none"
    for line in state["doing"]:
        yield "  exploration", line


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values)) or "none"
