"""Options that the commands with a server have in common."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from flask_filibuster.config import Config
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.options import Options
from flask_filibuster.faultmodel.model import FaultModel

MISUSED, INTERRUPTED = 2, 130
Command = TypeVar("Command", bound=Callable[..., Any])


def model_options(command: Command) -> Command:
    """The options that say which calls can fail how, and how long to wait."""
    for option in (
        click.option(
            "--slow",
            is_flag=True,
            help="Instead of failing calls, hold each that has a timeout until just past it.",
        ),
        click.option(
            "--analysis-file",
            metavar="FILE",
            help="Which calls can fail how; `flask filibuster analyze` writes one.  "
            "[default: ConnectionError, Timeout, 500, 502, 503]",
        ),
        click.option(
            "--settle",
            type=click.FloatRange(min=0.001),
            default=Config().timeout,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait, after each execution, for calls that are still under way.",
        ),
    ):
        command = option(command)
    return command


def address_options(command: Command) -> Command:
    """The options that say where the server listens."""
    for option in (
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=5005,
            show_default=True,
            help="Where to listen; 0 for any port that is free.",
        ),
        click.option(
            "--host",
            default="127.0.0.1",
            show_default=True,
            help="Where to listen; whoever reaches the server can make services fail.",
        ),
    ):
        command = option(command)
    return command


def coordinator_of(
    *,
    analysis_file: str | None,
    slow: bool,
    settle: float,
    search: Mapping[str, Any],
    **told: Any,
) -> Coordinator:
    """A coordinator with the options of the command line.

    :param search: those that say which fault sets to run.
    :raises FilibusterError: an option does not fit.
    """
    if slow and analysis_file is not None:
        raise click.UsageError("--slow is a fault model, and so is --analysis-file; choose one")
    faults = None
    if slow:
        faults = FaultModel.held()
    elif analysis_file is not None:
        faults = FaultModel.from_analysis_file(analysis_file, foreign=True)
    options = Options(faults, **search)
    return Coordinator(options, Config(timeout=settle), **told)


def token() -> str | None:
    """The shared secret, from the environment: command lines are seen by everybody.

    :raises ConfigError: it is too short.
    """
    return Config.read({}).token if os.environ.get("FILIBUSTER_TOKEN") else None


def warn_of_host(host: str) -> None:
    """Say what it means to listen to more than this machine."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        click.echo(
            f"warning: whoever reaches {host} can make the services fail; "
            "set FILIBUSTER_TOKEN here and in the services to keep others out",
            err=True,
        )
