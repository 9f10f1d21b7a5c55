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
    the scheduler moves its executions to another worker; an execution that kills several workers
    (``distributed.scheduler.allowed-failures``) is lost.

    :param address: address of the scheduler, like ``tcp://10.0.0.1:8786``.
    :param count: number of parallel executions; ``None``: the number of the cluster's threads.
    :param patience: time to wait for the scheduler, and for a worker, in seconds; ``None``:
        :data:`CONNECT`.
    :raises SetupError: ``distributed`` is not installed, or no scheduler or worker answers.
    """
    distributed, killed = _dask()
    if patience is None:
        patience = CONNECT
    try:
        client = distributed.Client(address, timeout=patience, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SetupError(f"no Dask scheduler at {address}: {error}") from error
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
    """Dask's package, and its exception for an execution that killed several workers."""
    try:
        return import_module("distributed"), import_module("distributed.scheduler").KilledWorker
    except ImportError as error:
        raise SetupError(
            f"cannot import Dask ({error}); pip install 'flask-filibuster[distributed]'"
        ) from error


def _check(client: Any, address: str, timed_out: type[Exception]) -> None:
    """Raise if the cluster can't run anything any more."""
    try:
        left = client.ncores()
    except (OSError, TimeoutError, timed_out, RuntimeError) as error:
        raise SetupError(f"the Dask scheduler at {address} no longer answers: {error}") from error
    if not left:
        raise SetupError(f"the Dask scheduler at {address} has lost all its workers")
