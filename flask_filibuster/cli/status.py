"""``flask filibuster status``: is the app set up, and how?"""

from __future__ import annotations

import json
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo, pass_script_info

from flask_filibuster import __version__
from flask_filibuster.core.fault_model import FaultModel
from flask_filibuster.errors import FilibusterError
from flask_filibuster.extension import InstrumentedApp

MISSING = """the app {name!r} has no Filibuster extension; add it where the app is made:

    from flask_filibuster import Filibuster

    Filibuster(app)"""


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_script_info
def status_command(info: ScriptInfo, as_json: bool) -> None:
    """Say whether the extension is there, and how it is set up.

    Exit code 1: it is missing.
    """
    app = info.load_app()
    state: InstrumentedApp | None = app.extensions.get("filibuster")
    if state is None:
        message = MISSING.format(name=app.name)
        click.echo(json.dumps({"extension": False, "advice": message}) if as_json else message)
        raise SystemExit(1)
    try:
        status = _status(app, state)
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(status, indent=2))
        return
    for key, value in status.items():
        click.echo(f"{key.replace('_', ' ') + ':':<16}{_words(value)}")


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
        "fault_model": {"source": source, **model.describe()},
        "instrumented": _instrumented(state),
        "reduction": config.reduction,
        "max_faults": config.max_faults,
        "max_executions": config.max_executions,
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


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')} {_words(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "no limit" if value is None else str(value)
