"""Set-up of journal, workers and server from the options of a command."""

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
    """The recording of an exploration.

    :param subject: the subject.
    :param options: the options of the command.
    :param config: the settings of the services.
    """
    chosen = options.over(config or Config())
    path = chosen.journal_path
    resume, changed = bool(chosen.resume), bool(chosen.changed)
    if path == JOURNAL and not (resume or changed):
        # The default place may be read-only: a warning suffices.
        problem = unwritable(path)
        if problem is not None:
            click.echo(f"warning: executions are not recorded: {problem}", err=True)
            path = None
    return Recording(path, subject.identity(unique=True), resume, changed)


def coordinator_of(options: Settings, **told: Any) -> Coordinator:
    """A coordinator with the options of the command line.

    :raises FilibusterError: an option does not fit.
    """
    config = Config() if options.settle is None else Config(timeout=options.settle)
    services = {} if options.services is None else services_of(options.services)
    return Coordinator(replace(options, **_model(options, services)), config, **told)


def _model(options: Settings, services: Mapping[str, Any]) -> dict[str, Any]:
    """The fault model, read once: the services run elsewhere, and may not use this package.

    Named apps are analysed for their statuses only.
    """
    model = options.model(services, foreign=True)
    return {"faults": model, "slow": None, "analysis_file": None}


@contextmanager
def workers_of(options: Settings) -> Iterator[Workers | None]:
    """The workers of an exploration, within the block; ``None``: this process runs it.

    :raises SetupError: the cluster cannot be used.
    """
    if options.dask is None:
        yield Workers.of(None, options.workers, prepare=None if options.verbose else _hide)
        return
    with cluster(options.dask, options.workers) as workers:
        yield workers


def _hide() -> None:
    """In a worker process: hide the output and logs of apps; the main process shows both."""
    # Stays open as long as the process runs.
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def token() -> str | None:
    """The shared secret, from the environment: other users can read command lines.

    :raises ConfigError: it is too short.
    """
    return Config.read({}).token if os.environ.get("FILIBUSTER_TOKEN") else None


def warn_of_host(host: str) -> None:
    """Warn of an address that other machines can reach."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        click.echo(
            f"warning: any client that reaches {host} can make the services fail; "
            "to prevent this, set FILIBUSTER_TOKEN here and in the services",
            err=True,
        )
