"""``flask filibuster serve``: the server, for drivers of any kind."""

from __future__ import annotations

import signal
import threading
from typing import Any

import click

from flask_filibuster._version import __version__
from flask_filibuster.cli.options import options_from
from flask_filibuster.cli.setup import coordinator_of, token, warn_of_host
from flask_filibuster.cli.terminal import indented
from flask_filibuster.errors import FilibusterError
from flask_filibuster.report import text
from flask_filibuster.results.execution import Execution
from flask_filibuster.server.http.app import create_app
from flask_filibuster.server.http.serving import Serving
from flask_filibuster.server.signing import seal_of


def run(*, host: str, port: int, **given: Any) -> None:
    """Serve until a signal arrives."""
    try:
        secret = token()
        coordinator = coordinator_of(options_from("serve", given), told=_tell)
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
    """Show the faults of an execution that did not pass: drivers of other projects can't."""
    if execution.verdict == "passed":
        return
    click.echo(f"{name}: execution {execution.number} {execution.verdict}")
    click.echo(indented(text.fault_set_lines(execution.faults)))
    click.echo(indented(execution.problems), nl=bool(execution.problems))
