"""``flask filibuster serve``: the server, for drivers of any kind."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

from flask_filibuster._version import __version__
from flask_filibuster.cli.searching import search_options
from flask_filibuster.cli.serving import (
    address_options,
    coordinator_of,
    model_options,
    token,
    warn_of_host,
)
from flask_filibuster.cli.terminal import indented
from flask_filibuster.errors import FilibusterError
from flask_filibuster.report import text
from flask_filibuster.results.execution import Execution
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import seal_of


@click.command("serve")
@address_options
@search_options
@model_options
def command(
    host: str,
    port: int,
    analysis_file: str | None,
    slow: bool,
    settle: float,
    **search: Any,
) -> None:
    """Serve the Filibuster protocol, until Ctrl-C.

    Services are told of it by FILIBUSTER_SERVER_URL. Tests are driven by pytest with
    --filibuster-server, or by any driver that speaks the protocol. FILIBUSTER_TOKEN, in the
    environment, is the secret that calls have to be signed with.
    """
    try:
        secret = token()
        coordinator = coordinator_of(
            analysis_file=analysis_file, slow=slow, settle=settle, search=search, told=_tell
        )
        app = create_app(coordinator, version=__version__, seal=seal_of(secret))
        warn_of_host(host)
        serving = Serving(app, host, port)
    except FilibusterError as error:
        raise click.UsageError(str(error)) from error
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with serving:
        click.echo(f"Filibuster server at {serving.url} (Ctrl-C ends it)")
        try:
            while not ended.wait(3600):
                pass
        except KeyboardInterrupt:
            ended.set()
    for each in coordinator.describe()["explorations"]:
        click.echo(f"{each['name']}: {each['executed']} executed, {each['failed']} failed")


def _tell(name: str, execution: Execution) -> None:
    """Say what a driver of another project has no way to learn: which faults it was."""
    if execution.verdict == "passed":
        return
    click.echo(f"{name}: execution {execution.number} {execution.verdict}")
    click.echo(indented(text.fault_set_lines(execution.faults)))
    click.echo(indented(execution.problems), nl=bool(execution.problems))
