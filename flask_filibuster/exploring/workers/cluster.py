"""Executions on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from flask_filibuster.errors import SetupError
from flask_filibuster.exploring.workers.workers import Workers

CONNECT = 10.0
"""Seconds to wait for the scheduler, and then for the first worker."""


@contextmanager
def cluster(
    address: str, count: int | None = None, *, patience: float | None = None
) -> Iterator[Workers]:
    """The workers of a cluster.

    Source: ``Client.get_executor`` of Dask's documentation (distributed, API). When a worker dies,
    the scheduler gives what it ran to another one; an execution that takes several workers down
    (``distributed.scheduler.allowed-failures``) is lost.

    :param address: of the scheduler, like ``tcp://10.0.0.1:8786``.
    :param count: how many executions to run at once; ``None``: as many as the cluster has threads.
    :param patience: how long to wait for the scheduler, and for a worker, in seconds; ``None``:
        :data:`CONNECT`.
    :raises SetupError: ``distributed`` is not installed, or there is no such scheduler or worker.
    """
    distributed, killed = _dask()
    if patience is None:
        patience = CONNECT
    try:
        client = distributed.Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SetupError(f"there is no Dask scheduler at {address}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=patience)
        except (TimeoutError, distributed.TimeoutError) as error:
            raise SetupError(f"the Dask scheduler at {address} has no workers") from error

        cores = sum(client.ncores().values())
        # Not pure: the same execution twice is two executions.
        executor = client.get_executor(pure=False)
        yield Workers(
            count or cores,
            executor,
            lost=(killed,),
            check=partial(_check, client, address, distributed.TimeoutError),
        )


def _dask() -> tuple[Any, type[Exception]]:
    """Dask's package, and what it raises when an execution has taken several workers down."""
    try:
        return import_module("distributed"), import_module("distributed.scheduler").KilledWorker
    except ImportError as error:
        raise SetupError(
            f"Dask cannot be imported here ({error}); pip install 'flask-filibuster[distributed]'"
        ) from error


def _check(client: Any, address: str, timed_out: type[Exception]) -> None:
    """Raise if nothing will be run any more."""
    try:
        left = client.ncores()
    except (OSError, TimeoutError, timed_out, RuntimeError) as error:
        raise SetupError(f"the Dask scheduler at {address} has gone: {error}") from error
    if not left:
        raise SetupError(f"the Dask scheduler at {address} has no workers any more")
