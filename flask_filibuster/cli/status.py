"""``flask filibuster status``: whether the app is set up, and how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo, pass_script_info

from flask_filibuster._version import __version__
from flask_filibuster.cli.target import load_app
from flask_filibuster.errors import FilibusterError
from flask_filibuster.faultmodel.model import FaultModel
from flask_filibuster.instrumentation.app.hooks import InstrumentedApp
from flask_filibuster.server.client.probe import probe

MISSING = """the app {name!r} has no Filibuster extension; add it where the app is made:

    from flask_filibuster import Filibuster

    Filibuster(app)"""


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_script_info
def command(info: ScriptInfo, as_json: bool) -> None:
    """Say whether the extension is there, and how it is set up.

    Where a server elsewhere is configured: whether it can be reached, who it is, and what it is
    doing. Exit code 0: all is there, 1: the extension is missing or its server cannot be reached,
    2: its configuration cannot be used.
    """
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
            click.echo(f"{name + ':':<16}{value}".rstrip())
    state_of_server = status["server_state"]
    if state_of_server is not None and "trouble" in state_of_server:
        raise SystemExit(1)


def _status(app: Flask, state: InstrumentedApp) -> dict[str, Any]:
    config = state.config
    if config.analysis_file is not None:
        source = f"analysis file {config.analysis_file}"
        model = FaultModel.from_analysis_file(config.analysis_file)
    else:
        source = "static analysis of the views of the services explored; for this app"
        model = FaultModel.from_services({f"http://{state.service_name}": app})
    return {
        "extension": True,
        "version": __version__,
        "enabled": config.enabled,
        "service": state.service_name,
        "server": config.server_url or "embedded in the process",
        "server_state": None
        if config.server_url is None
        else probe(config.server_url, config.token),
        "token": config.token is not None,
        "fault_model": {"source": source, **model.describe()},
        "instrumented": _instrumented(state),
        "reduction": config.reduction,
        "max_faults": config.max_faults,
        "max_executions": config.max_executions,
        "max_seconds": config.max_seconds,
        "check_determinism": config.check_determinism,
        "journal": config.journal,
        "excluded_hosts": list(config.excluded_hosts),
    }


def _instrumented(state: InstrumentedApp) -> list[str]:
    if not state.config.enabled:
        return []
    parts = ["the app's requests (always, inert unless something is explored)"]
    if state.config.instrument_requests:
        parts.append("requests, threads and thread pools (while something is explored)")
    else:
        parts.append("sessions with a FilibusterAdapter mounted by hand")
    return parts


def _lines(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The status for people, as names and values."""
    model = status["fault_model"]
    yield "extension", f"there, version {status['version']}"
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
    yield "reduction", status["reduction"]
    for key in ("max_faults", "max_executions", "max_seconds"):
        yield (key.replace("_", " "), "no limit" if status[key] is None else str(status[key]))
    yield "determinism", "checked" if status["check_determinism"] else "not checked"
    yield "journal", status["journal"] or "none"
    yield "excluded hosts", _listed(status["excluded_hosts"])


def _server_lines(state: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if state is None:
        return
    yield "  reachable", "yes" if state["reachable"] else "no"
    if state["who"] is not None:
        yield "  who", state["who"]
    if "trouble" in state:
        yield "  trouble", state["trouble"]
    elif state["reachable"] and not state["doing"]:
        yield "  doing", "nothing"
    for line in state["doing"]:
        yield "  doing", line


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values)) or "none"
