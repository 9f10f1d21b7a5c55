"""Options that say where executions are run: here, in processes of our own, on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from flask_filibuster.exploring.workers.cluster import cluster
from flask_filibuster.exploring.workers.processes import Workers

Command = TypeVar("Command", bound=Callable[..., Any])


def worker_options(command: Command) -> Command:
    """The options that say who runs the executions."""
    for option in (
        click.option(
            "--dask",
            metavar="ADDRESS",
            help="Run the executions on the Dask cluster with the scheduler at ADDRESS, where the "
            "app can be imported by the same name.  Needs flask-filibuster[distributed].",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=0),
            metavar="N",
            help="Run N executions at once, each in a process of its own; with --dask, on the "
            "cluster.  The result is the same.  [default: one after the other, in this process]",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def workers_of(
    count: int | None, address: str | None, *, verbose: bool
) -> Iterator[Workers | None]:
    """What the options ask for, for the time of the block; ``None``: this process.

    :param verbose: whether to show what the apps print and log.
    :raises SetupError: the cluster cannot be used.
    """
    if address is None:
        yield Workers.of(None, count, prepare=None if verbose else _hide)
        return
    with cluster(address, count) as workers:
        yield workers


def _hide() -> None:
    """In a worker process: keep what apps print and log off the terminal, from their import on.

    (Which this one has shown already, when it imported them itself.)
    """
    # Open for as long as the process is.
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
