"""What the commands set up from their options: journal, workers, server."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from flask_filibuster.config import Config
from flask_filibuster.exploring.driven.coordinator import Coordinator
from flask_filibuster.exploring.options import Settings
from flask_filibuster.exploring.recording import Recording, unwritable
from flask_filibuster.exploring.subjects.base import Subject
from flask_filibuster.exploring.subjects.function import services_of
from flask_filibuster.exploring.workers.cluster import cluster
from flask_filibuster.exploring.workers.workers import Workers
from flask_filibuster.options.table import JOURNAL


def recording_of(subject: Subject, options: Settings, config: Config | None = None) -> Recording:
    """What is recorded of an exploration, and recalled.

    :param subject: what is explored.
    :param options: the options of the command.
    :param config: the settings of the services.
    """
    chosen = options.over(config or Config())
    path = chosen.journal_path
    resume, changed = bool(chosen.resume), bool(chosen.changed)
    if path == JOURNAL and not (resume or changed):
        # A place that nobody has asked for, in a directory where nothing can be written.
        problem = unwritable(path)
        if problem is not None:
            click.echo(f"warning: no execution is kept: {problem}", err=True)
            path = None
    return Recording(path, subject.identity(unique=True), resume, changed)


def coordinator_of(options: Settings, **told: Any) -> Coordinator:
    """A coordinator that explores as the command line says.

    :raises FilibusterError: an option does not fit.
    """
    config = Config() if options.settle is None else Config(timeout=options.settle)
    services = {} if options.services is None else services_of(options.services)
    return Coordinator(replace(options, **_model(options, services)), config, **told)


def _model(options: Settings, services: Mapping[str, Any]) -> dict[str, Any]:
    """The fault model, read once: the services are elsewhere, and may be those of other projects.

    Apps that are named are read for their statuses only.
    """
    model = options.model(services, foreign=True)
    return {"faults": model, "slow": None, "analysis_file": None}


@contextmanager
def workers_of(options: Settings) -> Iterator[Workers | None]:
    """What runs the executions, for the time of the block; ``None``: this process.

    :raises SetupError: the cluster cannot be used.
    """
    if options.dask is None:
        yield Workers.of(None, options.workers, prepare=None if options.verbose else _hide)
        return
    with cluster(options.dask, options.workers) as workers:
        yield workers


def _hide() -> None:
    """In a worker process: keep what apps print and log off the terminal, from their import on.

    (Which this one has shown already, when it imported them itself.)
    """
    # Open for as long as the process is.
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


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
